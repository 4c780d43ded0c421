"""Embeddings in two dimensions, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_NEIGHBOURS: Final = 15
_FEWEST: Final = 4  # points of which the nearest say anything
# Clusters form first, and then find their places. A lasting exaggeration of 4 keeps them apart, as
# UMAP does (Böhm, Berens, Kobak, JMLR 2022), and the plane small, which is quicker as well.
_FORMING: Final = (250, 12.0, 0.5)  # steps, exaggeration, momentum
_SETTLING: Final = (250, 4.0, 0.8)
# Few points that are drawn together so much fall into one: there must be this many for each of it.
_CROWD: Final = 200
_SLOWEST: Final = 50.0  # the learning rate of few points
_TREE: Final = 2000  # points up to which the tree of Barnes and Hut is quicker than the FFT
_TOLD_EVERY: Final = 10  # steps between two words of progress
_START: Final = 1e-4  # the spread of the first axis at the start, as is usual for t-SNE

STEPS: Final = _FORMING[0] + _SETTLING[0]


def principal(embeddings: Tensor) -> tuple[Tensor, tuple[float, float]]:
    """The two directions of largest variance (PCA), as in Figure 2.9 of the thesis.

    Signs are fixed, so that equal embeddings give equal places: of each axis, the coordinate of
    the direction that is largest in size is positive.

    Args:
        embeddings: float [n, d].

    Returns:
        float32 [n, 2], centred, and the share of the variance along each axis, 0..1.

    Raises:
        ValueError: the shape is another, or a value is NaN or infinite.
    """
    _check(embeddings)
    places = torch.zeros(len(embeddings), 2)
    centred = embeddings.double() - embeddings.double().mean(dim=0) if len(embeddings) else None
    if centred is None:
        return places, (0.0, 0.0)
    # d by d: a hundred thousand rows cost one product.
    variances, directions = torch.linalg.eigh(centred.T @ centred)
    total = float(variances.clamp_min(0).sum())
    if total <= 0:
        return places, (0.0, 0.0)
    kept = min(2, embeddings.shape[1])
    chosen = directions[:, -kept:].flip(1)
    largest = chosen.abs().argmax(dim=0)
    chosen = chosen * chosen[largest, torch.arange(kept)].sign()
    places[:, :kept] = (centred @ chosen).float()
    shares = [float(each) / total for each in variances[-kept:].flip(0).clamp_min(0)]
    return places, (shares[0], shares[1] if kept > 1 else 0.0)


def neighbours(
    embeddings: Tensor,
    start: Tensor,
    *,
    seed: int,
    progress: Callable[[int, int], None] = lambda _step, _steps: None,
) -> Tensor:
    """Places in the plane where near pictures stay near (t-SNE, interpolated by FFT).

    Each point is drawn to its 15 nearest ones alike; the start is the PCA, so that what is far
    apart in it tends to stay so. The same input and seed give the same places on one machine; one
    core is used.

    Args:
        embeddings: float [n, d].
        start: float [n, 2], see `principal`.
        seed: of the approximate search for the nearest.
        progress: is called with (step, of all) now and then; what it raises ends the work.

    Returns:
        float32 [n, 2]. Of fewer than four points, or of points that are all the same, the start.

    Raises:
        ValueError: as `principal`.
    """
    _check(embeddings)
    spread = float(start[:, 0].std()) if len(start) >= _FEWEST else 0.0
    if spread <= 0:
        return start.float()
    # Here, because importing it takes a second that only the map needs.
    from openTSNE import TSNEEmbedding, affinity  # noqa: PLC0415

    count = len(embeddings)
    progress(0, STEPS)
    drawn = affinity.Uniform(
        embeddings.float().numpy(),
        k_neighbors=min(_NEIGHBOURS, (count - 1) // 3),
        metric="euclidean",
        n_jobs=1,
        random_state=seed,
    )
    plane = TSNEEmbedding(
        start.double().numpy() / spread * _START,
        drawn,
        negative_gradient_method="fft" if count > _TREE else "bh",
        n_jobs=1,
        random_state=seed,
    )
    done = 0

    def tell(_step: int, _loss: float, _places: object) -> bool:
        progress(min(done + _step, STEPS), STEPS)
        return False

    for steps, most, momentum in (_FORMING, _SETTLING):
        exaggeration = min(most, max(count / _CROWD, 1.0))
        plane = plane.optimize(
            n_iter=steps,
            exaggeration=exaggeration,
            momentum=momentum,
            learning_rate=max(count / exaggeration, _SLOWEST),
            callbacks=[tell],
            callbacks_every_iters=_TOLD_EVERY,
        )
        done += steps
    return torch.from_numpy(np.array(plane, dtype=np.float32))


def fitted(places: Tensor) -> Tensor:
    """The same in the square from -1 to 1, its middle at 0, with equal scales of both axes."""
    if not len(places):
        return places
    low, high = places.min(dim=0).values, places.max(dim=0).values
    reach = float((high - low).max()) / 2
    centred = places - (low + high) / 2
    return (centred / reach).clamp(-1, 1) if reach > 0 else torch.zeros_like(places)


def _check(embeddings: Tensor) -> None:
    if embeddings.ndim != 2:  # noqa: PLR2004 - [n, d]
        raise ValueError(f"Give embeddings as [n, d]; got {list(embeddings.shape)}.")
    if not bool(embeddings.isfinite().all()):
        raise ValueError("The embeddings hold NaN or infinity. Compute them again.")
