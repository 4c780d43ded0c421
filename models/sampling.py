"""Quasi-online triplet sampling over the whole training set (Cui et al., 2.3.2 and 2.3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from models.losses import squared_distances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.config import MetricConfig

NONE: Final = -1  # an index where no image qualifies
_CELLS: Final = 1 << 22  # distances held at a time: 16 MiB of float32


@dataclass(frozen=True)
class Triplets:
    """What R references are trained against; NONE stands where no image qualifies.

    Attributes:
        reference: int64 [R], rows of the training images.
        positive: int64 [R], rows of training images of the same category.
        negative: int64 [R, Q], rows of training images of other categories.
        rejected: int64 [R, Q], rows of the rejected images, counted from 0 among them.
    """

    reference: Tensor
    positive: Tensor
    negative: Tensor
    rejected: Tensor

    def __getitem__(self, rows: slice) -> Triplets:
        return Triplets(
            self.reference[rows], self.positive[rows], self.negative[rows], self.rejected[rows]
        )


class TripletSampler:
    """Draws triplets by their distances in the present embedding.

    Positives come from the nearest `local_region` of the reference's own category, so that a
    category may become a manifold instead of a ball. Negatives are drawn uniformly among those
    that violate the triplet constraint for the chosen positive, |x - xn|^2 < |x - xp|^2 + m: not
    the hardest, which are often errors of the data. Rejected images are negatives of the category
    they were rejected for and of no other, never references and never positives.

    Args:
        labels: int64 [n], category of each training image.
        rejected_categories: int64 [r], the category each rejected image is not.
        categories: N.
        config: margin, local_region and negatives (Q).
    """

    def __init__(
        self, labels: Tensor, rejected_categories: Tensor, *, categories: int, config: MetricConfig
    ) -> None:
        self._labels = labels
        self._members = _rows_by_category(labels, categories)
        self._rejected = _rows_by_category(rejected_categories, categories)
        self._config = config

    def sample(
        self,
        embeddings: Tensor,
        rejected: Tensor,
        references: Tensor,
        generator: torch.Generator,
    ) -> Triplets:
        """Draw one positive and up to Q negatives of both kinds for each reference.

        No more than a few million distances exist at a time, whatever the sizes.

        Args:
            embeddings: float [n, d], the training images.
            rejected: float [r, d], the rejected images.
            references: int64 [R], rows of training images; one may occur many times.
            generator: on the CPU, the only source of chance.
        """
        count, picks = len(references), self._config.negatives
        chance = torch.rand(count, 1 + 2 * picks, generator=generator, dtype=torch.float64)
        chance = chance.to(embeddings.device)
        positive = references.new_full((count,), NONE)
        limit = embeddings.new_zeros(count)  # the squared distance a negative should exceed
        banned = references.new_full((count, picks), NONE)
        for category, rows in self._groups(references):
            own = self._members[category]
            if len(own) < 2:  # noqa: PLR2004 - a lone image has no positive, so no triplet
                continue
            others = self._rejected[category]
            for part in _chunked(rows, len(own) + len(others)):
                anchors = embeddings[references[part]]
                found, near = self._positives(
                    embeddings, references[part], own, anchors, chance[part, 0]
                )
                positive[part] = found
                limit[part] = near + self._config.margin
                hard = squared_distances(anchors, rejected[others]) < limit[part, None]
                banned[part] = _draw(hard, others, chance[part, 1 + picks :])
        negative = self._negatives(embeddings, references, limit, chance[:, 1 : 1 + picks])
        negative[positive == NONE] = NONE
        return Triplets(references, positive, negative, banned)

    def _groups(self, references: Tensor) -> Iterator[tuple[int, Tensor]]:
        for category, rows in enumerate(
            _rows_by_category(self._labels[references], len(self._members))
        ):
            if len(rows):
                yield category, rows

    def _positives(
        self, embeddings: Tensor, references: Tensor, own: Tensor, anchors: Tensor, chance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rows and squared distances of one positive a reference, from its local region."""
        distances = squared_distances(anchors, embeddings[own])
        distances[own[None, :] == references[:, None]] = math.inf  # not itself
        region = max(1, math.ceil(self._config.local_region * (len(own) - 1)))
        nearest = distances.topk(region, dim=1, largest=False)
        rank = (chance * region).long()[:, None]
        return own[nearest.indices.gather(1, rank)[:, 0]], nearest.values.gather(1, rank)[:, 0]

    def _negatives(
        self, embeddings: Tensor, references: Tensor, limit: Tensor, chance: Tensor
    ) -> Tensor:
        negative = references.new_full(chance.shape, NONE)
        every = torch.arange(len(embeddings), device=embeddings.device)
        for part in _chunked(torch.arange(len(references)), len(embeddings)):
            rows = references[part]
            hard = squared_distances(embeddings[rows], embeddings) < limit[part, None]
            hard &= self._labels[rows, None] != self._labels[None, :]
            negative[part] = _draw(hard, every, chance[part])
        return negative


def _rows_by_category(categories_of: Tensor, categories: int) -> list[Tensor]:
    """For each category the rows that belong to it, ascending."""
    order = categories_of.argsort(stable=True)
    sizes = categories_of.bincount(minlength=categories)
    return list(order.split(sizes.tolist()))  # type: ignore[no-untyped-call]


def _chunked(rows: Tensor, columns: int) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = rows.split(max(1, _CELLS // max(1, columns)))  # type: ignore[no-untyped-call]
    return parts


def _draw(allowed: Tensor, values: Tensor, chance: Tensor) -> Tensor:
    """One of `values` per cell of `chance`, uniform among the allowed ones of its row, or NONE.

    Args:
        allowed: bool [R, V].
        values: int64 [V].
        chance: float64 [R, Q], uniform in [0, 1).
    """
    columns = allowed.nonzero()[:, 1]  # row after row
    if not len(columns):
        return torch.full(chance.shape, NONE, dtype=torch.int64, device=chance.device)
    counts = allowed.sum(1)
    starts = counts.cumsum(0) - counts
    picks = starts[:, None] + (chance * counts[:, None]).long()
    drawn = values[columns[picks.clamp_max(len(columns) - 1)]]
    return torch.where(counts[:, None] > 0, drawn, NONE)
