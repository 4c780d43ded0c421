"""The losses of Cui et al. (CVPR 2016), section 2.3, over embeddings of unit length."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(left: Tensor, right: Tensor) -> Tensor:
    """|a - b|^2 of every pair: float [A, d] and [B, d] to [A, B], never below 0.

    Computed as |a|^2 + |b|^2 - 2ab, one matrix product.
    """
    products = left @ right.T
    squares = (left * left).sum(1, keepdim=True) + (right * right).sum(1)
    return (squares - 2 * products).clamp_min(0)


def triplet_losses(reference: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Eq. 2.1 per triplet: max(0, |f(x) - f(xp)|^2 - |f(x) - f(xn)|^2 + m).

    Args:
        reference: float [..., d], broadcast against the others.
        positive: float [..., d].
        negative: float [..., d].
        margin: m, in squared distance.

    Returns:
        float [...], one loss a triplet.
    """
    near = (reference - positive).square().sum(-1)
    far = (reference - negative).square().sum(-1)
    return (near - far + margin).clamp_min(0)


def log_votes(embeddings: Tensor, anchors: Tensor, gamma: float) -> Tensor:
    """Eq. 2.3, its logarithm: log p_i(x) over the categories.

    p_i = sum_j exp(-gamma |f(x) - u_ij|^2) / sum_l sum_j exp(-gamma |f(x) - u_lj|^2), by
    logsumexp over the anchors of a category and then over categories, so that a far embedding
    gives finite numbers where the exponentials themselves would all be 0.

    Args:
        embeddings: float [B, d].
        anchors: float [N, K, d].
        gamma: softness, above 0.

    Returns:
        float [B, N]; exp of a row sums to 1.
    """
    categories, count, width = anchors.shape
    distances = squared_distances(embeddings, anchors.reshape(categories * count, width))
    votes = torch.logsumexp(-gamma * distances.view(-1, categories, count), dim=2)
    return torch.log_softmax(votes, dim=1)


def classification_loss(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Eq. 2.4, the mean over a batch of -log p_C(x): float [B, N] and int64 [B] to float []."""
    return torch.nn.functional.nll_loss(log_probabilities, labels)


def total_loss(triplet: Tensor, classification: Tensor, omega: float) -> Tensor:
    """Eq. 2.5: omega * triplet + (1 - omega) * classification, float []."""
    return omega * triplet + (1 - omega) * classification
