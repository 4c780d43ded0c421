"""What training learns: an embedding f(x) with anchors, or the linear classifier it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from models.losses import log_votes
from models.methods import Extra, Method, method_of

if TYPE_CHECKING:
    from models.config import MetricConfig

_EPSILON: Final = 1e-6


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
        temperature: float32 [], the logarithms of the votes are divided by it; 1 is Eq. 2.3 itself.
        linear: the map, weight [d, D], no bias: its input is centred.
        anchors: float32 [N, K, d], u_ij of Eq. 2.3, not bound to unit length.
    """

    mean: Tensor
    scale: Tensor
    temperature: Tensor
    linear: nn.Linear
    anchors: Tensor

    def __init__(self, *, features: int, categories: int, config: MetricConfig) -> None:
        super().__init__()
        self.config = config
        self._categories = categories
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("temperature", torch.ones(()))
        self._add_parameters()

    def _add_parameters(self) -> None:
        config = self.config
        self.linear = nn.Linear(self.features, config.dimension, bias=False)
        zeros = torch.zeros(self.categories, config.anchors, config.dimension)
        # K-means makes the anchors where they are not learned.
        self.anchors = nn.Parameter(zeros, requires_grad=self.method.anchors)

    @property
    def method(self) -> Method:
        """How it is trained."""
        return method_of(self.config.method)

    @property
    def features(self) -> int:
        """D."""
        return len(self.mean)

    @property
    def categories(self) -> int:
        """N."""
        return self._categories

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
        votes = log_votes(embeddings, self.anchors, self.config.gamma)
        return torch.log_softmax(votes / self.temperature, dim=1)


class SoftmaxModel(MetricModel):
    """A linear classifier under softmax behind the same interface; its embedding are its logits.

    Attributes:
        linear: weight [N + E, D] and bias: E is 0, 1 (HNS) or N (HNM) classes of hard negatives.
        anchors: float32 [N, 1, N + E], the corners of the simplex, for whoever looks for typical
            examples; not trained.
    """

    def _add_parameters(self) -> None:
        self.linear = nn.Linear(self.features, self.categories + self._extra())

    def _extra(self) -> int:
        sizes = {Extra.NONE: 0, Extra.SINGLE: 1, Extra.MULTIPLE: self.categories}
        return sizes[self.method.extra]

    @property
    def anchors(self) -> Tensor:  # type: ignore[override]
        """See the class."""
        corners = torch.eye(self.categories, self.linear.out_features, device=self.mean.device)
        return corners[:, None]

    def embed(self, standardised: Tensor) -> Tensor:
        """Standardised features [B, D] to logits [B, N + E]."""
        logits: Tensor = self.linear(standardised)
        return logits

    def log_probabilities(self, embeddings: Tensor) -> Tensor:
        """Logits [B, N + E] to log p_i(x) of the N categories, [B, N].

        What falls to the classes of hard negatives is missing from the sum: as in the paper they
        are no answer, but an image that resembles them is trusted less.
        """
        return torch.log_softmax(embeddings / self.temperature, dim=1)[:, : self.categories]


def build(*, features: int, categories: int, config: MetricConfig) -> MetricModel:
    """An untrained model of the method that the settings name."""
    kind = SoftmaxModel if method_of(config.method).softmax else MetricModel
    return kind(features=features, categories=categories, config=config)


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1; a row of zeros stays as it is."""
    return nn.functional.normalize(vectors, dim=1, eps=_EPSILON)
