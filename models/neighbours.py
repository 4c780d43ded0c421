"""Which pictures nearly equal another, by their backbone features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

# Cosine of pooled features. docs/decisions/near-duplicates.md says where the number comes from.
NEARLY_EQUAL: Final = 0.97
_ROWS: Final = 4096


@torch.inference_mode()
def nearly_equal(features: Tensor, others: Tensor, threshold: float = NEARLY_EQUAL) -> Tensor:
    """Which rows have a near-duplicate among the others.

    Args:
        features: float [n, D], pooled backbone features.
        others: float [m, D], of the same backbone.
        threshold: the cosine from which two pictures count as the same.

    Returns:
        bool [n]. A row that is all zero nearly equals nothing. Memory is bounded in n.

    Raises:
        ValueError: the widths differ.
    """
    if features.shape[1] != others.shape[1]:
        raise ValueError(
            f"Compare features of one backbone: the widths are {features.shape[1]} and "
            f"{others.shape[1]}.",
        )
    if not len(others):
        return torch.zeros(len(features), dtype=torch.bool)
    unit = torch.nn.functional.normalize(others.float(), dim=1)
    parts = [
        (torch.nn.functional.normalize(rows.float(), dim=1) @ unit.T).amax(dim=1) >= threshold
        for rows in features.split(_ROWS)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.bool)
