"""The coarse filter: whether a picture is in the project's domain at all ("a flower").

Cui et al. kept one of two million crawled images this way before the first round (section 2.2.1). They
trained a network on 70,000 images; here it is a logistic regression on the features that rounds need
anyway, so that a few seeds suffice and a pool is scored as fast as its features are read.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from models import checkpoint
from models.metrics import roc_auc
from models.network import unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FORMAT: Final = "coarse-filter-1"
STRENGTHS: Final = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)  # strongest first, see `_path`
FOLDS: Final = 5
_LEAST: Final = 2
_STEPS: Final = 200
_ROWS: Final = 4096


@dataclass(frozen=True)
class Facts:
    """What a filter was made of and how well it did on pictures that it had not seen.

    Attributes:
        fingerprint: Of the backbone whose features it reads.
        positives: Pictures of the domain that it was trained on.
        negatives: Pictures of anything else.
        auc: Area under the ROC curve of the cross-validation, 0..1.
        l2: The strength of the penalty, chosen by the cross-validation.
        seed: Of the division into folds.
        positive_bins: Cross-validated scores of the positives, counted in 100 bins of equal width.
        negative_bins: The same of the negatives: together they tell what a threshold costs.
    """

    fingerprint: str
    positives: int
    negatives: int
    auc: float
    l2: float
    seed: int
    positive_bins: tuple[int, ...]
    negative_bins: tuple[int, ...]


@dataclass(frozen=True)
class CoarseFilter:
    """A trained filter: p = sigmoid(weight . (x / |x| - mean) * scale + bias).

    Attributes:
        mean: Float32 [D].
        scale: Float32 [D].
        weight: Float32 [D].
        bias: Float32 [].
        facts: See there.
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    facts: Facts

    @torch.inference_mode()
    def scores(self, features: Tensor) -> Tensor:
        """Domain scores, float32 [n] in 0..1, of pooled features, float [n, D]; memory is bounded in n.

        Raises:
            ValueError: the width is another one: features of another backbone.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):  # noqa: PLR2004 - [n, D]
            raise ValueError(
                f"This coarse filter reads features of width {len(self.mean)}; these are "
                f"{list(features.shape)}. Train it again for this backbone.",
            )
        if not len(features):
            return torch.zeros(0)
        parts = [
            ((unit(rows.float()) - self.mean) * self.scale) @ self.weight + self.bias
            for rows in torch.split(features, _ROWS)
        ]
        return torch.cat(parts).sigmoid()


def fit(
    positives: Tensor,
    negatives: Tensor,
    *,
    fingerprint: str,
    groups: Tensor | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _step, _steps: None,
) -> CoarseFilter:
    """Train a filter: balanced logistic regression, its L2 penalty chosen by cross-validation.

    Both classes weigh the same however many pictures they have, so 0.5 favours neither. Chosen is the
    strength with the least cross-validated loss, because a threshold is only worth something on scores
    that are honest; the AUC is told, not optimised.

    Args:
        positives: Float [p, D], pooled features of pictures in the domain.
        negatives: Float [n, D], of pictures outside.
        fingerprint: Of the backbone.
        groups: int64 [p], the category of each positive. A category is never divided between folds
            where there are enough of them: the domain is wider than the known categories, and the
            cross-validation is to tell how a flower of no known category fares.
        seed: Of the division into folds.
        progress: Hears (step, steps).

    Raises:
        ValueError: fewer than two of a kind, widths that differ, or features that are not finite.
    """
    _check(positives, negatives, groups)
    features = unit(torch.cat([positives, negatives]).float())
    labels = torch.zeros(len(features))
    labels[: len(positives)] = 1
    mean = features.mean(0)
    scale = 1 / features.std(0).clamp_min(1e-6)
    inputs = (features - mean) * scale
    folds = _folds(labels.bool(), groups, seed)
    tried = int(folds.max()) + 1
    steps = tried * len(STRENGTHS) + 1
    logits = {l2: torch.empty(len(labels)) for l2 in STRENGTHS}
    for fold in range(tried):
        held = folds == fold
        weights = _balanced(labels) * ~held
        for step, (l2, at) in enumerate(_path(inputs, labels, weights, STRENGTHS)):
            logits[l2][held] = inputs[held] @ at[:-1] + at[-1]
            progress(fold * len(STRENGTHS) + step + 1, steps)
    best = min(STRENGTHS, key=lambda l2: float(_loss(logits[l2], labels, _balanced(labels))))
    outside = logits[best].sigmoid()
    *_, (_, at) = _path(inputs, labels, _balanced(labels), STRENGTHS[: STRENGTHS.index(best) + 1])
    progress(steps, steps)
    return CoarseFilter(
        mean=mean,
        scale=scale,
        weight=at[:-1].clone(),
        bias=at[-1].clone(),
        facts=Facts(
            fingerprint=fingerprint,
            positives=len(positives),
            negatives=len(negatives),
            auc=round(roc_auc(outside, labels.bool()), 6),
            l2=best,
            seed=seed,
            positive_bins=_bins(outside[labels.bool()]),
            negative_bins=_bins(outside[~labels.bool()]),
        ),
    )


def _check(positives: Tensor, negatives: Tensor, groups: Tensor | None) -> None:
    for name, rows in (("in the domain", positives), ("out of the domain", negatives)):
        if len(rows) < _LEAST:
            raise ValueError(
                f"A coarse filter needs at least two pictures {name}; got {len(rows)}."
            )
        if not rows.isfinite().all():
            raise ValueError(f"The features of pictures {name} hold NaN or infinity.")
    if positives.shape[1] != negatives.shape[1]:
        raise ValueError(
            f"Give features of one backbone: the widths are {positives.shape[1]} and "
            f"{negatives.shape[1]}.",
        )
    if groups is not None and groups.shape != (len(positives),):
        raise ValueError("Give one group for each positive, as int64 [p].")


def _folds(labels: Tensor, groups: Tensor | None, seed: int) -> Tensor:
    """int64 [n]: the fold of each row; each fold has rows of both classes."""
    chance = torch.Generator().manual_seed(seed)
    counts = [int(labels.sum()), int((~labels).sum())]
    tried = min(FOLDS, *counts)
    folds = torch.empty(len(labels), dtype=torch.int64)
    for label in (True, False):
        rows = (labels == label).nonzero()[:, 0]
        of = torch.arange(len(rows))
        if label and groups is not None:
            known, inverse = torch.unique(groups, return_inverse=True)
            of = inverse if len(known) >= tried else of
        folds[rows] = _dealt(of, tried, chance)[of]
    return folds


def _dealt(of: Tensor, tried: int, chance: torch.Generator) -> Tensor:
    """int64 [groups]: groups in random order, each to the fold that has least yet."""
    sizes = of.bincount()
    if int(sizes.max()) == 1:
        return torch.randperm(len(sizes), generator=chance) % tried
    folds, filled = torch.empty_like(sizes), [0] * tried
    for group in torch.randperm(len(sizes), generator=chance).tolist():
        fold = filled.index(min(filled))
        folds[group] = fold
        filled[fold] += int(sizes[group])
    return folds


def _balanced(labels: Tensor) -> Tensor:
    """Weights [n] by which both classes have the same sum, 1/2."""
    positive = labels.sum()
    return torch.where(labels > 0, 0.5 / positive, 0.5 / (len(labels) - positive))


def _path(
    inputs: Tensor, labels: Tensor, weights: Tensor, strengths: Sequence[float]
) -> list[tuple[float, Tensor]]:
    """(l2, parameters [D + 1], the bias last) from the strongest penalty on, each begun at the last."""
    at = torch.zeros(inputs.shape[1] + 1)
    found = []
    for l2 in strengths:
        at = _minimise(inputs, labels, weights / weights.sum(), l2, at)
        found.append((l2, at))
    return found


def _minimise(inputs: Tensor, labels: Tensor, weights: Tensor, l2: float, start: Tensor) -> Tensor:
    """The minimum of the weighted mean loss + l2 / 2 |w|^2; the bias is free."""
    at = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [at],
        max_iter=_STEPS,
        tolerance_grad=1e-6,
        tolerance_change=1e-9,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(inputs @ at[:-1] + at[-1], labels, weights) + l2 / 2 * at[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return at.detach()


def _loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (losses * weights).sum()


def _bins(scores: Tensor) -> tuple[int, ...]:
    return tuple((scores * 100).long().clamp(0, 99).bincount(minlength=100).tolist())


def to_bytes(trained: CoarseFilter) -> bytes:
    """The filter as one file: safetensors, its facts as JSON in the header, no pickle."""
    tensors = {
        name: getattr(trained, name).contiguous() for name in ("mean", "scale", "weight", "bias")
    }
    about = {"format": _FORMAT, **dataclasses.asdict(trained.facts)}
    return safetensors.torch.save(tensors, {checkpoint.KEY: json.dumps(about, sort_keys=True)})


def from_bytes(content: bytes) -> CoarseFilter:
    """The filter of `to_bytes`.

    Raises:
        ValueError: the bytes are no filter of this program, or are damaged.
    """
    try:
        about: dict[str, Any] = checkpoint.header(content)
        tensors = safetensors.torch.load(content)
        kind = about.pop("format")
        if kind != _FORMAT:
            raise ValueError(f"its format is {kind!r}, not {_FORMAT!r}")  # noqa: TRY301
        facts = Facts(
            **{
                **about,
                "positive_bins": tuple(about["positive_bins"]),
                "negative_bins": tuple(about["negative_bins"]),
            }
        )
        return CoarseFilter(**_checked(tensors), facts=facts)
    except (KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ValueError(
            f"This is not an intact file of a coarse filter ({error}). Train it again, or take the "
            "file that another project offers.",
        ) from error


def _checked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    width = tensors["mean"].shape
    shapes = {"mean": width, "scale": width, "weight": width, "bias": torch.Size([])}
    for name, shape in shapes.items():
        if tensors[name].shape != shape or len(width) != 1 or not tensors[name].isfinite().all():
            raise ValueError(f"{name} does not fit the other tensors or is not finite")
    return {name: tensors[name].float() for name in shapes}
