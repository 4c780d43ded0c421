"""Quasi-online triplet sampling over the whole training set (Cui et al., 2.3.2 and 2.3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.config import MetricConfig

NONE: Final = -1  # an index where no image qualifies
_CELLS: Final = 1 << 22  # numbers held at a time: 16 MiB of float32
_TRIES: Final = 16  # random images looked at before all of them are
_PAIR: Final = 2  # images a category needs for a positive


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

    A violator is looked for among a few random images first and among all of them only where these
    hold none. Both are uniform over the violators, so their mixture is; while many violate, it
    costs next to nothing.

    Args:
        labels: int64 [n], category of each training image.
        rejected_categories: int64 [r], the category each rejected image is not.
        categories: N.
        config: margin, local_region and negatives (Q).
        local: whether positives come from the local region; else from the whole category.
        violators: whether negatives must violate the constraint; else any will do.
    """

    def __init__(
        self,
        labels: Tensor,
        rejected_categories: Tensor,
        *,
        categories: int,
        config: MetricConfig,
        local: bool = True,
        violators: bool = True,
    ) -> None:
        self._labels = labels
        self._members = _Grouped(labels, categories)
        self._rejected = _Grouped(rejected_categories, categories)
        self._region = config.local_region if local else 1.0
        self._margin = config.margin if violators else math.inf
        self._picks = config.negatives

    def sample(
        self,
        embeddings: Tensor,
        rejected: Tensor,
        references: Tensor,
        generator: torch.Generator,
    ) -> Triplets:
        """Draw one positive and up to Q negatives of both kinds for each reference.

        No more than a few million numbers exist at a time, whatever the sizes.

        Args:
            embeddings: float [n, d], the training images.
            rejected: float [r, d], the rejected images.
            references: int64 [R], rows of training images; one may occur many times.
            generator: on the CPU, the only source of chance.
        """
        count, picks = len(references), self._picks
        chance = torch.rand(count, 1 + 2 * picks * (1 + _TRIES), generator=generator)
        chance = chance.to(embeddings.device)
        of = self._labels[references]
        positive, near = self._positives(embeddings, references, chance[:, 0])
        limit = near + self._margin  # the squared distance a negative should exceed
        there = positive != NONE
        own, others = chance[:, 1:].view(count, picks, 2, 1 + _TRIES).unbind(2)
        negative = references.new_full((count, picks), NONE)
        banned = negative.clone()
        rows = (there & (self._members.sizes[of] < len(embeddings))).nonzero()[:, 0]
        negative[rows] = self._negatives(embeddings, references[rows], limit[rows], own[rows])
        rows = (there & (self._rejected.sizes[of] > 0)).nonzero()[:, 0]
        banned[rows] = self._banned(
            embeddings, rejected, references[rows], limit[rows], others[rows]
        )
        return Triplets(references, positive, negative, banned)

    def _positives(
        self, embeddings: Tensor, references: Tensor, chance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rows and squared distances of one positive a reference, from its local region."""
        positive = references.new_full((len(references),), NONE)
        near = embeddings.new_zeros(len(references))
        of = self._labels[references]
        sizes = self._members.sizes[of]  # a lone image has no positive, so no triplet
        rows = (sizes >= _PAIR).nonzero()[:, 0]
        for part in _alike(rows, sizes, embeddings.shape[1]):
            own, there = self._members.padded(of[part])
            there &= own != references[part, None]  # not itself
            distances = _distances(embeddings[references[part]], embeddings[own])
            nearest = distances.masked_fill(~there, math.inf).sort(dim=1)
            region = (self._region * (sizes[part] - 1)).ceil().clamp_min(1)
            rank = (chance[part] * region).long().clamp_max(sizes[part] - 2)[:, None]
            positive[part] = own.gather(1, nearest.indices.gather(1, rank))[:, 0]
            near[part] = nearest.values.gather(1, rank)[:, 0]
        return positive, near

    def _negatives(
        self, embeddings: Tensor, references: Tensor, limit: Tensor, chance: Tensor
    ) -> Tensor:
        """Rows [R, Q] of images of other categories, one at least being there for each."""
        of = self._labels[references]
        foreign = len(embeddings) - self._members.sizes[of]
        place = _scaled(chance[:, :, 1:], foreign[:, None, None])
        # The images in order of category, its own left out.
        skip = place >= self._members.starts[of][:, None, None]
        place += skip * self._members.sizes[of][:, None, None]
        tried = self._members.order[place]
        found = _first(tried, self._violate(embeddings, embeddings, references, tried, limit))
        missing = (found == NONE).any(1).nonzero()[:, 0]
        squares = embeddings.square().sum(1)
        for part in _chunked(missing, len(embeddings)):
            rows = references[part]
            # |n|^2 - 2 x n < limit - |x|^2: one matrix product and one comparison.
            far = torch.addmm(squares, embeddings[rows], embeddings.T, alpha=-2)
            hard = far < (limit[part] - squares[rows])[:, None]
            hard &= self._labels[rows, None] != self._labels
            drawn = _draw(hard, chance[part, :, 0])
            found[part] = torch.where(found[part] == NONE, drawn, found[part])
        return found

    def _banned(
        self,
        embeddings: Tensor,
        rejected: Tensor,
        references: Tensor,
        limit: Tensor,
        chance: Tensor,
    ) -> Tensor:
        """Rows [R, Q] of images rejected for the reference's category, one at least being there."""
        of = self._labels[references]
        sizes = self._rejected.sizes[of]
        place = _scaled(chance[:, :, 1:], sizes[:, None, None])
        tried = self._rejected.order[self._rejected.starts[of][:, None, None] + place]
        found = _first(tried, self._violate(embeddings, rejected, references, tried, limit))
        missing = (found == NONE).any(1).nonzero()[:, 0]
        for part in _alike(missing, sizes, embeddings.shape[1]):
            others, there = self._rejected.padded(of[part])
            distances = _distances(embeddings[references[part]], rejected[others])
            there &= distances < limit[part, None]
            column = _draw(there, chance[part, :, 0])
            drawn = others.gather(1, column.clamp_min(0)).masked_fill(column == NONE, NONE)
            found[part] = torch.where(found[part] == NONE, drawn, found[part])
        return found

    def _violate(
        self, embeddings: Tensor, source: Tensor, references: Tensor, tried: Tensor, limit: Tensor
    ) -> Tensor:
        """Bool [R, Q, tries]: which of the tried rows of the source violate the constraint."""
        if math.isinf(self._margin):
            return torch.ones_like(tried, dtype=torch.bool)
        violate = torch.empty_like(tried, dtype=torch.bool)
        width = tried[0].numel() * embeddings.shape[1] if len(tried) else 1
        for part in _chunked(torch.arange(len(tried), device=tried.device), width):
            rows = tried[part].flatten(1)
            distances = _distances(embeddings[references[part]], source[rows])
            violate[part] = (distances < limit[part, None]).view_as(tried[part])
        return violate


class _Grouped:
    """Rows by their category.

    Attributes:
        order: int64 [n], the rows, one category after the other, ascending in each.
        starts: int64 [N], where in `order` a category begins.
        sizes: int64 [N], how many rows it has.
    """

    def __init__(self, categories_of: Tensor, categories: int) -> None:
        self.order = categories_of.argsort(stable=True)
        self.sizes = categories_of.bincount(minlength=categories)
        self.starts = self.sizes.cumsum(0) - self.sizes

    def padded(self, categories: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of each given category, [R, S], and where one is there, bool [R, S]."""
        sizes = self.sizes[categories][:, None]
        columns = torch.arange(int(sizes.max()), device=sizes.device)[None, :]
        there = columns < sizes
        return self.order[self.starts[categories][:, None] + columns.where(there, 0)], there


def _distances(left: Tensor, right: Tensor) -> Tensor:
    """|a - b|^2: float [R, d] and [R, S, d] to [R, S], never below 0."""
    products = torch.bmm(right, left[:, :, None])[:, :, 0]
    squares = left.square().sum(1, keepdim=True) + right.square().sum(2)
    return (squares - 2 * products).clamp_min(0)


def _scaled(chance: Tensor, sizes: Tensor) -> Tensor:
    """Uniform numbers in [0, 1) to whole numbers below `sizes`."""
    return (chance * sizes).long().minimum(sizes - 1)


def _first(values: Tensor, allowed: Tensor) -> Tensor:
    """The first allowed value along the last dimension, or NONE."""
    column = allowed.to(torch.uint8).argmax(-1, keepdim=True)
    return values.gather(-1, column).where(allowed.gather(-1, column), NONE)[..., 0]


def _alike(rows: Tensor, sizes: Tensor, width: int) -> Iterator[Tensor]:
    """The rows in parts of similar sizes, so that padding to the largest wastes little."""
    ordered = rows[sizes[rows].argsort(stable=True)]
    start = 0
    ascending = sizes[ordered].tolist()
    for end in range(1, len(ascending) + 1):
        if end == len(ascending) or (end + 1 - start) * ascending[end] * width > _CELLS:
            yield ordered[start:end]
            start = end


def _chunked(rows: Tensor, columns: int) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = rows.split(max(1, _CELLS // max(1, columns)))  # type: ignore[no-untyped-call]
    return parts


def _draw(allowed: Tensor, chance: Tensor) -> Tensor:
    """One column per cell of `chance`, uniform among the allowed ones of its row, or NONE.

    Args:
        allowed: bool [R, V].
        chance: float [R, Q], uniform in [0, 1).
    """
    columns = allowed.nonzero()[:, 1]  # row after row
    if not len(columns):
        return torch.full(chance.shape, NONE, dtype=torch.int64, device=chance.device)
    counts = allowed.sum(1)
    starts = counts.cumsum(0) - counts
    picks = starts[:, None] + _scaled(chance, counts[:, None].clamp_min(1))
    return columns[picks.clamp_max(len(columns) - 1)].where(counts[:, None] > 0, NONE)
