"""All methods of chapter 2 on real pictures: `python -m bench.learning --images DIR --weights FILE`.

The pictures of a folder are cut into a frozen test split, some seed pictures a category, and a
pool. The product's method grows the dataset out of the pool, a simulated expert who knows the truth
answers its proposals, and then every method is trained on what there is: the seeds, the grown
dataset, the grown dataset and the expert's hard negatives. Each seed of `--seeds` draws other seed
pictures and other random numbers; the test split stays. Progress goes to stderr, tables and the last
line, one JSON object, to stdout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from app.domain.proposing import Score, propose
from models.backbone import Backbone, load_backbone
from models.config import MetricConfig
from models.features import extract
from models.finetune import Examples, finetune
from models.finetune_config import FinetuneConfig
from models.methods import DEFAULT, METHODS
from models.metrics import calibration_error, confusion, mean_category_accuracy, top1
from models.neighbours import centre_of, nearly_equal
from models.score import score
from models.train import fit
from vetted.demo.folder import divide, pictures_below

GROWTH = {  # method -> what it is without the hard negatives
    "Softmax": "Softmax",
    "Softmax+HNS": "Softmax",
    "Softmax+HNM": "Softmax",
    "Triplet-A": "Triplet-A",
    "Triplet-A+HN": "Triplet-A",
}
CALIBRATED = ("Softmax", "Triplet-A", "Triplet-A+HN")
# Chosen on a validation part of the training set; docs/learning.md says how, and for which methods.
_LINEAR = {"learning_rate": 3e-3, "steps": 1000}
_METRIC = {"dimension": 128}
TUNED: dict[str, dict[str, Any]] = {
    "Softmax": _LINEAR,
    "Softmax+HNS": _LINEAR,
    "Softmax+HNM": _LINEAR,
    "Triplet-Naive": _METRIC,
    "Triplet-HN": _METRIC,
    "Triplet-M": _METRIC,
    "Triplet-A": _METRIC,
}
GRID: dict[str, tuple[Any, ...]] = {
    "learning_rate": (1e-3, 3e-3, 1e-2),
    "weight_decay": (0.01, 0.1, 1.0),
}
# What else is tried for each kind: as many points for the baselines as for ours.
ALSO: dict[bool, dict[str, tuple[Any, ...]]] = {
    True: {"steps": (500, 1000)},  # softmax
    False: {"dimension": (64, 128)},  # triplets
}
TUNING_SEED = 1000
VALIDATION = 0.25  # of the pictures that are not test
CHUNK = 4096
SETTINGS = (
    "dimension",
    "steps",
    "batch_size",
    "sampling_period",
    "start",
    "gamma",
    "omega",
    "learning_rate",
    "weight_decay",
)


@dataclass(frozen=True)
class Pictures:
    """All pictures with what is known of them.

    Attributes:
        files: n paths.
        truth: int64 [n], their categories; -1 for those of no category.
        test: bool [n], the frozen split.
        features: float16 [n, D].
        names: of the N categories.
    """

    files: Sequence[Path]
    truth: Tensor
    test: Tensor
    features: Tensor
    names: Sequence[str]


@dataclass(frozen=True)
class Dataset:
    """S and H: rows of pictures, and of the rejected ones the category each is not."""

    train: Tensor
    rejected: Tensor
    against: Tensor


@dataclass(frozen=True)
class Result:
    """What one trained model reached."""

    top1: float
    mean_class: float
    calibration: float
    seconds: float
    peak_mb: float


Trainer = Callable[[Pictures, Dataset, MetricConfig], tuple[Tensor, Tensor]]


def main() -> None:
    """Run and print."""
    options = _options()
    torch.set_num_threads(options.threads)
    pictures = _pictures(options)
    if options.tune:
        _tune(pictures, options)
        return
    train_and_test = _head if options.mode == "head" else _finetune(options)
    names = options.methods or list(METHODS)
    methods: dict[str, list[Result]] = {name: [] for name in names}
    before: dict[str, list[Result]] = {name: [] for name in names if not METHODS[name].rejected}
    calibrated: dict[str, list[Result]] = {name: [] for name in CALIBRATED if name in names}
    sizes = []
    for seed in range(options.seeds):
        start, grown, rounds = grow(pictures, options, seed)
        sizes.append(rounds)
        for name, found in before.items():
            _say(f"seed {seed}, before growth: {name}")
            found.append(_run(pictures, start, _config(name, seed, options), train_and_test))
        for name, found in methods.items():
            _say(f"seed {seed}, after growth: {name}")
            found.append(_run(pictures, grown, _config(name, seed, options), train_and_test))
        for name in calibrated if options.mode == "head" else ():
            config = replace(_config(name, seed, options), calibrate=True)
            calibrated[name].append(_run(pictures, grown, config, train_and_test))
    growth = {
        name: {
            "before": [each.top1 for each in before[plain]],
            "after": [each.top1 for each in methods[plain]],
            "after_hn": [each.top1 for each in methods[name]],
        }
        for name, plain in GROWTH.items()
        if name in methods and plain in methods
    }
    result = {
        "images": options.images.name,
        "mode": options.mode,
        "device": _device_name(),
        "categories": len(pictures.names),
        "test": int(pictures.test.sum()),
        "rounds": sizes,
        "methods": {name: _summary(found) for name, found in methods.items()},
        "methods_before": {name: _summary(found) for name, found in before.items()},
        "growth": growth,
        "calibration": {
            name: {
                "off": [each.calibration for each in methods[name]],
                "on": [each.calibration for each in found],
            }
            for name, found in calibrated.items()
            if found
        },
    }
    if not options.json:
        _show(result)
    print(json.dumps(result), flush=True)


def grow(
    pictures: Pictures, options: argparse.Namespace, seed: int
) -> tuple[Dataset, Dataset, list[dict[str, int]]]:
    """The loop of the paper over cached features, disjoint parts of the pool, threshold 0.5.

    Returns:
        The dataset before and after, and what each round brought.
    """
    seeds, pool = _divide(pictures, options, seed)
    test = pictures.features[pictures.test]
    centre = centre_of(pictures.features[seeds])
    leaked = nearly_equal(pictures.features[seeds], test, centre)
    kept = _never_emptied(seeds, leaked, pictures.truth)
    withheld = nearly_equal(pictures.features[pool], test, centre)
    hidden = set(pool[withheld].tolist())
    none = torch.empty(0, dtype=torch.int64)
    first = now = Dataset(kept, none, none)
    rounds = []
    config = replace(_config(DEFAULT, seed, options), calibrate=options.calibrate)
    for number, part in enumerate(pool.tensor_split(options.rounds)):
        _say(f"seed {seed}, growth: round {number + 1} of {options.rounds}")
        category, confidence = _answers(_fitted(pictures, now, config), pictures.features[part])
        scores = map(Score, part.tolist(), category.tolist(), confidence.tolist())
        rejected = set(zip(now.rejected.tolist(), now.against.tolist(), strict=True))
        kept_scores = propose(
            scores, threshold=options.threshold, rejected=rejected, withheld=hidden
        )
        asked = torch.tensor([(s.image_id, s.category_id) for s in kept_scores]).view(-1, 2)
        yes = pictures.truth[asked[:, 0]] == asked[:, 1]
        now = Dataset(
            torch.cat([now.train, asked[yes, 0]]),
            torch.cat([now.rejected, asked[~yes, 0]]),
            torch.cat([now.against, asked[~yes, 1]]),
        )
        rounds.append({"proposals": len(asked), "yes": int(yes.sum()), "no": int((~yes).sum())})
    return first, now, rounds


def _divide(pictures: Pictures, options: argparse.Namespace, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of the seed pictures and of the pool, both in an order that tells nothing."""
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pictures.files), generator=chance)
    order = order[~pictures.test[order]]
    of = pictures.truth[order]
    first = torch.zeros(len(order), dtype=torch.bool)
    for category in range(len(pictures.names)):
        first[(of == category).nonzero()[: options.per_category, 0]] = True
    return order[first], order[~first]


