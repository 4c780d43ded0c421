"""The embedding f(x) and the anchors of every category: what training learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from models.losses import log_votes, squared_distances

if TYPE_CHECKING:
    from models.config import MetricConfig

_EPSILON: Final = 1e-6
_ROUNDS: Final = 20  # of K-means; on at most some hundred images a category it has settled by then
_JITTER: Final = 0.01  # between the anchors of a category with fewer images than anchors


class MetricModel(nn.Module):
    """f(x): standardise pooled features, map them to d dimensions, scale to unit length.

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
    """Start a model from its training data: constants, principal directions, K-means anchors.

    Args:
        model: changed in place.
        features: float32 [n, D] pooled features.
        labels: int64 [n]; every category has at least one image.
        generator: for K-means.
    """
    units = unit(features)
    model.mean.copy_(units.mean(0))
    deviation = (units - model.mean).square().mean().sqrt()
    model.scale.fill_(1 / float(deviation.clamp_min(_EPSILON)))
    standardised = model.standardise(features)
    directions = principal_directions(standardised, model.config.dimension)
    model.linear.weight.copy_(directions)
    embeddings = model.embed(standardised)
    for category in range(model.categories):
        own = embeddings[labels == category]
        model.anchors[category] = category_anchors(own, model.config.anchors, generator)


def principal_directions(centred: Tensor, dimension: int) -> Tensor:
    """The directions of largest variance, as rows: float32 [n, D] to [dimension, D].

    Rows beyond the rank of the data are zero: nothing to start from in them.
    """
    # The smaller of the two Gram matrices: n images in D dimensions have the same spectrum in both.
    wide = centred.shape[0] < centred.shape[1]
    matrix = centred.double()
    gram = matrix @ matrix.T if wide else matrix.T @ matrix
    values, vectors = torch.linalg.eigh(gram)
    keep = min(dimension, int((values > values[-1].clamp_min(_EPSILON) * 1e-9).sum()))
    top = vectors[:, len(values) - keep :].flip(1).T
    if wide:
        top = top @ matrix / values[len(values) - keep :].flip(0).sqrt()[:, None]
    directions = centred.new_zeros(dimension, centred.shape[1])
    directions[:keep] = top.float()
    return directions


def category_anchors(embeddings: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """K-means centres of one category: float [m, d], m at least 1, to [count, d].

    With fewer images than anchors the images repeat, moved a little so that anchors may part.
    """
    order = torch.randperm(len(embeddings), generator=generator).to(embeddings.device)
    if len(embeddings) <= count:
        rows = order.repeat(-(-count // len(order)))[:count]
        noise = torch.randn(count, embeddings.shape[1], generator=generator)
        return embeddings[rows] + _JITTER * noise.to(embeddings)
    centres = embeddings[order[:count]].clone()
    for _ in range(_ROUNDS):
        nearest = squared_distances(embeddings, centres).argmin(1)
        members = nn.functional.one_hot(nearest, count).to(embeddings)
        sizes = members.sum(0)[:, None]
        means = members.T @ embeddings / sizes.clamp_min(1)
        centres = torch.where(sizes > 0, means, centres)
    return centres
