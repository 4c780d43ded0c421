"""How long one round computes on cached features: `python -m bench.round --json`.

The data are made up: each category is a mixture of a few modes, candidates come from the same
modes or from none, and hard negatives lie between two categories, as an expert's "no" does.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.harness import arguments, report
from models.config import MetricConfig
from models.metrics import confusion, top1
from models.score import score
from models.train import fit

MODES = 3  # per category
CHUNK = 1024  # rows of features scored at a time


@dataclass(frozen=True)
class Data:
    """Features float32 [.., D] with their categories; candidates of no category have -1."""

    examples: Tensor
    labels: Tensor
    rejected: Tensor
    rejected_categories: Tensor
    candidates: Tensor
    truth: Tensor


def main() -> None:
    """Train, score, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    data = synthetic(options)
    config = MetricConfig(seed=options.seed)

    started = time.perf_counter()
    model = fit(
        data.examples,
        data.labels,
        data.rejected,
        data.rejected_categories,
        categories=options.categories,
        config=config,
    )
    trained = time.perf_counter()
    parts = list(score(model, torch.split(data.candidates, CHUNK)))
    scored = time.perf_counter()

    predicted = torch.cat([category for category, _ in parts])
    known = data.truth >= 0
    result = {
        "examples": len(data.examples),
        "hard_negatives": len(data.rejected),
        "candidates": len(data.candidates),
        "categories": options.categories,
        "threads": options.threads,
        "top1": round(top1(confusion(data.truth[known], predicted[known], options.categories)), 4),
        "train_seconds": round(trained - started, 3),
        "score_seconds": round(scored - trained, 3),
        "total": round(scored - started, 3),
    }
    report(result, alone=options.json)


def synthetic(options: argparse.Namespace) -> Data:
    """Clustered features of the asked sizes, from the seed alone."""
    chance = torch.Generator().manual_seed(options.seed)
    shape = (options.categories, MODES, options.features)
    modes = torch.randn(shape[0], 1, shape[2], generator=chance)
    modes = modes + 0.7 * torch.randn(shape, generator=chance)

    def around(centres: Tensor) -> Tensor:
        return (centres + 1.5 * torch.randn(centres.shape, generator=chance)).relu()

    def of(categories: Tensor) -> Tensor:
        return modes[categories, torch.randint(MODES, categories.shape, generator=chance)]

    labels = torch.arange(options.examples) % options.categories
    against = torch.randint(options.categories, (options.hard_negatives,), generator=chance)
    other = torch.randint(options.categories, against.shape, generator=chance)
    truth = torch.randint(-1, options.categories, (options.candidates,), generator=chance)
    lost = torch.randn(options.candidates, options.features, generator=chance)
    return Data(
        examples=around(of(labels)),
        labels=labels,
        rejected=around((of(against) + of(other)) / 2),
        rejected_categories=against,
        candidates=around(torch.where(truth[:, None] >= 0, of(truth.clamp_min(0)), lost)),
        truth=truth,
    )


def _options() -> argparse.Namespace:
    parser = arguments("bench.round", __doc__)
    parser.add_argument("--examples", type=int, default=5_000)
    parser.add_argument("--hard-negatives", type=int, default=4_000)
    parser.add_argument("--candidates", type=int, default=20_000)
    parser.add_argument("--categories", type=int, default=100)
    parser.add_argument("--features", type=int, default=1280)
    return parser.parse_args()


if __name__ == "__main__":
    main()
