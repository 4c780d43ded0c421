"""Training of a method on cached features (mode `head`): the backbone stays as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from models.calibration import fit_temperature, hold_out
from models.network import MetricModel, SoftmaxModel, build
from models.objective import Batch, Embedded, objective_of, parameter_groups
from models.start import finish_anchors, initialise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.config import MetricConfig

_REPORT_EVERY: Final = 10  # steps between two calls of progress and should_stop
CURVE_POINTS: Final = 100
LOOKS: Final = 10
_ROWS: Final = 8192  # rows that are embedded at a time
_SMALL: Final = 1 << 26  # numbers; above it standardised features are kept in float16


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
    curve: Callable[[int, float], None] | None = None,
    look: Callable[[int, MetricModel], None] | None = None,
) -> MetricModel:
    """Train the method of `config` on cached features.

    The same arguments give the same model on one machine with one number of threads. The device
    is that of `features`. Features in float16 are as good as in float32 and take half the memory.

    Args:
        features: float [n, D], pooled features of the examples.
        labels: int64 [n], their categories, 0 to categories - 1.
        rejected_features: float [r, D], pooled features of human hard negatives; r may be 0. A
            method without hard negatives ignores them.
        rejected_categories: int64 [r], the category each of them is not.
        categories: N; each must have an example.
        config: the settings.
        progress: called now and then with (step, steps), and at the end.
        should_stop: asked now and then; True ends the training.
        curve: called at most `CURVE_POINTS` times with (steps done, mean loss of the steps since the
            point before), for the training whose model is returned. It changes nothing.
        look: called at most `LOOKS` times with (steps done, the model as it is then), for that
            training too; at last with what is returned. Only then where the anchors follow from
            the finished embedding: before it they are nowhere. It may score, and must not change
            the model.

    Returns:
        The trained model, in evaluation mode; a SoftmaxModel for a softmax method.

    Raises:
        ValueError: no examples, a category without one, shapes that do not match, labels out of
            range, features that are NaN or infinite; the message names the index.
        Cancelled: should_stop said so.
    """
    check(features, labels, "example", categories)
    check(rejected_features, rejected_categories, "rejected image", categories)
    check_complete(features, labels, rejected_features, categories)
    data = _Data(features, labels, rejected_features, rejected_categories, categories)
    watch = _Watch(progress, should_stop, total=config.steps * (2 if config.calibrate else 1))
    temperature = _temperature(data, config, watch) if config.calibrate else 1.0
    model = _train(data, config, watch, _Curve(curve, config.steps), look)
    model.temperature.fill_(temperature)
    if look is not None:
        look(config.steps, model)
    watch.finish()
    return model


@dataclass(frozen=True)
class _Data:
    features: Tensor
    labels: Tensor
    rejected: Tensor
    against: Tensor
    categories: int


class _Watch:
    """Counts steps over all trainings of one call; reports and asks now and then."""

    def __init__(
        self,
        progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool] | None,
        total: int,
    ) -> None:
        self._progress, self._should_stop = progress, should_stop
        self._total, self._done = total, 0

    def step(self) -> None:
        if self._done % _REPORT_EVERY == 0:
            if self._should_stop is not None and self._should_stop():
                raise Cancelled
            if self._progress is not None:
                self._progress(self._done, self._total)
        self._done += 1

    def finish(self) -> None:
        if self._progress is not None:
            self._progress(self._total, self._total)


class _Curve:
    """Means of the loss over stretches of equal length; the device is waited for once for each."""

    def __init__(self, tell: Callable[[int, float], None] | None, steps: int) -> None:
        self._tell = tell
        self._steps = steps
        self._every = max(1, math.ceil(steps / CURVE_POINTS))
        self._losses: list[Tensor] = []

    def add(self, step: int, loss: Tensor) -> None:
        """The loss of a step, counted from 0."""
        if self._tell is None:
            return
        self._losses.append(loss.detach())
        if (step + 1) % self._every == 0 or step + 1 == self._steps:
            self._tell(step + 1, float(torch.stack(self._losses).mean()))
            self._losses = []


def _train(
    data: _Data,
    config: MetricConfig,
    watch: _Watch,
    curve: _Curve | None = None,
    look: Callable[[int, MetricModel], None] | None = None,
) -> MetricModel:
    generator = torch.Generator().manual_seed(config.seed)
    model = build(features=data.features.shape[1], categories=data.categories, config=config)
    model.to(data.features.device)
    if not model.method.rejected:
        data = replace(data, rejected=data.rejected[:0], against=data.against[:0])
    initialise(
        model,
        data.features,
        data.labels,
        generator,
        rejected_features=data.rejected,
        rejected_categories=data.against,
    )
    run = _Run(model, data, generator)
    answers = model.method.softmax or model.method.anchors
    pause = math.ceil(config.steps / LOOKS)
    for step, batch in enumerate(run.batches()):
        watch.step()
        loss = run.step(step, batch)
        if curve is not None:
            curve.add(step, loss)
        if look is not None and answers and (step + 1) % pause == 0 and step + 1 < config.steps:
            look(step + 1, model)
    run.finish()
    return model.eval().requires_grad_(requires_grad=False)


def _temperature(data: _Data, config: MetricConfig, watch: _Watch) -> float:
    """What a training on one part of the examples says about its confidence in the rest."""
    generator = torch.Generator().manual_seed(config.seed)
    held = hold_out(data.labels, config.validation, generator)
    rest = replace(data, features=data.features[~held], labels=data.labels[~held])
    model = _train(rest, config, watch)
    with torch.inference_mode():
        embeddings = [model(rows.float()) for rows in torch.split(data.features[held], _ROWS)]
        logs = [
            # A softmax model's temperature acts before its hard negatives are left out.
            torch.log_softmax(rows, dim=1)
            if isinstance(model, SoftmaxModel)
            else model.log_probabilities(rows)
            for rows in embeddings
        ]
    return fit_temperature(torch.cat(logs), data.labels[held])


class _Run:
    """One training: the data, standardised once, and the optimiser."""

    def __init__(self, model: MetricModel, data: _Data, generator: torch.Generator) -> None:
        self._model = model
        self._config = model.config
        self._labels = data.labels
        small = data.features.numel() + data.rejected.numel() <= _SMALL
        dtype = torch.float32 if small else torch.float16
        self._features = _standardised(model, data.features, dtype)
        self._rejected = _standardised(model, data.rejected, dtype)
        self._generator = generator
        self._objective = objective_of(model, data.labels, data.against)
        self._optimiser = torch.optim.AdamW(parameter_groups(model), lr=model.config.learning_rate)

    def batches(self) -> Iterator[Batch]:
        """`steps` batches, drawn anew every T steps."""
        done = 0
        while done < self._config.steps:
            ahead = min(self._config.sampling_period, self._config.steps - done)
            yield from self._objective.batches(ahead, self._embedded, self._generator)
            done += ahead

    def step(self, step: int, batch: Batch) -> Tensor:
        """One step of AdamW down the gradient of the loss, float [], which it gives back."""
        rate = self._config.learning_rate * 0.5
        for group in self._optimiser.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * step / self._config.steps))
        self._optimiser.zero_grad()
        rows = torch.cat([self._features[batch.examples], self._rejected[batch.rejected]])
        loss = self._objective.loss(self._model.embed(rows.float()), batch)
        if not loss.requires_grad:  # no triplet in the batch, so nothing to learn from it
            return loss
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return loss

    def finish(self) -> None:
        """Anchors follow from the embedding, or settle in it."""
        if not self._model.method.softmax:
            embeddings = self._embed_all(self._features)
            finish_anchors(self._model, embeddings, self._labels, self._generator)

    def _embedded(self) -> Embedded:
        return self._embed_all(self._features), self._embed_all(self._rejected)

    @torch.no_grad()
    def _embed_all(self, source: Tensor) -> Tensor:
        parts = [self._model.embed(rows.float()) for rows in torch.split(source, _ROWS)]
        return torch.cat(parts)


@torch.no_grad()
def _standardised(model: MetricModel, features: Tensor, dtype: torch.dtype) -> Tensor:
    result = torch.empty(features.shape, dtype=dtype, device=features.device)
    for start in range(0, len(features), _ROWS):
        rows = features[start : start + _ROWS].float()
        result[start : start + _ROWS] = model.standardise(rows)
    return result


def check(features: Tensor, categories_of: Tensor, noun: str, categories: int) -> None:
    """Refuse what cannot be learned from: see the errors of `fit`."""
    if features.ndim != 2 or not features.is_floating_point():  # noqa: PLR2004 - [rows, D]
        raise ValueError(f"Give the features of each {noun} as float [rows, D].")
    check_categories(len(features), categories_of, noun, categories)
    for start in range(0, len(features), _ROWS):
        broken = (~features[start : start + _ROWS].isfinite().all(dim=1)).nonzero()
        if len(broken):
            raise ValueError(
                f"The features of {noun} {start + int(broken[0])} hold NaN or infinity. "
                "Leave it out or extract its features again.",
            )


def check_categories(count: int, categories_of: Tensor, noun: str, categories: int) -> None:
    """Refuse categories that do not belong to `count` images, or lie outside 0 to N - 1."""
    if categories_of.dtype != torch.int64 or categories_of.shape != (count,):
        raise ValueError(f"Give one int64 category for each {noun}.")
    outside = ((categories_of < 0) | (categories_of >= categories)).nonzero()
    if len(outside):
        row = int(outside[0])
        raise ValueError(
            f"The category of {noun} {row} is {int(categories_of[row])}; "
            f"it must be from 0 to {categories - 1}.",
        )


def check_every_category(labels: Tensor, categories: int) -> None:
    """Refuse a training set that leaves a category out."""
    if not len(labels) or categories < 1:
        raise ValueError("There are no examples to learn from. Give each category at least one.")
    empty = (labels.bincount(minlength=categories) == 0).nonzero()
    if len(empty):
        raise ValueError(
            f"Category {int(empty[0])} has no example. Give it at least one, or leave it out.",
        )


def check_complete(
    features: Tensor, labels: Tensor, rejected_features: Tensor, categories: int
) -> None:
    """Refuse a training set that leaves a category out, or mixes backbones."""
    check_every_category(labels, categories)
    if rejected_features.shape[1] != features.shape[1]:
        raise ValueError(
            f"Rejected images have features of width {rejected_features.shape[1]}, examples "
            f"{features.shape[1]}. Extract both with the same backbone.",
        )
