"""Which pictures nearly equal another, by their backbone features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from models.network import unit

if TYPE_CHECKING:
    from torch import Tensor

# Cosine of centred features. docs/decisions/near-duplicates.md says where the number comes from.
NEARLY_EQUAL: Final = 0.9
_ROWS: Final = 4096


def centre_of(features: Tensor) -> Tensor:
    """The mean direction [D] of features [n, D]: what all pictures of a project have in common."""
    return unit(features.float()).mean(dim=0)


@torch.inference_mode()
def nearly_equal(
    features: Tensor, others: Tensor, centre: Tensor, threshold: float = NEARLY_EQUAL
) -> Tensor:
    """Which rows have a near-duplicate among the others.

    Pooled features of one domain all lie close together; only after their common direction is taken
    away does the cosine tell the same photograph from another one of the same species.

    Args:
        features: float [n, D], pooled backbone features.
        others: float [m, D], of the same backbone.
        centre: float [D], see `centre_of`; of the training set, so that it is the same in each step.
        threshold: the cosine from which two pictures count as the same.

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
        (unit(unit(rows.float()) - centre) @ against.T).amax(dim=1) >= threshold
        for rows in torch.split(features, _ROWS)
    ]
    return torch.cat(parts)
