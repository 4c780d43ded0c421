"""What voting costs beside its matrix product: `python -m bench.scoring --json`.

Embeddings are voted on in chunks, as a pool is scored, against N categories of K anchors. The bare
product of the same shapes, [rows, d] by [d, N * K], writes into one buffer that it uses again; it
is tried in several block lengths of which the quickest counts, so that the comparison is not won
by a slow product. Both are timed chunk by chunk in turns, so that what else the machine does meets
both; `ratio` is the median over the repeats. `calibrated` is voting with a temperature.

`peak_mb` is what processes of their own held at most that score pools of a tenth and of all of the
rows, features in, made chunk by chunk; it includes Python and torch and must not grow with the pool.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import median

import torch
from torch import Tensor

from bench.harness import arguments, peak_mb, report, seconds
from models.config import MetricConfig
from models.network import MetricModel
from models.score import best_votes, score

CHUNK = 8192  # embeddings at a time
BLOCKS = (128, 256, 512, 1024, CHUNK)  # rows of the bare product at a time
TRIALS = 20  # of each block length
TEMPERATURE = 1.5


def main() -> None:
    """Time both, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    chance = torch.Generator().manual_seed(options.seed)
    model = _model(options, chance)
    if options.stream:
        for _ in score(model, _pool(options, chance)):
            pass
        print(peak_mb())
        return
    peaks = {rows: _streamed(rows) for rows in (options.rows // 10, options.rows)}
    report({**_measured(options, model, chance), "peak_mb": peaks}, alone=options.json)


def _measured(
    options: argparse.Namespace, model: MetricModel, chance: torch.Generator
) -> dict[str, object]:
    columns = model.anchors.detach().flatten(0, 1).T.contiguous()
    chunks = list(_pool(options, chance))
    products = {block: _product(columns, block) for block in BLOCKS}
    trials = {
        block: min(_seconds(product, chunks[0]) for _ in range(TRIALS))
        for block, product in products.items()
    }
    block = min(trials, key=trials.__getitem__)

    def vote(part: Tensor) -> None:
        best_votes(model, part)

    turns = []
    for _ in range(options.repeats):
        spent = [0.0, 0.0, 0.0]
        for chunk in chunks:
            spent[0] += _seconds(products[block], chunk)
            model.temperature.fill_(1.0)
            spent[1] += _seconds(vote, chunk)
            model.temperature.fill_(TEMPERATURE)
            spent[2] += _seconds(vote, chunk)
        turns.append(spent)
    bare, voted, calibrated = (median(column) for column in zip(*turns, strict=True))
    return {
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
    }


def _model(options: argparse.Namespace, chance: torch.Generator) -> MetricModel:
    config = MetricConfig(dimension=options.dimension, anchors=options.anchors)
    model = MetricModel(features=options.dimension, categories=options.categories, config=config)
    model.anchors.data = 1.2 * _unit(torch.randn(model.anchors.shape, generator=chance))
    return model


def _pool(options: argparse.Namespace, chance: torch.Generator) -> Iterator[Tensor]:
    for start in range(0, options.rows, CHUNK):
        rows = min(CHUNK, options.rows - start)
        yield _unit(torch.randn(rows, options.dimension, generator=chance))


def _streamed(rows: int) -> float:
    """The peak of another process that scores so many rows of this benchmark, in MB."""
    command = [sys.executable, "-m", "bench.scoring", *sys.argv[1:], "--stream", "--rows"]
    done = subprocess.run([*command, str(rows)], check=True, capture_output=True, text=True)
    return round(float(done.stdout), 1)


def _product(columns: Tensor, block: int) -> Callable[[Tensor], None]:
    room = torch.empty(block, columns.shape[1])

    def run(chunk: Tensor) -> None:
        for part in torch.split(chunk, block):
            torch.mm(part, columns, out=room[: len(part)])

    return run


def _unit(rows: Tensor) -> Tensor:
    return torch.nn.functional.normalize(rows, dim=-1)


def _seconds(work: Callable[[Tensor], None], chunk: Tensor) -> float:
    with torch.inference_mode():
        return seconds(lambda: work(chunk))


def _options() -> argparse.Namespace:
    parser = arguments("bench.scoring", __doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--categories", type=int, default=620)
    parser.add_argument("--anchors", type=int, default=3)
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stream", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
