"""Which pictures nearly equal another, by their backbone features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from models.network import unit

if TYPE_CHECKING:
    from torch import Tensor

# Cosines of centred features. docs/decisions/near-duplicates.md says where the numbers come from.
_SURELY: Final = 0.98
_PERHAPS: Final = 0.85
_RATIO: Final = 0.4
_ROWS: Final = 4096


def centre_of(features: Tensor) -> Tensor:
    """The mean direction [D] of features [n, D]: what all pictures of a project have in common."""
    return unit(features.float()).mean(dim=0)


@torch.inference_mode()
def nearly_equal(features: Tensor, others: Tensor, centre: Tensor) -> Tensor:
    """Which rows have a near-duplicate among the others.

    Pooled features of one domain all lie close together; only after their common direction is taken
    away does the cosine tell the same photograph from another one of the same species. A row nearly
    equals its nearest other when the cosine is at least 0.98, or at least 0.85 while the distance
    1 - cosine is at most 0.4 of that to the second nearest: the same photograph stands out, another
    one of the species does not (the ratio test of Lowe, IJCV 2004).

    Args:
        features: float [n, D], pooled backbone features.
        others: float [m, D], of the same backbone.
        centre: float [D], see `centre_of`; of the training set, so that it is the same in each step.

    Returns:
        bool [n]. A row that equals the centre nearly equals nothing. Memory is bounded in n.

    Raises:
        ValueError: the widths differ.
    """
    if not features.shape[1] == others.shape[1] == len(centre):
        raise ValueError(
            f"Compare features of one backbone: the widths are {features.shape[1]}, "
            f"{others.shape[1]} and {len(centre)}.",
        )
    if not len(features) or not len(others):
        return torch.zeros(len(features), dtype=torch.bool)
    against = unit(unit(others.float()) - centre)
    parts = [
        _stands_out(unit(unit(rows.float()) - centre) @ against.T)
        for rows in torch.split(features, _ROWS)
    ]
    return torch.cat(parts)


def _stands_out(cosines: Tensor) -> Tensor:
    """Bool [n] of cosines [n, m]: whether the nearest is the same photograph."""
    nearest = cosines.topk(min(2, cosines.shape[1]), dim=1).values
    first = nearest[:, 0]
    second = nearest[:, 1] if nearest.shape[1] > 1 else torch.full_like(first, -1.0)
    return (first >= _SURELY) | ((first >= _PERHAPS) & (1 - first <= _RATIO * (1 - second)))
