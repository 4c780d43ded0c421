"""One training step of ours and of pytorch-metric-learning: `python -m bench.sampling --json`.

Both get the same embeddings' linear map, the same batch of features and labels, and do what a step
of Triplet-A consists of: sample triplets that violate the margin inside the batch, triplet loss,
classification by K anchors a category, backward. The library's parts are TripletMarginMiner,
TripletMarginLoss and SoftTripleLoss. `ratio` is our time over theirs: at most 1 means at least as
fast.

`--paper-size` trains a model in head mode at the size of the paper's last dataset instead.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import psutil
import torch
from torch import Tensor

from bench.harness import arguments, report
from bench.watching import peak
from models.config import MetricConfig
from models.network import MetricModel
from models.objective import objective_of
from models.start import initialise
from models.train import fit

PAPER = {"examples": 27_000, "hard_negatives": 240_000, "categories": 620}


def main() -> None:
    """Measure; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    result = _paper_size(options) if options.paper_size else _steps(options)
    report(result, alone=options.json)


def _steps(options: argparse.Namespace) -> dict[str, object]:
    chance = torch.Generator().manual_seed(options.seed)
    labels = torch.arange(options.batch) % options.categories
    features = _clustered(labels, options, chance)
    config = MetricConfig(batch_size=options.batch, seed=options.seed)
    model = MetricModel(features=options.features, categories=options.categories, config=config)
    initialise(model, features, labels, chance)
    standardised = model.standardise(features.float())
    ours = _ours(model, standardised, labels, chance)
    theirs = _theirs(model, standardised, labels)
    times: dict[Callable[[], None], list[float]] = {ours: [], theirs: []}
    for _ in range(options.repeat + 3):  # in turns, so that both meet the same neighbours
        for step, spent in times.items():
            model.zero_grad()
            began = time.perf_counter()
            step()
            spent.append(time.perf_counter() - began)
    mine, library = (statistics.median(spent[3:]) for spent in times.values())
    return {
        "ours_ms": round(1000 * mine, 3),
        "pytorch_metric_learning_ms": round(1000 * library, 3),
        "ratio": round(mine / library, 4),
        "batch": options.batch,
        "categories": options.categories,
        "threads": options.threads,
    }


def _ours(
    model: MetricModel, standardised: Tensor, labels: Tensor, chance: torch.Generator
) -> Callable[[], None]:
    nothing = torch.empty(0, dtype=torch.int64)
    objective = objective_of(model, labels, nothing)

    def step() -> None:
        embeddings = model.embed(standardised)
        detached = embeddings.detach()
        (batch,) = objective.batches(1, lambda: (detached, detached[:0]), chance)
        loss = objective.loss(embeddings[batch.examples], batch)
        loss.backward()  # type: ignore[no-untyped-call]

    return step


def _theirs(model: MetricModel, standardised: Tensor, labels: Tensor) -> Callable[[], None]:
    from pytorch_metric_learning.losses import (  # noqa: PLC0415 - only this side needs it
        SoftTripleLoss,
        TripletMarginLoss,
    )
    from pytorch_metric_learning.miners import TripletMarginMiner  # noqa: PLC0415

    config = model.config
    miner = TripletMarginMiner(margin=config.margin, type_of_triplets="all")
    triplet = TripletMarginLoss(margin=config.margin, triplets_per_anchor="all")
    votes = SoftTripleLoss(
        num_classes=model.categories,
        embedding_size=config.dimension,
        centers_per_class=config.anchors,
    )

    def step() -> None:
        embeddings = model.embed(standardised)
        mined = miner(embeddings, labels)
        loss = config.omega * triplet(embeddings, labels, mined)
        (loss + (1 - config.omega) * votes(embeddings, labels)).backward()

    return step


def _paper_size(options: argparse.Namespace) -> dict[str, object]:
    chance = torch.Generator().manual_seed(options.seed)
    options.categories = PAPER["categories"]
    labels = torch.arange(PAPER["examples"]) % PAPER["categories"]
    against = torch.randint(PAPER["categories"], (PAPER["hard_negatives"],), generator=chance)
    features = _clustered(labels, options, chance)
    # A rejected image shows another category that was taken for this one.
    rejected = _clustered((against + 1) % PAPER["categories"], options, chance)
    config = MetricConfig(steps=options.steps, seed=options.seed)
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    with peak() as most:
        fit(
            features,
            labels,
            rejected,
            against,
            categories=PAPER["categories"],
            config=config,
        )
    return {
        **PAPER,
        "features": options.features,
        "steps": options.steps,
        "threads": options.threads,
        "data_mb": round(before / 2**20),
        "peak_mb": round(most[0] / 2**20),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _clustered(labels: Tensor, options: argparse.Namespace, chance: torch.Generator) -> Tensor:
    """float16 [n, D], made some thousand rows at a time."""
    modes = torch.randn(
        options.categories, options.features, generator=torch.Generator().manual_seed(1)
    )
    features = torch.empty(len(labels), options.features, dtype=torch.float16)
    for start in range(0, len(labels), 4096):
        centres = modes[labels[start : start + 4096]]
        noise = torch.randn(centres.shape, generator=chance)
        features[start : start + 4096] = (centres + 2.5 * noise).relu().half()
    return features


def _options() -> argparse.Namespace:
    parser = arguments("bench.sampling", __doc__)
    parser.add_argument("--paper-size", action="store_true", help="train at the paper's size")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--categories", type=int, default=32)
    parser.add_argument("--features", type=int, default=1280)
    parser.add_argument("--steps", type=int, default=500, help="of --paper-size")
    parser.add_argument("--repeat", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main()
