"""Constants, directions and anchors that are read from the training data, not learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from models.methods import Extra
from models.network import MetricModel, SoftmaxModel, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPSILON: Final = 1e-6
_RANK: Final = 1e-6  # eigenvalues below this share of the largest are rounding
_ROUNDS: Final = 20  # of K-means; on at most some hundred images a category it has settled by then
_JITTER: Final = 0.01  # between the anchors of a category, so that equal ones may part
_ROWS: Final = 8192  # rows in float32 at a time
# Chosen on a validation part of Oxford Flowers, 6 and 20 images a category:
_WITHIN: Final = 0.1  # weight of variance within categories in the first directions
_PRIOR: Final = 8.0  # images that a K-means centre needs to be believed half
# Mean length of what is mapped before it is made unit length. AdamW moves each weight by about the
# learning rate a step, so a longer start keeps training closer to these first directions.
_LENGTH: Final = 40.0
_OPEN: Final = 0.1  # share of that length in a direction the data leave open
_LOGITS: Final = 3.0  # mean first logit of a softmax model for a category's own mean


@torch.no_grad()
def initialise(
    model: MetricModel,
    features: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    *,
    rejected_features: Tensor | None = None,
    rejected_categories: Tensor | None = None,
) -> None:
    """Start a model from its training data: constants, directions, anchors.

    Args:
        model: changed in place.
        features: float [n, D] pooled features, of any precision; some thousand rows at a time are
            taken to float32.
        labels: int64 [n]; every category has at least one image.
        generator: for K-means and for directions the data leave open.
        rejected_features: float [r, D], where the classes of hard negatives of a softmax start.
        rejected_categories: int64 [r].
    """
    set_constants(model, features)
    if isinstance(model, SoftmaxModel):
        _start_softmax(model, features, labels, rejected_features, rejected_categories)
        return
    dimension = model.config.dimension
    if model.config.start == "random":
        noise = torch.randn(model.linear.weight.shape, generator=generator)
        directions = noise.to(features.device) / model.features**0.5
    else:
        directions = _directions_between(model, features, labels, dimension)
    length = _mean_length(model, features, directions)
    noise = torch.randn(directions.shape, generator=generator).to(directions)
    still = (directions == 0).all(dim=1, keepdim=True)  # a row of zeros would never learn
    noise *= _OPEN / (noise.norm(dim=1, keepdim=True) * model.features**0.5)
    model.linear.weight.copy_(_LENGTH * (directions / length + noise * still))
    set_anchors(model, _embedded(model, features), labels, generator)


@torch.no_grad()
def set_constants(model: MetricModel, features: Tensor) -> None:
    """Mean and scale of `MetricModel.standardise` from the features [n, D] of the training set."""
    total = model.mean.new_zeros(model.features, dtype=torch.float64)
    for rows in _chunks(features):
        total += unit(rows).sum(0, dtype=torch.float64)
    model.mean.copy_(total / len(features))
    squares = sum(
        float((unit(rows) - model.mean).square().sum(dtype=torch.float64))
        for rows in _chunks(features)
    )
    deviation = (squares / features.numel()) ** 0.5
    model.scale.fill_(1 / max(deviation, _EPSILON))


@torch.no_grad()
def set_anchors(
    model: MetricModel, embeddings: Tensor, labels: Tensor, generator: torch.Generator
) -> None:
    """K-means centres of every category, drawn towards its mean.

    A centre of s images moves by _PRIOR / (s + _PRIOR) of its way to the mean of the category:
    two or three images make no mode yet, hundreds do. Centres without images start near the mean.

    Args:
        model: its anchors are changed in place.
        embeddings: float [n, d] of the training images.
        labels: int64 [n]; every category has at least one image.
        generator: on the CPU.
    """
    centres = _trusted_centres(model, embeddings, labels, generator)
    noise = torch.randn(centres.shape, generator=generator).to(centres)
    model.anchors.copy_(centres + _JITTER * noise)


@torch.no_grad()
def finish_anchors(
    model: MetricModel, embeddings: Tensor, labels: Tensor, generator: torch.Generator
) -> None:
    """What becomes of the anchors when the embedding is done.

    Those that were not learned are `set_anchors`. Learned ones have followed single training
    images; they go `settle` of the way to the K-means centres that Lloyd's algorithm finds from
    where they are. Then all are made longer by one factor, so that their mean length stays as it
    was learned: it is what makes the votes sure or unsure. A softmax model has none.

    Args:
        model: its anchors are changed in place.
        embeddings: float [n, d] of the training images, in the finished embedding.
        labels: int64 [n]; every category has at least one image.
        generator: on the CPU.
    """
    if model.method.softmax:
        return
    if not model.method.anchors:
        set_anchors(model, embeddings, labels, generator)
    elif model.config.settle:
        learned = model.anchors.detach()
        centres = _trusted_centres(model, embeddings, labels, generator, start=learned)
        settled = learned.lerp(centres, model.config.settle)
        longer = learned.norm(dim=2).mean() / settled.norm(dim=2).mean().clamp_min(_EPSILON)
        model.anchors.copy_(longer * settled)


def k_means(
    embeddings: Tensor,
    labels: Tensor,
    categories: int,
    count: int,
    generator: torch.Generator,
    *,
    start: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm in every category at once, from random images of it or from `start`.

    With fewer images than centres the random images repeat. A centre without images stays.

    Args:
        embeddings: float [n, d].
        labels: int64 [n]; every category has at least one image.
        categories: N.
        count: K.
        generator: on the CPU.
        start: float [N, K, d].

    Returns:
        Centres float [N, K, d] and their numbers of images float [N, K, 1].
    """
    if start is None:
        start = embeddings[_random_images(labels, categories, count, generator)]
    centres = start.clone()
    members = centres.new_zeros(categories * count, 1)
    for _ in range(_ROUNDS):
        nearest = labels * count + _nearest_own(embeddings, labels, centres)
        members = nearest.bincount(minlength=categories * count)[:, None].to(centres)
        sums = torch.zeros_like(centres).flatten(0, 1).index_add_(0, nearest, embeddings)
        moved = torch.where(members > 0, sums / members.clamp_min(1), centres.flatten(0, 1))
        moved = moved.view_as(centres)
        if moved.equal(centres):
            break
        centres = moved
    return centres, members.view(categories, count, 1)