def _never_emptied(rows: Tensor, leaked: Tensor, truth: Tensor) -> Tensor:
    """Without the leaked rows, but for the last one of a category."""
    left = truth[rows[~leaked]].bincount(minlength=int(truth.max()) + 1)
    return rows[~leaked | (left[truth[rows]] == 0)]


def plain_name(name: str) -> str:
    """Triplet methods share their settings with and without hard negatives."""
    return name.removesuffix("+HN")


def _config(name: str, seed: int, options: argparse.Namespace) -> MetricConfig:
    given = {key: value for key, value in vars(options).items() if key in SETTINGS and value}
    return MetricConfig.from_json(
        {**TUNED.get(plain_name(name), {}), **given, "method": name, "seed": seed}
    )


def _fitted(pictures: Pictures, data: Dataset, config: MetricConfig) -> Any:
    return fit(
        pictures.features[data.train],
        pictures.truth[data.train],
        pictures.features[data.rejected],
        data.against,
        categories=len(pictures.names),
        config=config,
    )


def _answers(model: Any, features: Tensor) -> tuple[Tensor, Tensor]:
    parts = list(score(model, features.float().split(CHUNK)))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def _head(pictures: Pictures, data: Dataset, config: MetricConfig) -> tuple[Tensor, Tensor]:
    model = _fitted(pictures, data, config)
    return _answers(model, pictures.features[pictures.test])


