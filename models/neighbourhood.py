"""Short codes of backbone features, and the cells in which to look for near ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import safetensors.torch
import torch

from models.network import unit

if TYPE_CHECKING:
    from torch import Tensor

CODE_BITS: Final = 256
_ROUNDS: Final = 6  # of k-means


@dataclass(frozen=True)
class Neighbourhood:
    """How the features of one project and backbone are coded.

    Features are compared by the cosine after the mean direction of the project is taken away, see
    `models.neighbours`. A code has the signs of CODE_BITS random projections: two differ in a share
    of bits that is the angle between the features divided by pi. A cell is where a landmark is the
    nearest of all.

    Attributes:
        centre: Float [D], the mean direction.
        axes: Float [D, CODE_BITS].
        landmarks: Float [C, D], unit vectors.
    """

    centre: Tensor
    axes: Tensor
    landmarks: Tensor

    @classmethod
    def of(cls, features: Tensor, landmarks: int, seed: int = 0) -> Neighbourhood:
        """Of these features [n, D]: as many cells, found by k-means, or as many as there are rows."""
        generator = torch.Generator().manual_seed(seed)
        centre = unit(features.float()).mean(0)
        axes = torch.randn(features.shape[1], CODE_BITS, generator=generator)
        centred = unit(unit(features.float()) - centre)
        start = torch.randperm(len(centred), generator=generator)[:landmarks]
        marks = centred[start]
        for _ in range(_ROUNDS if landmarks > 1 else 0):
            cells = (centred @ marks.T).argmax(1)
            sums = torch.zeros_like(marks).index_add_(0, cells, centred)
            taken = torch.bincount(cells, minlength=len(marks)) > 0
            marks = torch.where(taken[:, None], unit(sums + 1e-12), marks)
        return cls(centre, axes, marks)

    def centred(self, features: Tensor) -> Tensor:
        """Float [n, D]: unit vectors whose products are the cosines that count."""
        return unit(unit(features.float()) - self.centre)

    def codes(self, features: Tensor) -> list[str]:
        """For each row of [n, D] its bits, written as 0 and 1."""
        signs = ((self.centred(features) @ self.axes) > 0).to(torch.uint8).numpy() + ord("0")
        return [bytes(row).decode("ascii") for row in np.ascontiguousarray(signs)]

    def cells(self, features: Tensor, most: int) -> Tensor:
        """int64 [n, min(most, C)]: the cells of the nearest landmarks, the nearest first."""
        products = self.centred(features) @ self.landmarks.T
        return products.topk(min(most, len(self.landmarks)), dim=1).indices

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return safetensors.torch.save(
            {
                "centre": self.centre.contiguous(),
                "axes": self.axes.contiguous(),
                "landmarks": self.landmarks.contiguous(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Neighbourhood:
        """What `to_bytes` wrote."""
        return cls(**safetensors.torch.load(data))
