"""The pictures of a folder with their cached features, cut into test, seeds and pool."""

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from PIL import Image
from torch import Tensor

from bench.watching import say
from models.backbone import Backbone, load_backbone
from models.features import extract
from vetted.demo.folder import divide, pictures_below

NAMED = ("mobilenet_v2", "mobilenet_v3_large", "squeezenet1_1", "resnet50", "resnet18")


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


def read(options: argparse.Namespace) -> Pictures:
    """The pictures that the options name; features are extracted once and kept."""
    distractors = pictures_below(options.distractors) if options.distractors else []
    folder = divide(options.images, seeds=options.per_category, unknown=options.unknown)
    files: list[Path] = []
    truth: list[int] = []
    test: list[bool] = []
    for category, division in enumerate(folder.divisions):
        own = [*division.test, *division.seed, *division.pool]
        files += own
        truth += [category] * len(own)
        test += [True] * len(division.test) + [False] * (len(own) - len(division.test))
    strangers = [*folder.distractors, *distractors]
    own_backbone = backbone(options)
    parts = [
        features_of(some, own_backbone, options.cache)
        for some in ([*files, *folder.distractors], distractors)
        if some
    ]
    return Pictures(
        files=[*files, *strangers],
        truth=torch.tensor(truth + [-1] * len(strangers)),
        test=torch.tensor(test + [False] * len(strangers)),
        features=torch.cat(parts),
        names=[division.name for division in folder.divisions],
    )


def with_validation(pictures: Pictures, share: float, seed: int) -> Pictures:
    """The pictures that are not test, a share of those of known categories being the test now."""
    rest = (~pictures.test).nonzero()[:, 0]
    chance = torch.Generator().manual_seed(seed)
    known = pictures.truth[rest] >= 0
    return replace(
        pictures,
        files=[pictures.files[row] for row in rest.tolist()],
        truth=pictures.truth[rest],
        test=(torch.rand(len(rest), generator=chance) < share) & known,
        features=pictures.features[rest],
    )


def seeds_and_pool(pictures: Pictures, per_category: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of the seed pictures and of the pool, both in an order that tells nothing."""
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pictures.files), generator=chance)
    order = order[~pictures.test[order]]
    of = pictures.truth[order]
    first = torch.zeros(len(order), dtype=torch.bool)
    for category in range(len(pictures.names)):
        first[(of == category).nonzero()[:per_category, 0]] = True
    return order[first], order[~first]


def backbone(options: argparse.Namespace) -> Backbone:
    """The network that the file of weights is named after, or the filter bank."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = options.weights
    if weights is None:
        name = "filterbank"
    else:  # `mobilenet_v2_features.pth` holds weights of `mobilenet_v2`
        name = next((each for each in NAMED if weights.name.startswith(each)), weights.stem)
    return load_backbone(name, weights, image_size=options.image_size, device=device)


def features_of(files: Sequence[Path], own: Backbone, cache: Path) -> Tensor:
    """float16 [n, D], extracted once for each set of files and each backbone."""
    ordered = sorted(set(files))
    digest = hashlib.sha256(own.fingerprint.encode())
    for file in ordered:
        digest.update(f"{file.parent.name}/{file.name} {file.stat().st_size}\n".encode())
    kept = cache / f"features-{digest.hexdigest()[:24]}.safetensors"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        parts, done = [], 0
        for part in extract(own, ordered, load=Image.open):
            parts.append(part.half())
            done += len(part)
            say(f"features: {done} of {len(ordered)}")
        safetensors.torch.save_file({"features": torch.cat(parts)}, kept)
    features = safetensors.torch.load_file(kept)["features"]
    place = {file: row for row, file in enumerate(ordered)}
    return features[torch.tensor([place[file] for file in files])]