def _finetune(options: argparse.Namespace) -> Trainer:
    """Backbone and head from the pictures; one backbone for all, each training takes a copy."""
    backbone = _backbone(options)

    def train(pictures: Pictures, data: Dataset, config: MetricConfig) -> tuple[Tensor, Tensor]:
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
            backbone,
            examples,
            settings,
            progress=lambda step, steps: _say(f"{config.method}: step {step} of {steps}"),
        )
        test = some(pictures.test.nonzero()[:, 0])
        features = torch.cat(list(extract(found.backbone, test, load=Image.open)))
        return _answers(found.head, features)

    return train


def _run(pictures: Pictures, data: Dataset, config: MetricConfig, trainer: Trainer) -> Result:
    began = time.perf_counter()
    with peak() as most:
        predicted, confidence = trainer(pictures, data, config)
    seconds = time.perf_counter() - began
    truth = pictures.truth[pictures.test]
    counts = confusion(truth, predicted, len(pictures.names))
    result = Result(
        top1=round(top1(counts), 4),
        mean_class=round(mean_category_accuracy(counts), 4),
        calibration=round(calibration_error(confidence, predicted == truth), 4),
        seconds=seconds,
        peak_mb=most[0] / 2**20,
    )
    _say(f"{config.method}: top-1 {result.top1:.4f}, {seconds:.1f} s")
    return result


@contextmanager
def peak() -> Iterator[list[int]]:
    """The largest resident size of this process meanwhile, in bytes."""
    process, done, most = psutil.Process(), threading.Event(), [0]

    def watch() -> None:
        while True:
            most[0] = max(most[0], process.memory_info().rss)
            if done.wait(0.05):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _tune(pictures: Pictures, options: argparse.Namespace) -> None:
    """Every point of the grid for every method, on pictures that are neither trained on nor test.

    They are set aside before the growth: what was proposed and accepted is easier than the rest.
    """
    rest = (~pictures.test).nonzero()[:, 0]
    chance = torch.Generator().manual_seed(TUNING_SEED)
    known = pictures.truth[rest] >= 0
    inner = Pictures(
        files=[pictures.files[row] for row in rest.tolist()],
        truth=pictures.truth[rest],
        test=(torch.rand(len(rest), generator=chance) < VALIDATION) & known,
        features=pictures.features[rest],
        names=pictures.names,
    )
    _, grown, _ = grow(inner, options, TUNING_SEED)
    for name in options.methods or METHODS:
        grid = {**GRID, **ALSO[METHODS[name].softmax]}
        for values in product(*grid.values()):
            point = dict(zip(grid, values, strict=True))
            config = MetricConfig.from_json(
                {**_config(name, TUNING_SEED, options).to_json(), **point}
            )
            found = _run(inner, grown, config, _head)
            print(json.dumps({"method": name, **point, "top1": found.top1}), flush=True)


def _pictures(options: argparse.Namespace) -> Pictures:
    folder = divide(
        options.images,
        seeds=options.per_category,
        unknown=options.unknown,
        distractors=pictures_below(options.distractors) if options.distractors else (),
    )
    files: list[Path] = []
    truth: list[int] = []
    test: list[bool] = []
    for category, division in enumerate(folder.divisions):
        own = [*division.test, *division.seed, *division.pool]
        files += own
        truth += [category] * len(own)
        test += [True] * len(division.test) + [False] * (len(own) - len(division.test))
    files += folder.distractors
    truth += [-1] * len(folder.distractors)
    test += [False] * len(folder.distractors)
    return Pictures(
        files=files,
        truth=torch.tensor(truth),
        test=torch.tensor(test),
        features=_features(files, options),
        names=[division.name for division in folder.divisions],
    )