def _random_images(
    labels: Tensor, categories: int, count: int, generator: torch.Generator
) -> Tensor:
    """Rows of `count` images of each category, int64 [N, count]; they repeat where it has fewer."""
    shuffled = torch.randperm(len(labels), generator=generator).to(labels.device)
    order = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = labels.bincount(minlength=categories)
    starts = sizes.cumsum(0) - sizes
    places = torch.arange(count, device=labels.device)[None, :] % sizes[:, None]
    return order[starts[:, None] + places]


def _trusted_centres(
    model: MetricModel,
    embeddings: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    *,
    start: Tensor | None = None,
) -> Tensor:
    """K-means centres [N, K, d], drawn towards the mean of the category: see `set_anchors`."""
    categories, count, _ = model.anchors.shape
    centres, sizes = k_means(embeddings, labels, categories, count, generator, start=start)
    means = _means(embeddings, labels, categories)[:, None]
    return means + sizes / (sizes + _PRIOR) * (centres - means)


def principal_directions(centred: Tensor, dimension: int) -> Tensor:
    """The directions of largest variance, as rows: float32 [n, D] to [dimension, D].

    Rows beyond the rank of the data are zero.
    """
    # The smaller of the two Gram matrices: both have the same spectrum.
    wide = centred.shape[0] < centred.shape[1]
    if not wide:
        return _leading(centred.T @ centred, dimension)
    values, vectors = torch.linalg.eigh((centred @ centred.T).double())
    keep = _rank(values, dimension)
    directions = centred.new_zeros(dimension, centred.shape[1])
    if keep:
        top = vectors[:, -keep:].flip(1).T @ centred.double()
        directions[:keep] = (top / values[-keep:].flip(0).sqrt()[:, None]).to(centred)
    return directions


