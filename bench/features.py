"""What the pipeline of features costs beside the bare network: `python -m bench.features --json`.

The pipeline reads, decodes and resizes pictures in threads while the network computes; the bare
forward pass runs over one prepared batch of the same size, again and again, on as many threads.
Both are timed in turns by the clock on the wall; `ratio` is the median of pipeline / bare. Preparing
needs a core of its own or a share of the network's: where all cores are busy, with other work or by
--threads, the ratio cannot pass `ratio_without_a_free_core`, which divides the cost of the bare
pass by that of pass and preparing together. `torch` is the bare pass without OpenVINO. Without
--images it draws pictures of --size, without --weights the network's are random.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from PIL import Image

from bench.harness import arguments, report, seconds
from models.backbone import load_backbone
from models.features import extract, prepare
from models.vision import load_torchvision

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
GRAIN = 60  # standard deviation of grey, before it is blended


def main() -> None:
    """Time both, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(options, Path(folder))
        weights = options.weights or _random_weights(options.backbone, Path(folder))
        report(measure(options, files, weights), alone=options.json)


def measure(options: argparse.Namespace, files: list[Path], weights: Path) -> dict[str, object]:
    """The result, by name."""
    size = options.batch_size
    backbone = load_backbone(options.backbone, weights, image_size=options.image_size)
    plain = load_backbone(options.backbone, weights, image_size=options.image_size)
    plain._decided = True  # noqa: SLF001 - so that it stays with torch
    prepared = [prepare(Image.open(file), options.image_size) for file in files[:size]]
    batch = torch.stack(prepared)
    batch = batch.contiguous(memory_format=torch.channels_last)
    compiling = seconds(lambda: backbone.features(batch))
    turns = []
    for _ in range(options.repeats):
        rounds = range(max(len(files) // size, 1))
        bare = seconds(lambda: [backbone.features(batch) for _ in rounds])  # noqa: B023
        pipeline = seconds(
            lambda: list(
                extract(
                    backbone, files, load=Image.open, batch_size=size, threads=options.preparing
                )
            )
        )
        turns.append((len(rounds) * len(batch) / bare, len(files) / pipeline))
    few = range(3)
    torch_seconds = min(seconds(lambda: plain.features(batch)) for _ in few)
    # What each costs in seconds of a core, whoever else has the cores.
    passing = _core_seconds(lambda: backbone.features(batch)) / len(batch)
    preparing = _core_seconds(
        lambda: [prepare(Image.open(file), options.image_size) for file in files]
    ) / len(files)
    apart = torch.nn.functional.cosine_similarity(backbone.features(batch), plain.features(batch))
    bare, pipeline = (median(column) for column in zip(*turns, strict=True))
    return {
        "backbone": options.backbone,
        "engine": backbone.engine,
        "pictures": len(files),
        "batch_size": size,
        "threads": options.threads,
        "preparing_threads": options.preparing,
        "first_batch_seconds": round(compiling, 2),
        "bare_per_second": round(bare, 1),
        "pipeline_per_second": round(pipeline, 1),
        "ratio": round(median(p / b for b, p in turns), 3),
        "ratio_without_a_free_core": round(passing / (passing + preparing), 3),
        "torch_per_second": round(len(batch) / torch_seconds, 1),
        "prepared_per_second_and_core": round(1 / preparing, 1),
        "least_cosine_with_torch": round(float(apart.min()), 7),
    }


def _core_seconds(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(3):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return median(spent)


def _files(options: argparse.Namespace, folder: Path) -> list[Path]:
    if options.images is None:
        return [
            _draw(folder / f"{number}.jpg", tuple(options.size), number)
            for number in range(options.pictures)
        ]
    found = sorted(f for f in options.images.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not found:
        raise SystemExit(f"There are no pictures in {options.images}.")
    random.Random(0).shuffle(found)  # noqa: S311 - a sample, not a secret
    return found[: options.pictures]


def _draw(path: Path, size: tuple[int, int], seed: int) -> Path:
    """A picture of soft blobs under grain, which takes as many bytes as a photograph."""
    chance = torch.Generator().manual_seed(seed)
    blobs = torch.randint(0, 256, (12, 16, 3), dtype=torch.uint8, generator=chance)
    soft = Image.fromarray(blobs.numpy()).resize(size)
    grain = Image.effect_noise(size, GRAIN).convert("RGB")
    Image.blend(soft, grain, 0.2).save(path, quality=85)
    return path


def _random_weights(name: str, folder: Path) -> Path:
    torch.manual_seed(0)
    network = load_torchvision().models.get_model(name, weights=None)
    torch.save(network.state_dict(), folder / "random.pth")
    return folder / "random.pth"


def _options() -> argparse.Namespace:
    parser = arguments("bench.features", __doc__)
    parser.add_argument("--images", type=Path, help="a folder of pictures, at any depth")
    parser.add_argument("--weights", type=Path, help="a state_dict of the backbone")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument(
        "--size", type=int, nargs=2, default=(224, 168), help="of drawn pictures: width, height"
    )
    parser.add_argument("--pictures", type=int, default=512, help="at most")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--preparing", type=int, default=1, help="threads that decode")
    return parser.parse_args()


if __name__ == "__main__":
    main()
