"""Test-time averaging: the features of a picture and of its mirror image, halved."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from models.backbone import Backbone


class FlipAveraged:
    """A backbone that looks at each picture twice; to be used wherever a backbone is.

    It costs twice the time. Train and score with the same choice: the fingerprint differs from
    that of the plain backbone, so their cached features are never mixed.

    Attributes:
        name, dim, image_size, device: those of the backbone.
        fingerprint: hex SHA-256, of the backbone's and this treatment.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.name: str = backbone.name
        self.dim: int = backbone.dim
        self.image_size: int = backbone.image_size
        self.device: torch.device = backbone.device
        self.fingerprint = hashlib.sha256(f"flip {backbone.fingerprint}".encode()).hexdigest()

    def features(self, batch: Tensor) -> Tensor:
        """As the backbone's: [B, 3, H, W] to float32 [B, dim]; the mean of both views."""
        return (self._backbone.features(batch) + self._backbone.features(batch.flip(3))) / 2
