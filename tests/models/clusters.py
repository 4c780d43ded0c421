"""Features that fall into clusters, for tests of the learning."""

import torch
from torch import Tensor

from models.config import MetricConfig
from models.network import MetricModel
from models.train import fit

NO_FEATURES = torch.empty(0, 16)
NO_CATEGORIES = torch.empty(0, dtype=torch.int64)
QUICK = MetricConfig(dimension=8, steps=60, sampling_period=10, batch_size=32)


def clusters(
    categories: int, each: int, *, seed: int = 0, width: int = 16
) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(seed)
    centres = torch.randn(categories, width, generator=torch.Generator().manual_seed(99))
    labels = torch.arange(categories).repeat_interleave(each)
    noise = torch.randn(len(labels), width, generator=chance)
    return centres[labels] + 0.4 * noise, labels


def trained(
    features: Tensor,
    labels: Tensor,
    rejected: Tensor | None = None,
    against: Tensor | None = None,
    config: MetricConfig = QUICK,
) -> MetricModel:
    return fit(
        features,
        labels,
        features[:0] if rejected is None else rejected,
        NO_CATEGORIES if against is None else against,
        categories=int(labels.max()) + 1,
        config=config,
    )
