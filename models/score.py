"""Scoring: the best category of each image and the confidence in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from models.network import SoftmaxModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.network import MetricModel

_TOP: Final = 20.0  # the largest exponent of an embedding of unit length, after the shift
_LOWEST: Final = -87.0  # exp of less is no normal float32
_LOG2_E: Final = math.log2(math.e)  # exp(x) = 2 ** (x * this)
_SPAN: Final = 24.0  # nats below the winner that may vanish: exp(-24) is 4e-11
_CACHED: Final = 2**19  # floats of one block on a CPU: 2 MB, to stay in the processor's caches
_FEWEST: Final = 64  # rows of a block, however many anchors there are
_ON_A_GPU: Final = 2**26  # floats of one block elsewhere


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
    model: MetricModel, embeddings: Tensor, *, rows: int | None = None
) -> tuple[Tensor, Tensor]:
    """argmax_i p_i(x) and max_i p_i(x) of embeddings of unit length, float32 [b, d].

    In -gamma |f - u|^2 = 2 gamma f.u - gamma |u|^2 - gamma |f|^2 the last term is the same for all
    anchors and cancels; the second enters the product as one more column, with a shift that keeps
    the exponentials of unit embeddings in the range of float32 without a search for the largest.
    The columns hold base-2 logarithms, since powers of two cost a third of torch's exp on a CPU.
    They are taken in place, block by block in the processor's cache, and only the winner's
    confidence is worked out. Rows that leave the range, all anchors being far, are computed again
    by logarithms.

    Args:
        model: a trained model.
        embeddings: as it makes them, on its device; any number.
        rows: how many at a time; the default fits the cache.

    Returns:
        Category int64 [b] and confidence float32 [b].
    """
    if isinstance(model, SoftmaxModel):  # its embeddings are logits: there is nothing to vote on
        found = model.log_probabilities(embeddings).max(dim=1)
        return found.indices, found.values.exp().clamp_max(1.0)
    categories, count, width = model.anchors.shape
    temperature = float(model.temperature)
    rows = rows or _fitting(categories * count, embeddings.device)
    rows = max(min(rows, len(embeddings)), 1)
    columns = _columns(model.anchors, model.config.gamma)
    extended = embeddings.new_ones(rows, width + 1)
    room = embeddings.new_empty(count * rows * categories)
    category = torch.empty(len(embeddings), dtype=torch.int64, device=embeddings.device)
    best, total = embeddings.new_empty(2, len(embeddings))
    for start in range(0, len(embeddings), rows):
        part = slice(start, start + rows)
        size = len(embeddings[part])
        extended[:size, :width] = embeddings[part]
        votes = room[: count * size * categories].view(count, size, categories)
        torch.bmm(extended[:size].expand(count, size, width + 1), columns, out=votes)
        votes.exp2_()
        summed = votes[0]
        for other in votes[1:]:
            summed += other
        winners = _argmax(summed)
        category[part] = winners
        best[part] = summed.gather(1, winners[:, None])[:, 0]
        if temperature != 1:
            # Relative to the winner, and by logarithms: quicker than a power.
            _log(summed.div_(best[part, None])).mul_(_LOG2_E / temperature).exp2_()
        total[part] = summed.sum(1)
    confidence = (best if temperature == 1 else 1.0) / total
    # Had a vote that counts vanished, or one overflowed? The comparison is false for NaN too.
    floor = math.exp(min(_LOWEST + _SPAN * max(temperature, 1), 80.0))
    lost = ~((best >= floor) & best.isfinite() & total.isfinite())
    for again in lost.nonzero()[:, 0].split(rows):
        found = model.log_probabilities(embeddings[again]).max(dim=1)
        category[again], confidence[again] = found.indices, found.values.exp()
    return category, confidence.clamp_max(1.0)  # rounding may leave it a hair above


def _fitting(anchors: int, device: torch.device) -> int:
    """How many rows of votes to compute at a time."""
    return max((_CACHED if device.type == "cpu" else _ON_A_GPU) // anchors, _FEWEST)


def _columns(anchors: Tensor, gamma: float) -> Tensor:
    """[K, d + 1, N]: 2 gamma u, and below it what is added to the product; both to base 2."""
    added = _TOP - gamma - gamma * anchors.square().sum(2, keepdim=True)
    columns = _LOG2_E * torch.cat([2 * gamma * anchors, added], dim=2)
    return columns.permute(1, 2, 0).contiguous()


def _argmax(votes: Tensor) -> Tensor:
    """[b, N] to int64 [b]; on a CPU by numpy, which is twenty times as fast at it as torch."""
    if votes.device.type == "cpu":
        return torch.from_numpy(votes.numpy().argmax(axis=1))
    return votes.argmax(dim=1)


def _log(votes: Tensor) -> Tensor:
    """The natural logarithm in place; on a CPU by numpy, which takes a third of torch's time."""
    if votes.device.type != "cpu":
        return votes.log_()
    values = votes.numpy()
    with np.errstate(divide="ignore"):  # a vote may have vanished: it counts nothing
        np.log(values, out=values)
    return votes


@torch.inference_mode()
def _score(model: MetricModel, features: Tensor) -> tuple[Tensor, Tensor]:
    device = model.mean.device
    category, confidence = best_votes(model, model(features.to(device, torch.float32)))
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
