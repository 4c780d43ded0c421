"""What voting costs beside its matrix product: `python -m bench.scoring --json`.

Embeddings are voted on in chunks, as a pool is scored, against N categories of K anchors. The bare
product of the same shapes, [rows, d] by [d, N * K], writes into one buffer that it uses again; it
is tried in several block lengths of which the quickest counts, so that the comparison is not won
by a slow product. Both are timed chunk by chunk in turns, so that what else the machine does meets
both; `ratio` is the median over the repeats. `calibrated` is voting with a temperature.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from models.config import MetricConfig
from models.network import MetricModel
from models.score import best_votes

CHUNK = 8192  # embeddings at a time
BLOCKS = (128, 1024, CHUNK)  # rows of the bare product at a time


def main() -> None:
    """Time both, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    chance = torch.Generator().manual_seed(options.seed)
    config = MetricConfig(dimension=options.dimension, anchors=options.anchors)
    model = MetricModel(features=options.dimension, categories=options.categories, config=config)
    model.anchors.data = 1.2 * _unit(torch.randn(model.anchors.shape, generator=chance))
    embeddings = _unit(torch.randn(options.rows, options.dimension, generator=chance))
    before = _peak_mb()

    columns = model.anchors.detach().flatten(0, 1).T.contiguous()
    chunks = embeddings.split(CHUNK)
    products = {block: _product(columns, block) for block in BLOCKS}
    block = min(
        BLOCKS, key=lambda block: min(_seconds(products[block], chunks[0]) for _ in range(20))
    )

    def vote(part: Tensor) -> None:
        best_votes(model, part)

    turns = []
    for _ in range(options.repeats):
        seconds = [0.0, 0.0, 0.0]
        for chunk in chunks:
            seconds[0] += _seconds(products[block], chunk)
            model.temperature.fill_(1.0)
            seconds[1] += _seconds(vote, chunk)
            model.temperature.fill_(1.5)
            seconds[2] += _seconds(vote, chunk)
        turns.append(seconds)
    bare, voted, calibrated = (median(column) for column in zip(*turns, strict=True))
    result = {
        "rows": options.rows,
        "shape": [options.categories, options.anchors, options.dimension],
        "threads": options.threads,
        "repeats": options.repeats,
        "product_rows": block,
        "product_seconds": round(bare, 3),
        "seconds": round(voted, 3),
        "ratio": round(median(v / p for p, v, _ in turns), 3),
        "calibrated_seconds": round(calibrated, 3),
        "calibrated_ratio": round(median(c / p for p, _, c in turns), 3),
        "embeddings_mb": round(embeddings.nbytes / 2**20, 1),
        "added_peak_mb": round(_peak_mb() - before, 1),
        "peak_mb": round(_peak_mb(), 1),
    }
    if not options.json:
        for name, value in result.items():
            print(f"{name:18} {value}")
    print(json.dumps(result))


def _product(columns: Tensor, block: int) -> Callable[[Tensor], None]:
    room = torch.empty(block, columns.shape[1])

    def run(chunk: Tensor) -> None:
        for part in chunk.split(block):
            torch.mm(part, columns, out=room[: len(part)])

    return run


def _unit(rows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(rows, dim=-1)


def _seconds(work: Callable[[Tensor], None], chunk: Tensor) -> float:
    with torch.inference_mode():
        started = time.perf_counter()
        work(chunk)
        return time.perf_counter() - started


def _peak_mb() -> float:
    """The most memory this process has held: kilobytes on Linux, bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scoring", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--categories", type=int, default=620)
    parser.add_argument("--anchors", type=int, default=3)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--threads", type=int, default=1, help="more may collapse on a busy machine"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
