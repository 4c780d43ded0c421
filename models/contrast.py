"""What to show beside a candidate: the examples, rivals and refusals that are nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from models.losses import squared_distances

if TYPE_CHECKING:
    from torch import Tensor

    from models.network import MetricModel

EXEMPLARS: Final = 6
RIVALS: Final = 3
REJECTED: Final = 3
LIKELY: Final = 5
NOBODY: Final = -1
_BLOCK: Final = 2**24  # floats of one matrix of distances or votes


@dataclass(frozen=True)
class Labeled:
    """Embedded pictures of which something is known, grouped by category for quick access.

    Attributes:
        embeddings: float [n, d].
        labels: int64 [n], the category of each: the one it shows, or the one it does not show.
        rows: for each of the N categories, int64 indices of its pictures.
    """

    embeddings: Tensor
    labels: Tensor
    rows: list[Tensor]

    @classmethod
    def of(cls, embeddings: Tensor, labels: Tensor, categories: int) -> Labeled:
        """Group embeddings [n, d] by their labels, int64 [n] in 0..categories-1."""
        order = labels.argsort(stable=True)
        sizes = torch.bincount(labels, minlength=categories).tolist()
        return cls(embeddings, labels, list(torch.split(order, sizes)))


@dataclass(frozen=True)
class Contrasts:
    """For each candidate, row numbers of `examples` and `rejected` and numbers of categories.

    The nearest or likeliest come first; -1 fills what is missing, at the end of a row.

    Attributes:
        exemplars: int64 [b, 6], or K where that is more, rows of examples of the category asked.
        rival: int64 [b], the likeliest other category.
        rivals: int64 [b, 3], rows of examples of that category.
        rejected: int64 [b, 3], rows of pictures that are not of the category asked.
        likely: int64 [b, 5], the likeliest other categories.
    """

    exemplars: Tensor
    rival: Tensor
    rivals: Tensor
    rejected: Tensor
    likely: Tensor


@torch.inference_mode()
def contrast(
    model: MetricModel,
    embeddings: Tensor,
    asked: Tensor,
    examples: Labeled,
    rejected: Labeled,
) -> Contrasts:
    """What stands beside each candidate.

    The exemplars begin with one for each anchor that has examples: among the examples whose nearest
    anchor of their category it is, the nearest to the candidate; a category that looks many ways is
    so shown in each of them. The nearest of all that are left follow.

    Memory is bounded in b: distances and votes are computed in blocks of at most 2^24 floats.

    Args:
        model: whose embeddings these are.
        embeddings: float [b, d] of the candidates.
        asked: int64 [b], the category that each is proposed for.
        examples: training pictures; categories may be empty.
        rejected: hard negatives, each with the category that it is not.

    Raises:
        ValueError: as many categories are not asked for as there are embeddings.
    """
    if asked.shape != embeddings.shape[:1]:
        raise ValueError(
            f"Give one asked category for each of {len(embeddings)} embeddings; "
            f"got {list(asked.shape)}.",
        )
    likely = _likely(model, embeddings, asked)
    rival = likely[:, 0] if likely.shape[1] else asked.new_full(asked.shape, NOBODY)
    modes = _modes(model, examples)
    shown = max(EXEMPLARS, model.anchors.shape[1])
    return Contrasts(
        exemplars=_nearest(embeddings, asked, examples, shown, modes),
        rival=rival,
        rivals=_nearest(embeddings, rival, examples, RIVALS),
        rejected=_nearest(embeddings, asked, rejected, REJECTED),
        likely=_padded(likely, LIKELY),
    )


@torch.inference_mode()
def rivals(model: MetricModel, examples: Labeled) -> Tensor:
    """The category that each category is most easily taken for.

    Returns:
        Int64 [N]: the likeliest other category of the mean of its examples; -1 without examples, or
        without other categories.
    """
    found = torch.full((model.categories,), NOBODY)
    known = torch.tensor([c for c, rows in enumerate(examples.rows) if len(rows)])
    if model.categories > 1 and len(known):
        means = [examples.embeddings[examples.rows[c]].mean(dim=0) for c in known.tolist()]
        found[known] = _likely(model, torch.stack(means), known)[:, 0]
    return found


def _likely(model: MetricModel, embeddings: Tensor, asked: Tensor) -> Tensor:
    """Int64 [b, min(5, N - 1)]: the categories with most votes, without the one asked."""
    most = min(LIKELY, model.categories - 1)
    parts = [asked.new_empty(0, most)]
    rows = max(_BLOCK // model.anchors[..., 0].numel(), 1)
    for part, own in zip(torch.split(embeddings, rows), torch.split(asked, rows), strict=True):
        votes = model.log_probabilities(part)
        votes.scatter_(1, own[:, None], -torch.inf)
        parts.append(votes.topk(most, dim=1).indices)
    return torch.cat(parts)


def _modes(model: MetricModel, examples: Labeled) -> Tensor:
    """Int64 [n]: which anchor of its own category is nearest to each example."""
    found = torch.zeros_like(examples.labels)
    for category, rows in enumerate(examples.rows):
        near = squared_distances(examples.embeddings[rows], model.anchors[category])
        found[rows] = near.argmin(dim=1)
    return found


def _nearest(
    embeddings: Tensor, of: Tensor, among: Labeled, count: int, modes: Tensor | None = None
) -> Tensor:
    """Int64 [b, count]: rows of `among` of category `of`, nearest first, after one for each mode."""
    found = of.new_full((len(of), count), NOBODY)
    for category in torch.unique(of).tolist():
        if category == NOBODY or not len(among.rows[category]):
            continue
        rows = among.rows[category]
        for part in (of == category).nonzero()[:, 0].split(max(_BLOCK // len(rows), 1)):
            distances = squared_distances(embeddings[part], among.embeddings[rows])
            if modes is not None:
                _prefer_modes(distances, modes[rows])
            most = min(count, len(rows))
            nearest = distances.topk(most, dim=1, largest=False).indices
            found[part, :most] = rows[nearest]
    return found


def _prefer_modes(distances: Tensor, modes: Tensor) -> None:
    """Bring the nearest of each mode to the front of [b, n] distances, in place, in their order."""
    further = distances.max() + 1
    for mode in torch.unique(modes):
        columns = (modes == mode).nonzero()[:, 0]
        best = columns[distances[:, columns].argmin(dim=1)]
        distances[torch.arange(len(distances)), best] -= further


def _padded(found: Tensor, width: int) -> Tensor:
    """The same with -1 at the end of each row, [b, width]."""
    return torch.nn.functional.pad(found, (0, width - found.shape[1]), value=NOBODY)
