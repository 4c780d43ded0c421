"""What a fine-tuning is made of, beside the settings of its method."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from models.config import MetricConfig, check_number


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """The settings of mode `finetune`.

    Attributes:
        head: the method with its steps, batch size (references a step), seed and learning rate.
        image_size: side in pixels of the pictures.
        backbone_rate: peak step size for the backbone; the head has `head.learning_rate`.
        warmup: share of the steps in which both rates rise from zero; then a half cosine to zero.
        clip: largest norm of the gradient; longer ones are shortened to it.
        freeze_norm: batch normalisation keeps the statistics it came with. Needed for weights whose
            normalisation was folded and opened again, and good for small batches.
        crop: smallest share of a picture that a random crop keeps.
        flip: chance of a mirrored view.
        colour: strength of random brightness, contrast and saturation; a quarter of it for hue.
        validation: share of each category's examples that early stopping and the temperature are
            fitted on; 0 trains on everything and stops late.
        patience: samplings without a better validation accuracy until training stops; 0: never.
        embed_batch: pictures at a time where nothing is trained.
        workers: processes that decode and augment; 0 does it in this one.
        bfloat16: forward passes in bfloat16 on a GPU that has it.
    """

    head: MetricConfig = dataclasses.field(default_factory=MetricConfig)
    image_size: int = 224
    backbone_rate: float = 1e-4
    warmup: float = 0.1
    clip: float = 1.0
    freeze_norm: bool = True
    crop: float = 0.4
    flip: float = 0.5
    colour: float = 0.2
    validation: float = 0.1
    patience: int = 5
    embed_batch: int = 64
    workers: int = 0
    bfloat16: bool = True

    def __post_init__(self) -> None:
        for name, low in (("image_size", 1), ("embed_batch", 1), ("patience", 0), ("workers", 0)):
            wanted = f"a whole number of at least {low}"
            check_number(name, getattr(self, name), wanted, whole=True, low=low)
        for name in ("warmup", "flip", "validation"):
            check_number(name, getattr(self, name), "from 0 to 1", low=0, high=1)
        check_number("crop", self.crop, "above 0 and up to 1", low=0, high=1, open_low=True)
        check_number("colour", self.colour, "from 0 to 1", low=0, high=1)
        check_number("clip", self.clip, "above 0", low=0, open_low=True)
        check_number("backbone_rate", self.backbone_rate, "at least 0", low=0)

    def to_json(self) -> dict[str, object]:
        """Names to values, ready for json.dumps."""
        return dataclasses.asdict(self)
