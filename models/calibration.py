"""Confidence that means something: one temperature, fitted on images that were held out.

Guo et al., On Calibration of Modern Neural Networks (ICML 2017): dividing the logarithms by one
number changes no answer, only how sure it sounds.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_LOW: Final = 0.05
_HIGH: Final = 20.0
_STEPS: Final = 40  # of the golden section: the temperature is known to one part in 10^7
_GOLDEN: Final = (5**0.5 - 1) / 2


def hold_out(labels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A validation part of a training set: bool [n] of int64 [n].

    Of each category `share` of the images, rounded, at least one where it has two; it always
    keeps at least one for training.

    Args:
        labels: categories, 0 to N - 1.
        share: above 0 and up to 1.
        generator: on the CPU.
    """
    shuffled = torch.randperm(len(labels), generator=generator).to(labels.device)
    order = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = labels.bincount()
    starts = sizes.cumsum(0) - sizes
    rank = torch.empty_like(labels)
    rank[order] = torch.arange(len(labels), device=labels.device) - starts[labels[order]]
    wanted = (share * sizes).round().long().clamp_min(1).minimum(sizes - 1)
    return rank < wanted[labels]


def fit_temperature(log_probabilities: Tensor, labels: Tensor) -> float:
    """The temperature that makes held-out labels most likely, 0.05 to 20.

    Args:
        log_probabilities: float [n, C] at temperature 1, a row for each held-out image.
        labels: int64 [n], the true categories.

    Returns:
        The minimum of the mean of -log softmax(log p / T)[label], which has one valley in 1 / T;
        1 without images.
    """
    if not len(labels):
        return 1.0
    logs = log_probabilities.double()

    def loss(log_temperature: float) -> float:
        scaled = logs / torch.tensor(log_temperature, dtype=torch.float64).exp()
        return float(torch.nn.functional.cross_entropy(scaled, labels))

    low, high = (float(torch.tensor(edge).log()) for edge in (_LOW, _HIGH))
    for _ in range(_STEPS):
        inner = (high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        if loss(inner[0]) <= loss(inner[1]):
            high = inner[1]
        else:
            low = inner[0]
    return float(torch.tensor((low + high) / 2).exp())
