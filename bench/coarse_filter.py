"""How well the coarse filter tells flowers from what a crawler brings in by mistake.

    python -m bench.coarse_filter --images DIR --distractors DIR --weights FILE --json

DIR/<class>/*.jpg both. For each seed of the random numbers, half of the flowers' categories are those
of a project: some pictures of each are its seeds. Half of the distractors' classes give the negatives.
Tested are the flowers of the same categories that are no seeds (`known`), those of the other half
(`unknown`: flowers of no category of the project, which the filter must keep as well), and the
distractors of the classes that gave no negative. Beside the weights' backbone the built-in filter bank
is measured. `kept_*` are shares with a score of at least 0.5; each number is [mean, standard deviation]
over the seeds. `cross_validated` is the area that training itself tells the lead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import torch
from torch import Tensor

from bench.harness import arguments, report
from bench.learning.pictures import backbone, features_of
from bench.watching import say
from models.coarse_filter import fit
from models.metrics import roc_auc
from vetted.demo.folder import pictures_below

THRESHOLD = 0.5
# Seed pictures a category and negatives in all; the first is what the rest is compared with.
SETTINGS = ((6, 800), (1, 800), (3, 800), (20, 800), (3, 50), (6, 50), (6, 200))
FEW = 5  # categories, of a project that only begins


@dataclass(frozen=True)
class Side:
    """Flowers or distractors: float [n, D] and the class of each, int64 [n]."""

    features: Tensor
    of: Tensor


def main() -> None:
    """Measure, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    result: dict[str, object] = {"images": options.images.name, "seeds": options.seeds}
    for weights in (options.weights, None) if options.weights else (None,):
        options.weights = weights
        own = backbone(options)
        flowers, distractors = (
            _side(files, own, options)
            for files in (pictures_below(options.images), pictures_below(options.distractors))
        )
        half = (int(flowers.of.max()) + 1) // 2
        rows = [(half, *each) for each in SETTINGS] + [(FEW, 6, 800), (FEW, 3, 50)]
        result[own.name] = [
            _setting(flowers, distractors, categories, seeds, negatives, options.seeds)
            for categories, seeds, negatives in rows
        ]
    report(result, alone=options.json)


def _side(files: Sequence[Path], own: object, options: argparse.Namespace) -> Side:
    names = sorted({file.parent.name for file in files})
    of = torch.tensor([names.index(file.parent.name) for file in files])
    return Side(features_of(files, own, options.cache).float(), of)  # type: ignore[arg-type]


def _setting(
    flowers: Side, distractors: Side, categories: int, per_category: int, negatives: int, seeds: int
) -> dict[str, object]:
    say(f"{categories} categories, {per_category} seeds each, {negatives} negatives")
    found = [
        _once(flowers, distractors, categories, per_category, negatives, seed)
        for seed in range(seeds)
    ]
    return {
        "categories": categories,
        "seeds_per_category": per_category,
        **{
            name: [round(mean(column), 4), round(stdev(column), 4) if seeds > 1 else 0.0]
            for name in found[0]
            for column in [[each[name] for each in found]]
        },
    }


def _once(
    flowers: Side, distractors: Side, categories: int, per_category: int, negatives: int, seed: int
) -> dict[str, float]:
    chance = torch.Generator().manual_seed(seed)
    named = torch.randperm(int(flowers.of.max()) + 1, generator=chance)
    half = len(named) // 2
    seeded, unknown = named[:categories], named[half:]
    order = torch.randperm(len(flowers.of), generator=chance)
    seeds = torch.cat([order[flowers.of[order] == each][:per_category] for each in seeded])
    of_known = torch.isin(flowers.of, seeded)
    of_known[seeds] = False
    classes = torch.randperm(int(distractors.of.max()) + 1, generator=chance)
    given = torch.isin(distractors.of, classes[: len(classes) // 2])
    rows = given.nonzero()[:, 0]
    rows = rows[torch.randperm(len(rows), generator=chance)][:negatives]
    started = time.perf_counter()
    trained = fit(
        flowers.features[seeds],
        distractors.features[rows],
        fingerprint="",
        groups=flowers.of[seeds],
        seed=seed,
    )
    took = time.perf_counter() - started
    known = trained.scores(flowers.features[of_known])
    other = trained.scores(flowers.features[torch.isin(flowers.of, unknown)])
    outside = trained.scores(distractors.features[~given])
    return {
        "negatives": float(len(rows)),
        "auc_known": _area(known, outside),
        "auc_unknown": _area(other, outside),
        "kept_known": _kept(known),
        "kept_unknown": _kept(other),
        "kept_distractors": _kept(outside),
        "cross_validated": trained.facts.auc,
        "seconds": took,
    }


def _area(inside: Tensor, outside: Tensor) -> float:
    labels = torch.arange(len(inside) + len(outside)) < len(inside)
    return roc_auc(torch.cat([inside, outside]), labels)


def _kept(scores: Tensor) -> float:
    return float((scores >= THRESHOLD).double().mean())


def _options() -> argparse.Namespace:
    parser = arguments("bench.coarse_filter", __doc__)
    parser.add_argument("--images", type=Path, required=True, help="flowers/<category>/*.jpg")
    parser.add_argument("--distractors", type=Path, required=True, help="<class>/*.jpg of the rest")
    parser.add_argument("--weights", type=Path, help="of the backbone, named after it")
    parser.add_argument("--seeds", type=int, default=5, help="repetitions")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--cache", type=Path, default=Path("var/bench"), help="features are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
