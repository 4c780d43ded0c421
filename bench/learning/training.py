"""One method trained on one dataset, and what it reached on the test split."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from bench.learning.pictures import Pictures, backbone
from bench.learning.proposals import Proposals, judge
from bench.watching import peak, say
from models.config import MetricConfig
from models.features import extract
from models.finetune import Examples, finetune
from models.finetune_config import FinetuneConfig
from models.metrics import calibration_error, confusion, mean_category_accuracy, top1
from models.network import MetricModel
from models.score import score
from models.train import fit

CHUNK = 4096


@dataclass(frozen=True)
class Dataset:
    """S and H: rows of pictures, and of the rejected ones the category each is not."""

    train: Tensor
    rejected: Tensor
    against: Tensor


@dataclass(frozen=True)
class Result:
    """What one trained model reached; `proposals` where a part of the pool was spared for it."""

    top1: float
    mean_class: float
    calibration: float
    proposals: Proposals | None
    seconds: float
    peak_mb: float


# Rows of pictures to the category and the confidence of each.
Answerer = Callable[[Tensor], tuple[Tensor, Tensor]]
Trainer = Callable[[Pictures, Dataset, MetricConfig], Answerer]


def trained(
    trainer: Trainer,
    pictures: Pictures,
    data: Dataset,
    config: MetricConfig,
    *,
    ahead: Tensor | None = None,
    threshold: float = 0.5,
) -> Result:
    """Train and measure; `ahead` are the rows whose proposals are judged."""
    began = time.perf_counter()
    with peak() as most:
        answer = trainer(pictures, data, config)
        rows = pictures.test.nonzero()[:, 0]
        predicted, confidence = answer(rows)
    seconds = time.perf_counter() - began
    truth = pictures.truth[rows]
    counts = confusion(truth, predicted, len(pictures.names))
    proposals = None
    if ahead is not None and len(ahead):
        proposals = judge(pictures.truth[ahead], *answer(ahead), threshold=threshold)
    result = Result(
        top1=round(top1(counts), 4),
        mean_class=round(mean_category_accuracy(counts), 4),
        calibration=round(calibration_error(confidence, predicted == truth), 4),
        proposals=proposals,
        seconds=seconds,
        peak_mb=most[0] / 2**20,
    )
    say(f"{config.method}: top-1 {result.top1:.4f}, {seconds:.1f} s")
    return result


def head(pictures: Pictures, data: Dataset, config: MetricConfig) -> Answerer:
    """A head on cached features."""
    model = fitted(pictures, data, config)
    return lambda rows: answers(model, pictures.features[rows])


def finetuning(options: argparse.Namespace) -> Trainer:
    """Backbone and head from the pictures; one backbone for all, each training takes a copy."""
    own_backbone = backbone(options)

    def train(pictures: Pictures, data: Dataset, config: MetricConfig) -> Answerer:
        def some(rows: Tensor) -> list[Path]:
            return [pictures.files[row] for row in rows.tolist()]

        examples = Examples(
            pictures=some(data.train),
            labels=pictures.truth[data.train],
            rejected=some(data.rejected),
            against=data.against,
            categories=len(pictures.names),
            load=Image.open,
        )
        settings = FinetuneConfig(
            head=config,
            image_size=options.image_size,
            backbone_rate=options.backbone_rate,
            workers=options.workers,
        )
        found = finetune(
            own_backbone,
            examples,
            settings,
            progress=lambda step, steps: say(f"{config.method}: step {step} of {steps}"),
        )

        def answer(rows: Tensor) -> tuple[Tensor, Tensor]:
            parts = extract(found.backbone, some(rows), load=Image.open)
            return answers(found.head, torch.cat(list(parts)))

        return answer

    return train


def fitted(pictures: Pictures, data: Dataset, config: MetricConfig) -> MetricModel:
    """A model of the cached features."""
    return fit(
        pictures.features[data.train],
        pictures.truth[data.train],
        pictures.features[data.rejected],
        data.against,
        categories=len(pictures.names),
        config=config,
    )


def answers(model: MetricModel, features: Tensor) -> tuple[Tensor, Tensor]:
    """Category int64 [n] and confidence float32 [n] of features [n, D]."""
    parts = list(score(model, torch.split(features.float(), CHUNK)))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
