"""The options of the command line, and the settings of each method that were chosen by `--tune`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.config import STARTS, MetricConfig
from models.methods import METHODS

# Where the best point of `--tune` is not the default; docs/learning.md has what was printed. A
# triplet method has the same settings with and without hard negatives, so that what these add is
# not mixed with what settings add.
TUNED: dict[str, dict[str, Any]] = {
    "Softmax": {"learning_rate": 3e-3, "steps": 1000},
    "Softmax+HNS": {"weight_decay": 1.0},
    "Softmax+HNM": {"steps": 1000},
    "Triplet-Naive": {"gamma": 15.0, "margin": 0.4, "steps": 1000},
    "Triplet-HN": {"gamma": 15.0},
    "Triplet-M": {"gamma": 15.0},
}
NUMBERS = {
    int: ("dimension", "steps", "batch_size", "sampling_period", "anchors"),
    float: (
        *("gamma", "omega", "margin", "settle", "local_region"),
        *("learning_rate", "weight_decay", "rejected_epochs"),
    ),
}
OVERRIDES = ("start", *NUMBERS[int], *NUMBERS[float])


def config_of(name: str, seed: int, options: argparse.Namespace) -> MetricConfig:
    """The settings of a method: chosen ones, and over them what the command line says."""
    given = {key: getattr(options, key) for key in OVERRIDES}
    said = {key: value for key, value in given.items() if value is not None}
    tuned = TUNED.get(name.removesuffix("+HN"), {})
    return MetricConfig.from_json({**tuned, **said, "method": name, "seed": seed})


def parse(arguments: Sequence[str] | None, description: str | None) -> argparse.Namespace:
    """The options; None reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=description)
    add = parser.add_argument
    add("--images", type=Path, required=True, help="DIR/<category>/*.jpg")
    add("--weights", type=Path, help="of the backbone, named after it; none: the filter bank")
    add("--distractors", type=Path, help="pictures of no category, any layout")
    add("--unknown", type=int, default=0, help="categories held out as distractors")
    add("--seeds", type=int, default=3, help="repetitions; of --tune: divisions")
    add("--per-category", type=int, default=6, help="seed pictures a category")
    add("--rounds", type=int, default=3)
    add("--threshold", type=float, default=0.5)
    add("--ahead", type=_share, default=0.0, help="share of the pool to judge next proposals by")
    add("--mode", choices=["head", "finetune"], default="head")
    add("--methods", nargs="+", choices=list(METHODS))
    add("--calibrate", action="store_true", help="let calibrated confidences propose")
    add("--skip-calibration", action="store_true", help="train nothing twice to fit temperatures")
    add("--image-size", type=int, default=224)
    add("--threads", type=int, default=1, help="more may collapse on a busy machine")
    add("--cache", type=Path, default=Path("var/bench"), help="where features are kept")
    add("--tune", action="store_true", help="search settings on a validation part, and end")
    add("--start", choices=STARTS)
    add("--backbone-rate", type=float, default=1e-4, help="of --mode finetune")
    add("--workers", type=int, default=0, help="processes that decode, of --mode finetune")
    for kind, names in NUMBERS.items():
        for name in names:
            add(f"--{name.replace('_', '-')}", type=kind)
    add("--json", action="store_true", help="nothing but the JSON on stdout")
    return parser.parse_args(arguments)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("must be from 0 to below 1")
    return value
