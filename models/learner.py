"""The network that fine-tuning trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.backbone import MEAN, STD

if TYPE_CHECKING:
    from models.finetune_config import FinetuneConfig
    from models.network import MetricModel
    from models.objective import Batch, Objective


class Learner(nn.Module):
    """Network, head and loss in one forward pass, as distributed training needs it."""

    _mean: Tensor
    _std: Tensor

    def __init__(self, network: nn.Module, head: MetricModel, config: FinetuneConfig) -> None:
        super().__init__()
        self.network, self.head = network, head
        self._config = config
        self.register_buffer("_mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("_std", torch.tensor(STD).view(1, 3, 1, 1))

    def features(self, pictures: Tensor) -> Tensor:
        """uint8 [B, 3, S, S] to pooled features float32 [B, D]."""
        x = (pictures.float() / 255 - self._mean) / self._std
        cuda = x.device.type == "cuda"
        x = x.contiguous(memory_format=torch.channels_last)
        bf16 = cuda and self._config.bfloat16 and torch.cuda.is_bf16_supported()
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            pooled: Tensor = self.network(x)
        return pooled.float()

    def forward(self, pictures: Tensor, batch: Batch, objective: Objective) -> Tensor:
        """The loss of a batch's pictures, examples first."""
        return objective.loss(self.head(self.features(pictures)), batch)

    def train(self, mode: bool = True) -> Learner:  # noqa: FBT001, FBT002 - as in torch
        """Training mode; normalisation stays in evaluation mode where it is frozen."""
        super().train(mode)
        if self._config.freeze_norm:
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
                    module.eval()
        return self
