"""How good the next round's questions would be: what a "no" is there to improve."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Proposals:
    """Candidates that nobody was asked about, each with the category a model is surest of.

    Attributes:
        average_precision: of the candidates in the order of their confidence, 0..1; right is who
            is given its own category, and the known ones that are not count as never found.
        precision: share of right ones among the surest, as many as there are known candidates: the
            same number of questions for every method.
        asked: candidates above the threshold.
        right: how many of them are right.
    """

    average_precision: float
    precision: float
    asked: int
    right: int


def judge(truth: Tensor, category: Tensor, confidence: Tensor, *, threshold: float) -> Proposals:
    """Compare with the truth, int64 [n], -1 for candidates of no category; one is known at least."""
    order = confidence.argsort(descending=True, stable=True)
    right = (category == truth)[order].double()
    known = int((truth >= 0).sum())
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    above = confidence > threshold
    return Proposals(
        average_precision=round(float((precision * right).sum()) / known, 4),
        precision=round(float(precision[known - 1]), 4),
        asked=int(above.sum()),
        right=int((above & (category == truth)).sum()),
    )