def _directions_between(
    model: MetricModel, features: Tensor, labels: Tensor, dimension: int
) -> Tensor:
    """Principal directions between categories, then within them: [dimension, D].

    What tells category means apart starts in; what varies within a category counts a tenth, and
    so fills up where there are fewer categories than dimensions. Rows beyond the rank of the data
    are zero.
    """
    weight = _WITHIN * (model.categories / len(labels)) ** 0.5
    means = _feature_means(model, features, labels, model.categories)
    if len(features) + model.categories < model.features:
        within = model.standardise(features.float()) - means[labels]
        return principal_directions(torch.cat([means, weight * within]), dimension)
    gram = model.mean.new_zeros(model.features, model.features)
    for rows in _chunks(features):
        standardised = model.standardise(rows)
        gram.addmm_(standardised.T, standardised)
    sizes = labels.bincount(minlength=len(means))[:, None]
    gram -= (means * sizes).T @ means  # leaves the sum of (x - mean)(x - mean)^T
    return _leading(means.T @ means + weight**2 * gram, dimension)


def _leading(gram: Tensor, dimension: int) -> Tensor:
    values, vectors = torch.linalg.eigh(gram.double())
    keep = _rank(values, dimension)
    directions = gram.new_zeros(dimension, len(gram))
    if keep:
        directions[:keep] = vectors[:, -keep:].flip(1).T.to(gram)
    return directions


def _rank(values: Tensor, most: int) -> int:
    floor = float(values[-1]) * _RANK
    return min(most, int((values > max(floor, _EPSILON)).sum()))


def _start_softmax(
    model: SoftmaxModel,
    features: Tensor,
    labels: Tensor,
    rejected: Tensor | None,
    against: Tensor | None,
) -> None:
    """The nearest mean as a linear classifier: w = a mean, b = -a |mean|^2 / 2; or zeros."""
    nn.init.zeros_(model.linear.weight)
    nn.init.zeros_(model.linear.bias)
    if model.config.start == "random":  # of a convex loss every start is as good as noise
        return
    means = _feature_means(model, features, labels, model.categories)
    if model.method.extra is not Extra.NONE and rejected is not None and against is not None:
        classes = 1 if model.method.extra is Extra.SINGLE else model.categories
        of = torch.zeros_like(against) if classes == 1 else against
        means = torch.cat([means, _feature_means(model, rejected, of, classes)])
    lengths = means.square().sum(1)
    strength = _LOGITS / lengths[: model.categories].mean().clamp_min(_EPSILON)
    model.linear.weight[: len(means)] = strength * means
    model.linear.bias[: len(means)] = -strength * lengths / 2


def _feature_means(model: MetricModel, features: Tensor, labels: Tensor, categories: int) -> Tensor:
    sums = model.mean.new_zeros(categories, model.features)
    start = 0
    for rows in _chunks(features):
        sums.index_add_(0, labels[start : start + len(rows)], model.standardise(rows))
        start += len(rows)
    return sums / labels.bincount(minlength=categories).clamp_min(1)[:, None]


def _means(embeddings: Tensor, labels: Tensor, categories: int) -> Tensor:
    sums = embeddings.new_zeros(categories, embeddings.shape[1]).index_add_(0, labels, embeddings)
    return sums / labels.bincount(minlength=categories)[:, None]


def _nearest_own(embeddings: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """Which of its category's centres each image is nearest to: int64 [n]."""
    parts = [
        (rows[:, None] - centres[of]).square().sum(2).argmin(1)
        for rows, of in zip(torch.split(embeddings, _ROWS), torch.split(labels, _ROWS), strict=True)
    ]
    return torch.cat(parts)


def _mean_length(model: MetricModel, features: Tensor, directions: Tensor) -> float:
    lengths = [
        float((model.standardise(rows) @ directions.T).norm(dim=1).sum())
        for rows in _chunks(features)
    ]
    return max(sum(lengths) / len(features), _EPSILON)


def _embedded(model: MetricModel, features: Tensor) -> Tensor:
    return torch.cat([model(rows) for rows in _chunks(features)])


def _chunks(features: Tensor) -> Iterator[Tensor]:
    for rows in torch.split(features, _ROWS):
        yield rows.float()
