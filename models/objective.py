"""What a method minimises: which images a step looks at, and the loss of their embeddings.

Both modes of training share it: `models.train` embeds cached features, `models.finetune` pictures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.losses import classification_loss, total_loss, triplet_losses
from models.methods import Extra
from models.sampling import NONE, Triplets, TripletSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.config import MetricConfig
    from models.network import MetricModel

Embedded = tuple[Tensor, Tensor]  # the training images [n, d], the rejected ones [r, d]


@dataclass(frozen=True)
class Batch:
    """The images of one step and what the loss makes of them.

    Attributes:
        examples: int64 [E], rows of training images; the first B are the references.
        rejected: int64 [F], rows of rejected images.
        targets: int64 [B] or, for softmax, [E + F]: the classes that are to be found.
        triplets: int64 [3, P]: reference, positive and negative as places in examples + rejected.
    """

    examples: Tensor
    rejected: Tensor
    targets: Tensor
    triplets: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(
            self.examples.to(device),
            self.rejected.to(device),
            self.targets.to(device),
            self.triplets.to(device),
        )


class Objective(ABC):
    """One method's way to learn from labels and rejections.

    Args:
        labels: int64 [n], categories of the training images.
        rejected_categories: int64 [r], the category each rejected image is not.
        model: for its method and settings.
    """

    def __init__(self, labels: Tensor, rejected_categories: Tensor, model: MetricModel) -> None:
        self._labels = labels
        self._against = rejected_categories
        self._model = model
        self._config: MetricConfig = model.config

    @abstractmethod
    def batches(
        self, count: int, embedded: Callable[[], Embedded], generator: torch.Generator
    ) -> Iterator[Batch]:
        """`count` batches, sampled at once.

        Args:
            count: steps until the next sampling.
            embedded: gives all images in the present embedding; called once at most.
            generator: on the CPU, the only source of chance.
        """

    @abstractmethod
    def loss(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """The loss, float [], of embeddings [E + F, d] of a batch's examples and rejected images."""

    def _references(self, count: int, generator: torch.Generator) -> Tensor:
        """Training rows in random order, epoch after epoch."""
        return _shuffled(len(self._labels), count, generator).to(self._labels.device)


class TripletObjective(Objective):
    """omega * triplet + (1 - omega) * classification (Eq. 2.5), or the triplet loss alone (2.1)."""

    def __init__(self, labels: Tensor, rejected_categories: Tensor, model: MetricModel) -> None:
        super().__init__(labels, rejected_categories, model)
        method = model.method
        self._omega = self._config.omega if method.anchors else 1.0
        self._sampler = TripletSampler(
            labels,
            rejected_categories,
            categories=model.categories,
            config=self._config,
            local=method.local,
            violators=method.violators,
        )

    def batches(
        self, count: int, embedded: Callable[[], Embedded], generator: torch.Generator
    ) -> Iterator[Batch]:
        """See Objective."""
        size = self._config.batch_size
        references = self._references(count * size, generator)
        triplets = self._sampler.sample(*embedded(), references, generator)
        for start in range(0, count * size, size):
            yield self._batch(triplets[start : start + size])

    def _batch(self, drawn: Triplets) -> Batch:
        rows = len(drawn.reference)
        ordinary, human = drawn.negative != NONE, drawn.rejected != NONE
        positive = drawn.positive != NONE
        examples = [drawn.reference, drawn.positive[positive], drawn.negative[ordinary]]
        near = rows + positive.cumsum(0) - 1  # where the positive of a reference lies
        of = torch.cat([ordinary.nonzero()[:, 0], human.nonzero()[:, 0]])
        far = rows + len(examples[1]) + torch.arange(len(of), device=of.device)
        return Batch(
            examples=torch.cat(examples),
            rejected=drawn.rejected[human],
            targets=self._labels[drawn.reference],
            triplets=torch.stack([of, near[of], far]),
        )

    def loss(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """See Objective."""
        reference, positive, negative = (embeddings[places] for places in batch.triplets)
        losses = triplet_losses(reference, positive, negative, self._config.margin)
        triplet = losses.sum() / max(1, len(losses))
        if self._omega == 1.0:
            return triplet
        votes = self._model.log_probabilities(embeddings[: len(batch.targets)])
        return total_loss(triplet, classification_loss(votes, batch.targets), self._omega)


class SoftmaxObjective(Objective):
    """Cross entropy; rejected images belong to one more class (HNS) or to one a category (HNM)."""

    def batches(
        self, count: int, embedded: Callable[[], Embedded], generator: torch.Generator
    ) -> Iterator[Batch]:
        """See Objective."""
        del embedded
        size = self._config.batch_size
        references = self._references(count * size, generator)
        shares = self._rejected(count, generator).tensor_split(count)
        for start, rejected in zip(range(0, count * size, size), shares, strict=True):
            examples = references[start : start + size]
            targets = torch.cat([self._labels[examples], self._classes(rejected)])
            yield Batch(examples, rejected, targets, examples.new_empty(3, 0))

    def loss(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """See Objective."""
        return torch.nn.functional.cross_entropy(embeddings, batch.targets)

    def _rejected(self, count: int, generator: torch.Generator) -> Tensor:
        """The rejected images of `count` steps: `rejected_epochs` of them for each epoch."""
        if self._model.method.extra is Extra.NONE or not len(self._against):
            return self._against.new_empty(0)
        epochs = count * self._config.batch_size / len(self._labels)
        drawn = round(epochs * self._config.rejected_epochs * len(self._against))
        return _shuffled(len(self._against), drawn, generator).to(self._against.device)

    def _classes(self, rejected: Tensor) -> Tensor:
        categories = self._model.categories
        if self._model.method.extra is Extra.SINGLE:
            return torch.full_like(rejected, categories)
        return categories + self._against[rejected]


def objective_of(model: MetricModel, labels: Tensor, rejected_categories: Tensor) -> Objective:
    """The objective of the model's method. Give no rejections to a method without them."""
    kind = SoftmaxObjective if model.method.softmax else TripletObjective
    return kind(labels, rejected_categories, model)


def parameter_groups(model: MetricModel) -> list[dict[str, object]]:
    """What AdamW trains of a model: the map decays, anchors and biases do not."""
    others = [
        parameter
        for name, parameter in model.named_parameters()
        if name != "linear.weight" and parameter.requires_grad
    ]
    groups = [{"params": [model.linear.weight], "weight_decay": model.config.weight_decay}]
    return [*groups, {"params": others, "weight_decay": 0.0}] if others else [*groups]


def _shuffled(n: int, count: int, generator: torch.Generator) -> Tensor:
    epochs = [torch.randperm(n, generator=generator) for _ in range(-(-count // n))]
    return torch.cat([*epochs, torch.empty(0, dtype=torch.int64)])[:count]