def _features(files: Sequence[Path], options: argparse.Namespace) -> Tensor:
    """float16 [n, D], extracted once for each set of files and each backbone."""
    backbone = _backbone(options)
    ordered = sorted(set(files))
    digest = hashlib.sha256(backbone.fingerprint.encode())
    for file in ordered:
        digest.update(f"{file.parent.name}/{file.name} {file.stat().st_size}\n".encode())
    cache = options.cache / f"features-{digest.hexdigest()[:24]}.safetensors"
    if not cache.is_file():
        cache.parent.mkdir(parents=True, exist_ok=True)
        parts, done = [], 0
        for part in extract(backbone, ordered, load=Image.open):
            parts.append(part.half())
            done += len(part)
            _say(f"features: {done} of {len(ordered)}")
        safetensors.torch.save_file({"features": torch.cat(parts)}, cache)
    features = safetensors.torch.load_file(cache)["features"]
    place = {file: row for row, file in enumerate(ordered)}
    return features[torch.tensor([place[file] for file in files])]


def _backbone(options: argparse.Namespace) -> Backbone:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = _backbone_name(options.weights)
    return load_backbone(name, options.weights, image_size=options.image_size, device=device)


def _backbone_name(weights: Path | None) -> str:
    """`mobilenet_v2_features.pth` holds weights of `mobilenet_v2`."""
    if weights is None:
        return "filterbank"
    known = ("mobilenet_v2", "mobilenet_v3_large", "squeezenet1_1", "resnet50", "resnet18")
    return next((name for name in known if weights.name.startswith(name)), weights.stem)


def _summary(found: Sequence[Result]) -> dict[str, Any]:
    return {
        "top1": [each.top1 for each in found],
        "mean_class": [each.mean_class for each in found],
        "calibration_error": [each.calibration for each in found],
        "seconds": round(statistics.mean(each.seconds for each in found), 2),
        "peak_mb": round(max(each.peak_mb for each in found)),
    }


def _show(result: dict[str, Any]) -> None:
    for title, table in (
        ("before growth", result["methods_before"]),
        ("after growth", result["methods"]),
    ):
        print(f"\n{title:18} top-1          mean class     error of confidence  seconds  MB")
        for name, row in table.items():
            print(
                f"{name:18} {_spread(row['top1'])}   {_spread(row['mean_class'])}   "
                f"{_spread(row['calibration_error'])}         {row['seconds']:7.1f}  {row['peak_mb']}"
            )
    print("\ngrowth             before         accepted       and hard negatives")
    for name, row in result["growth"].items():
        print(f"{name:18} " + "   ".join(_spread(row[k]) for k in ("before", "after", "after_hn")))
    for name, row in result["calibration"].items():
        print(f"calibration {name}: {_spread(row['off'])} -> {_spread(row['on'])}")


def _spread(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):5.2f} +- {100 * deviation:4.2f}"


def _device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def _say(line: str) -> None:
    print(f"\r{line:60}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=__doc__)
    add = parser.add_argument
    add("--images", type=Path, required=True, help="DIR/<category>/*.jpg")
    add("--weights", type=Path, help="of the backbone, named after it; none: the filter bank")
    add("--distractors", type=Path, help="pictures of no category, any layout")
    add("--unknown", type=int, default=0, help="categories held out as distractors")
    add("--seeds", type=int, default=3, help="repetitions")
    add("--per-category", type=int, default=6, help="seed pictures a category")
    add("--rounds", type=int, default=3)
    add("--threshold", type=float, default=0.5)
    add("--mode", choices=["head", "finetune"], default="head")
    add("--methods", nargs="+", choices=list(METHODS))
    add("--calibrate", action="store_true", help="let calibrated confidences propose")
    add("--image-size", type=int, default=224)
    add("--threads", type=int, default=1, help="more may collapse on a busy machine")
    add("--cache", type=Path, default=Path("var/bench"), help="where features are kept")
    add("--tune", action="store_true", help="print the grid on a validation part, and end")
    add("--start", choices=["directions", "random"])
    add("--backbone-rate", type=float, default=1e-4, help="of --mode finetune")
    add("--workers", type=int, default=0, help="processes that decode, of --mode finetune")
    for name in ("dimension", "steps", "batch-size", "sampling-period"):
        add(f"--{name}", type=int)
    for name in ("gamma", "omega", "learning-rate", "weight-decay"):
        add(f"--{name}", type=float)
    add("--json", action="store_true", help="nothing but the JSON on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
