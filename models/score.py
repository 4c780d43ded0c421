"""Scoring: the best category of each image and the confidence in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from models.network import SoftmaxModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.network import MetricModel

_ROWS: Final = 256
_TINY: Final = 1e-30  # below it float32 is about to lose the votes


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


def best_votes(
    model: MetricModel, embeddings: Tensor, *, rows: int = _ROWS
) -> tuple[Tensor, Tensor]:
    """argmax_i p_i(x) and max_i p_i(x) of embeddings of unit length, float32 [b, d].

    Some hundred rows at a time, so that their votes stay in the processor's cache: one matrix
    product, one exponential a vote and no logarithm. |x| = 1, so no exponent is above 0. Where all
    anchors are so far that every vote is lost to rounding, the row is computed again by logarithms.

    Returns:
        Category int64 [b] and confidence float32 [b].
    """
    if isinstance(model, SoftmaxModel):
        found = model.log_probabilities(embeddings).max(dim=1)
        return found.indices, found.values.exp().clamp_max(1.0)
    count, gamma = model.anchors.shape[1], model.config.gamma
    flat = model.anchors.transpose(0, 1).flatten(0, 1)  # all first anchors, all second ones, ...
    weight = (2 * gamma * flat).T.contiguous()
    offset = -gamma * (1 + flat.square().sum(1))
    category = torch.empty(len(embeddings), dtype=torch.int64, device=embeddings.device)
    confidence = torch.empty(len(embeddings), device=embeddings.device)
    room = embeddings.new_empty(min(rows, len(embeddings)), len(flat))
    power = 1 / float(model.temperature)
    for start in range(0, len(embeddings), rows):
        part = embeddings[start : start + rows]
        votes = torch.addmm(offset, part, weight, out=room[: len(part)]).exp_()
        first, *others = votes.split(model.categories, dim=1)  # type: ignore[no-untyped-call]
        for other in others[: count - 1]:
            first += other
        if power != 1.0:
            first.div_(first.amax(1, keepdim=True).clamp_min(_TINY)).pow_(power)
        total = first.sum(1)
        best = first.max(1)
        lost = total < _TINY
        category[start : start + rows] = best.indices
        confidence[start : start + rows] = best.values / total
        if lost.any():
            again = model.log_probabilities(part[lost]).max(dim=1)
            category[start : start + rows][lost] = again.indices
            confidence[start : start + rows][lost] = again.values.exp()
    return category, confidence.clamp_max(1.0)


@torch.inference_mode()
def _score(model: MetricModel, features: Tensor) -> tuple[Tensor, Tensor]:
    embeddings = model(features.to(model.mean.device, torch.float32))
    category, confidence = best_votes(model, embeddings)
    return category.to(features.device), confidence.to(features.device)


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
