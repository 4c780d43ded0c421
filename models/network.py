"""The embedding f(x) and the anchors of every category: what training learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from models.losses import log_votes, squared_distances

if TYPE_CHECKING:
    from models.config import MetricConfig

_EPSILON: Final = 1e-6
_RANK: Final = 1e-6  # eigenvalues below this share of the largest are rounding
_ROUNDS: Final = 20  # of K-means; on at most some hundred images a category it has settled by then
_JITTER: Final = 0.01  # between the anchors of a category, so that equal ones may part
# Chosen on a validation part of Oxford Flowers, 6 and 20 images a category:
_WITHIN: Final = 0.1  # weight of variance within categories in the first directions
_PRIOR: Final = 8.0  # images that a K-means centre needs to be believed half
# Mean length of what is mapped before it is made unit length. AdamW moves each weight by about the
# learning rate a step, so a longer start keeps training closer to these first directions.
_LENGTH: Final = 40.0
_OPEN: Final = 0.1  # share of that length in a direction the data leave open


class MetricModel(nn.Module):
    """f(x): standardise pooled features, map them to d dimensions, scale to unit length.

    Anchors may leave the unit sphere, so training the classification term of Eq. 2.5 alone makes
    gamma = 5 confident enough: with 6 images for each of 102 categories of Oxford Flowers, two of
    three unseen images pass 0.5, and of these 19 in 20 are right.

    Args:
        features: D, width of the pooled features.
        categories: N.
        config: dimension d, anchors K, gamma. A dimension above D is allowed: the map then
            embeds D dimensions in d, and as many directions start at zero.

    Attributes:
        mean: float32 [D], subtracted from the features.
        scale: float32 [D], multiplied onto them.
        linear: the map, weight [d, D], no bias: its input is centred.
        anchors: float32 [N, K, d], u_ij of Eq. 2.3, not bound to unit length.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *, features: int, categories: int, config: MetricConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.linear = nn.Linear(features, config.dimension, bias=False)
        self.anchors = nn.Parameter(torch.zeros(categories, config.anchors, config.dimension))

    @property
    def features(self) -> int:
        """D."""
        return len(self.mean)

    @property
    def categories(self) -> int:
        """N."""
        return len(self.anchors)

    def standardise(self, features: Tensor) -> Tensor:
        """(x / |x| - mean) * scale: float [B, D] to [B, D], with the constants of training."""
        return (unit(features) - self.mean) * self.scale

    def embed(self, standardised: Tensor) -> Tensor:
        """Standardised features [B, D] to embeddings of unit length [B, d]."""
        mapped: Tensor = self.linear(standardised)
        return unit(mapped)

    def forward(self, features: Tensor) -> Tensor:
        """Pooled features, float [B, D], to embeddings f(x) of unit length, [B, d]."""
        return self.embed(self.standardise(features))

    def log_probabilities(self, embeddings: Tensor) -> Tensor:
        """Eq. 2.3: embeddings [B, d] to log p_i(x), [B, N]."""
        return log_votes(embeddings, self.anchors, self.config.gamma)


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1; a row of zeros stays as it is."""
    return nn.functional.normalize(vectors, dim=1, eps=_EPSILON)


@torch.no_grad()
def initialise(
    model: MetricModel, features: Tensor, labels: Tensor, generator: torch.Generator
) -> None:
    """Start a model from its training data: constants, directions, anchors.

    Args:
        model: changed in place.
        features: float32 [n, D] pooled features.
        labels: int64 [n]; every category has at least one image.
        generator: for K-means and for directions the data leave open.
    """
    units = unit(features)
    model.mean.copy_(units.mean(0))
    deviation = (units - model.mean).square().mean().sqrt()
    model.scale.fill_(1 / float(deviation.clamp_min(_EPSILON)))
    standardised = model.standardise(features)
    directions = initial_directions(standardised, labels, model.categories, model.config.dimension)
    mapped = (standardised @ directions.T).norm(dim=1).mean().clamp_min(_EPSILON)
    noise = torch.randn(directions.shape, generator=generator).to(directions)
    still = (directions == 0).all(dim=1, keepdim=True)  # a row of zeros would never learn
    noise *= _OPEN / (noise.norm(dim=1, keepdim=True) * features.shape[1] ** 0.5)
    model.linear.weight.copy_(_LENGTH * (directions / mapped + noise * still))
    embeddings = model.embed(standardised)
    for category in range(model.categories):
        own = embeddings[labels == category]
        model.anchors[category] = initial_anchors(own, model.config.anchors, generator)


def initial_directions(
    standardised: Tensor, labels: Tensor, categories: int, dimension: int
) -> Tensor:
    """Principal directions between categories, then within them: [n, D] to [dimension, D].

    What tells category means apart starts in; what varies within a category counts a tenth, and
    so fills up where there are fewer categories than dimensions. Rows beyond the rank of the data
    are zero.
    """
    sizes = labels.bincount(minlength=categories)[:, None]
    means = standardised.new_zeros(categories, standardised.shape[1])
    means = means.index_add_(0, labels, standardised) / sizes
    within = (standardised - means[labels]) * (categories / len(labels)) ** 0.5
    return principal_directions(torch.cat([means, _WITHIN * within]), dimension)


def principal_directions(centred: Tensor, dimension: int) -> Tensor:
    """The directions of largest variance, as rows: float32 [n, D] to [dimension, D].

    Rows beyond the rank of the data are zero.
    """
    # The smaller of the two Gram matrices: both have the same spectrum.
    wide = centred.shape[0] < centred.shape[1]
    gram = (centred @ centred.T if wide else centred.T @ centred).double()
    values, vectors = torch.linalg.eigh(gram)
    floor = float(values[-1]) * _RANK
    keep = min(dimension, int((values > max(floor, _EPSILON)).sum()))
    directions = centred.new_zeros(dimension, centred.shape[1])
    if keep:
        top = vectors[:, -keep:].flip(1).T
        if wide:
            top = top @ centred.double() / values[-keep:].flip(0).sqrt()[:, None]
        directions[:keep] = top.to(centred)
    return directions


def initial_anchors(embeddings: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """K-means centres of one category, drawn towards its mean: float [m, d] to [count, d].

    A centre of s images moves by _PRIOR / (s + _PRIOR) of its way to the mean of the category:
    two or three images make no mode yet, hundreds do.

    Args:
        embeddings: the images of the category, m of at least 1.
        count: K. Centres that K-means leaves without images start near the mean.
        generator: on the CPU.
    """
    centres, sizes = k_means(embeddings, count, generator)
    noise = torch.randn(centres.shape, generator=generator).to(centres)
    trust = sizes / (sizes + _PRIOR)
    mean = embeddings.mean(0)
    return mean + trust * (centres - mean) + _JITTER * noise


def k_means(embeddings: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from random images: [m, d] to centres [count, d] and sizes [count, 1].

    With fewer images than centres the images repeat.
    """
    order = torch.randperm(len(embeddings), generator=generator).to(embeddings.device)
    centres = embeddings[order.repeat(-(-count // len(order)))[:count]].clone()
    sizes = centres.new_zeros(count, 1)
    for _ in range(_ROUNDS):
        nearest = squared_distances(embeddings, centres).argmin(1)
        members = nn.functional.one_hot(nearest, count).to(embeddings)
        sizes = members.sum(0)[:, None]
        means = members.T @ embeddings / sizes.clamp_min(1)
        centres = torch.where(sizes > 0, means, centres)
    return centres, sizes
