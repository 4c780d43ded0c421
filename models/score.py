"""Scoring: the best category of each image and the confidence in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.network import MetricModel


def score(model: MetricModel, chunks: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """argmax_i p_i(x) and max_i p_i(x) of Eq. 2.3, chunk by chunk, in one pass.

    Args:
        model: a trained model.
        chunks: float [b, D] pooled features each; any number of any length.

    Yields:
        For each chunk category int64 [b] and confidence float32 [b] in 0..1, on the chunk's
        device.

    Raises:
        ValueError: a chunk has another shape, or holds NaN or infinity; the message names the
            index, counted from 0 over all chunks.
    """
    start = 0
    for features in chunks:
        _check(features, model.features, start)
        yield _score(model, features)
        start += len(features)


@torch.inference_mode()
def _score(model: MetricModel, features: Tensor) -> tuple[Tensor, Tensor]:
    device = model.mean.device
    votes = model.log_probabilities(model(features.to(device, torch.float32)))
    confidence, category = votes.max(dim=1)
    # Rounding may leave a logarithm a hair above 0, and confidences are probabilities.
    return category.to(features.device), confidence.exp().clamp_max(1.0).to(features.device)


def _check(features: Tensor, width: int, start: int) -> None:
    if features.ndim != 2 or features.shape[1] != width:  # noqa: PLR2004 - [b, D]
        raise ValueError(
            f"Give features as [b, {width}], as the model was trained; got {list(features.shape)}. "
            "Features of another backbone do not fit this model.",
        )
    broken = (~features.isfinite().all(dim=1)).nonzero()
    if len(broken):
        raise ValueError(
            f"The features of image {start + int(broken[0])} hold NaN or infinity. "
            "Extract them again or leave the image out.",
        )
