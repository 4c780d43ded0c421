"""Training of the embedding and the anchors on cached features (Triplet-A, Triplet-A + HN)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from models.losses import classification_loss, total_loss, triplet_losses
from models.network import MetricModel, initialise
from models.sampling import NONE, Triplets, TripletSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.config import MetricConfig

_REPORT_EVERY: Final = 10  # steps between two calls of progress and should_stop
_ROWS: Final = 8192  # rows that are embedded at a time


class Cancelled(Exception):  # noqa: N818 - a wish that was granted, not an error
    """Training stopped because should_stop said so; nothing of it is kept."""


def fit(
    features: Tensor,
    labels: Tensor,
    rejected_features: Tensor,
    rejected_categories: Tensor,
    *,
    categories: int,
    config: MetricConfig,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> MetricModel:
    """Minimise omega * triplet + (1 - omega) * classification (Eq. 2.5) on cached features.

    The same arguments give the same model on one machine with one number of threads. The device
    is that of `features`.

    Args:
        features: float [n, D], pooled features of the examples.
        labels: int64 [n], their categories, 0 to categories - 1.
        rejected_features: float [r, D], pooled features of human hard negatives; r may be 0.
        rejected_categories: int64 [r], the category each of them is not.
        categories: N; each must have an example.
        config: the settings.
        progress: called now and then with (step, steps), and at the end.
        should_stop: asked now and then; True ends the training.

    Returns:
        The trained model, in evaluation mode.

    Raises:
        ValueError: no examples, a category without one, shapes that do not match, labels out of
            range, features that are NaN or infinite; the message names the index.
        Cancelled: should_stop said so.
    """
    _check(features, labels, "example", categories)
    _check(rejected_features, rejected_categories, "rejected image", categories)
    _check_complete(features, labels, rejected_features, categories)
    generator = torch.Generator().manual_seed(config.seed)
    model = MetricModel(features=features.shape[1], categories=categories, config=config)
    model.to(features.device)
    initialise(model, features.float(), labels, generator)
    run = _Run(model, features, labels, rejected_features, rejected_categories, generator)
    for step, batch in enumerate(run.batches()):
        if step % _REPORT_EVERY == 0:
            if should_stop is not None and should_stop():
                raise Cancelled
            if progress is not None:
                progress(step, config.steps)
        run.step(step, batch)
    if progress is not None:
        progress(config.steps, config.steps)
    return model.eval().requires_grad_(requires_grad=False)


class _Run:
    """One training: the data, standardised once, and the optimiser."""

    def __init__(
        self,
        model: MetricModel,
        features: Tensor,
        labels: Tensor,
        rejected_features: Tensor,
        rejected_categories: Tensor,
        generator: torch.Generator,
    ) -> None:
        self._model = model
        self._config = model.config
        self._labels = labels
        self._features = model.standardise(features.float())
        self._rejected = model.standardise(rejected_features.float())
        self._generator = generator
        self._sampler = TripletSampler(
            labels, rejected_categories, categories=model.categories, config=model.config
        )
        self._optimiser = torch.optim.AdamW(
            [
                {"params": [model.linear.weight], "weight_decay": model.config.weight_decay},
                {"params": [model.anchors], "weight_decay": 0.0},
            ],
            lr=model.config.learning_rate,
        )

    def batches(self) -> Iterator[Triplets]:
        """`steps` batches of references with their triplets, drawn anew every T steps."""
        size, done = self._config.batch_size, 0
        while done < self._config.steps:
            ahead = min(self._config.sampling_period, self._config.steps - done)
            triplets = self._sampler.sample(
                self._embedded(self._features),
                self._embedded(self._rejected),
                self._references(ahead * size),
                self._generator,
            )
            for start in range(0, ahead * size, size):
                yield triplets[start : start + size]
            done += ahead

    def step(self, step: int, batch: Triplets) -> None:
        """One step of AdamW down the gradient of Eq. 2.5."""
        rate = self._config.learning_rate * 0.5
        for group in self._optimiser.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * step / self._config.steps))
        self._optimiser.zero_grad()
        loss: Tensor = self._loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    def _loss(self, batch: Triplets) -> Tensor:
        reference = self._embed(self._features, batch.reference)
        positive = self._embed(self._features, batch.positive)
        losses = []
        for source, rows in ((self._features, batch.negative), (self._rejected, batch.rejected)):
            row, column = (rows != NONE).nonzero(as_tuple=True)
            negative = self._embed(source, rows[row, column])
            losses.append(
                triplet_losses(reference[row], positive[row], negative, self._config.margin)
            )
        triplet = torch.cat(losses)
        votes = self._model.log_probabilities(reference)
        return total_loss(
            triplet.sum() / max(1, len(triplet)),
            classification_loss(votes, self._labels[batch.reference]),
            self._config.omega,
        )

    def _embed(self, source: Tensor, rows: Tensor) -> Tensor:
        return self._model.embed(source[rows])

    @torch.no_grad()
    def _embedded(self, source: Tensor) -> Tensor:
        parts = [self._model.embed(rows) for rows in source.split(_ROWS)]  # type: ignore[no-untyped-call]
        return torch.cat(parts) if parts else source.new_zeros(0, self._config.dimension)

    def _references(self, count: int) -> Tensor:
        """Training rows in random order, epoch after epoch."""
        n = len(self._labels)
        epochs = [torch.randperm(n, generator=self._generator) for _ in range(-(-count // n))]
        return torch.cat(epochs)[:count].to(self._labels.device)


def _check(features: Tensor, categories_of: Tensor, noun: str, categories: int) -> None:
    if features.ndim != 2 or not features.is_floating_point():  # noqa: PLR2004 - [rows, D]
        raise ValueError(f"Give the features of each {noun} as float [rows, D].")
    if categories_of.dtype != torch.int64 or categories_of.shape != features.shape[:1]:
        raise ValueError(f"Give one int64 category for each {noun}.")
    outside = ((categories_of < 0) | (categories_of >= categories)).nonzero()
    if len(outside):
        row = int(outside[0])
        raise ValueError(
            f"The category of {noun} {row} is {int(categories_of[row])}; "
            f"it must be from 0 to {categories - 1}.",
        )
    broken = (~features.isfinite().all(dim=1)).nonzero()
    if len(broken):
        raise ValueError(
            f"The features of {noun} {int(broken[0])} hold NaN or infinity. "
            "Leave it out or extract its features again.",
        )


def _check_complete(
    features: Tensor, labels: Tensor, rejected_features: Tensor, categories: int
) -> None:
    if not len(features) or categories < 1:
        raise ValueError("There are no examples to learn from. Give each category at least one.")
    if rejected_features.shape[1] != features.shape[1]:
        raise ValueError(
            f"Rejected images have features of width {rejected_features.shape[1]}, examples "
            f"{features.shape[1]}. Extract both with the same backbone.",
        )
    empty = (labels.bincount(minlength=categories) == 0).nonzero()
    if len(empty):
        raise ValueError(
            f"Category {int(empty[0])} has no example. Give it at least one, or leave it out.",
        )
