"""Measures of a classifier on labelled images."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion(labels: Tensor, predicted: Tensor, categories: int) -> Tensor:
    """How often category i was taken for j: int64 [n] and [n] to counts, int64 [N, N] at [i, j].

    Raises:
        ValueError: lengths differ, or a category is outside 0 to categories - 1.
    """
    if labels.ndim != 1 or labels.shape != predicted.shape:
        raise ValueError("Give one predicted category for each label, both as int64 [n].")
    for name, values in (("label", labels), ("predicted category", predicted)):
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < categories:
            raise ValueError(f"Each {name} must be from 0 to {categories - 1}.")
    counts = (labels * categories + predicted).bincount(minlength=categories * categories)
    return counts.view(categories, categories)


def top1(counts: Tensor) -> float:
    """Share of images whose category was found, 0..1, from `confusion`; NaN without images."""
    total = counts.sum()
    return float(counts.diagonal().sum() / total) if total else float("nan")


def category_accuracy(counts: Tensor) -> Tensor:
    """Per category the share of its images that were found: float64 [N], NaN where it has none."""
    return counts.diagonal().to(torch.float64) / counts.sum(1)


def mean_category_accuracy(counts: Tensor) -> float:
    """The mean of `category_accuracy` over the categories that have images; NaN if none has."""
    return float(category_accuracy(counts).nanmean())


def calibration_error(confidence: Tensor, correct: Tensor, bins: int = 15) -> float:
    """Expected calibration error: the mean of |accuracy - confidence| over bins of equal width.

    Args:
        confidence: float [n], 0..1.
        correct: bool [n], whether the answer was right.
        bins: each weighs as much as it has images (Guo et al., ICML 2017, Eq. 3).

    Returns:
        0..1; NaN without images.

    Raises:
        ValueError: lengths differ.
    """
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise ValueError("Give one confidence and one answer for each image, both as [n].")
    if not len(confidence):
        return float("nan")
    sure = confidence.double()
    of = (sure * bins).ceil().long().sub(1).clamp(0, bins - 1)  # bins are open to the left
    gaps = torch.zeros(bins, dtype=torch.float64, device=sure.device)
    gaps.index_add_(0, of, correct.double() - sure)
    return float(gaps.abs().sum() / len(sure))


def roc_auc(scores: Tensor, positive: Tensor) -> float:
    """The chance that a positive scores above a negative; equal scores count half (Mann-Whitney).

    Args:
        scores: float [n].
        positive: bool [n].

    Returns:
        0..1; NaN without a positive or without a negative.

    Raises:
        ValueError: lengths differ.
    """
    if scores.ndim != 1 or scores.shape != positive.shape:
        raise ValueError("Give one score and one label for each image, both as [n].")
    count = int(positive.sum())
    pairs = count * (len(scores) - count)
    if not pairs:
        return float("nan")
    _, place, sizes = torch.unique(scores, return_inverse=True, return_counts=True)
    ranks = sizes.double().cumsum(0) - (sizes.double() - 1) / 2  # of equal scores, their mean
    return float((ranks[place[positive]].sum() - count * (count + 1) / 2) / pairs)
