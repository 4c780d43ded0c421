"""The comparison of methods, on drawn pictures and a few steps."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.learning import pictures as folder
from bench.learning.__main__ import main
from bench.learning.growth import grow
from bench.learning.proposals import judge
from bench.learning.settings import parse
from bench.learning.tuning import plan
from models.methods import METHODS
from vetted.demo.drawing import SPECIES, draw, draw_distractor
from vetted.demo.folder import divide

METHODS_TRIED = ["Softmax", "Triplet-A", "Triplet-A+HN"]
PER_CATEGORY = 12  # of which 2 are test, and still 2 with the copies
COPIES = 2


def last_name(directory: Path, prefix: str) -> Path:
    """A file name that the rule of the division puts behind all others of its folder."""

    def digest(name: str) -> str:
        return hashlib.sha256(name.encode()).hexdigest()

    behind = max(digest(each.name) for each in directory.iterdir())
    names = (f"{prefix}{number}.jpg" for number in range(100_000))
    return directory / next(name for name in names if digest(name) > behind)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three species; in the pool of each lie its test pictures once more, newly compressed."""
    root = tmp_path_factory.mktemp("images")
    for species in SPECIES[:3]:
        directory = root / species.slug
        directory.mkdir()
        for index in range(PER_CATEGORY):
            draw(species, index).save(directory / f"{index:03}.jpg", quality=90)
    for division in divide(root).divisions:
        for file in division.test:
            with Image.open(file) as picture:
                picture.save(last_name(file.parent, "copy-"), quality=70)
    return root


@pytest.fixture(scope="module")
def distractors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("distractors")
    for index in range(6):
        draw_distractor(index).save(root / f"{index}.jpg")
    return root


@pytest.fixture(scope="module")
def arguments(
    images: Path, distractors: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    return [
        *("--images", str(images), "--distractors", str(distractors)),
        *("--cache", str(tmp_path_factory.mktemp("cache"))),
        *("--seeds", "1", "--per-category", "4", "--rounds", "2", "--threshold", "0.2"),
        *("--steps", "10", "--dimension", "8", "--ahead", "0.3", "--json"),
    ]


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_last_line_holds_what_the_tables_are_made_of(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*arguments, "--methods", *METHODS_TRIED])
    (result,) = printed(capsys)
    assert list(result["methods"]) == METHODS_TRIED
    for row in result["methods"].values():
        assert {"top1", "mean_class", "seconds", "peak_mb"} <= set(row)
        assert all(0 <= each <= 1 for each in row["top1"] + row["mean_class"])
        assert len(row["top1"]) == 1
    assert list(result["methods_before"]) == ["Softmax", "Triplet-A"]
    assert list(result["growth"]) == METHODS_TRIED
    for row in result["growth"].values():
        assert set(row) == {"before", "after", "after_hn"}
    with_them, without = result["growth"]["Triplet-A+HN"], result["growth"]["Triplet-A"]
    assert with_them["after"] == without["after"] == result["methods"]["Triplet-A"]["top1"]
    assert with_them["after_hn"] == result["methods"]["Triplet-A+HN"]["top1"]
    for row in result["next_proposals"].values():
        assert set(row) == {"average_precision", "precision", "asked", "right"}
        assert 0 <= row["average_precision"][0] <= 1


def test_neither_test_pictures_nor_copies_of_them_are_learned_from(arguments: list[str]) -> None:
    options = parse(arguments, None)
    pictures = folder.read(options)
    copies = {row for row, file in enumerate(pictures.files) if file.name.startswith("copy-")}
    tests = set(pictures.test.nonzero()[:, 0].tolist())
    assert len(tests) == len(copies) == 3 * COPIES
    assert not tests & copies
    for seed in range(3):
        growth = grow(pictures, options, seed)
        learned = {*growth.after.train.tolist(), *growth.after.rejected.tolist()}
        asked = sum(each["proposals"] for each in growth.rounds)
        assert len(growth.before.train) >= 3 * (4 - COPIES)
        assert asked > 0
        assert len(learned) <= len(growth.before.train) + asked
        ahead = set(growth.ahead.tolist())
        assert not (learned | ahead) & (tests | copies)
        assert ahead
        assert not ahead & learned


def test_the_expert_answers_by_the_truth(arguments: list[str]) -> None:
    options = parse(arguments, None)
    pictures = folder.read(options)
    growth = grow(pictures, options, 0)
    assert (pictures.truth[growth.after.train] >= 0).all()
    assert (pictures.truth[growth.after.rejected] != growth.after.against).all()


def test_proposals_are_judged_in_the_order_of_confidence() -> None:
    truth = torch.tensor([0, 1, -1, 1])
    category = torch.tensor([0, 1, 0, 0])
    confidence = torch.tensor([0.9, 0.4, 0.6, 0.7])
    found = judge(truth, category, confidence, threshold=0.5)
    # Right, wrong, wrong, right: precisions 1 and 1/2 at the right ones, of three that are known.
    assert found.average_precision == pytest.approx(0.5)
    assert found.precision == pytest.approx(1 / 3, abs=1e-4)
    assert (found.asked, found.right) == (3, 1)


def test_the_search_gives_every_method_the_same_number_of_points(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {
        name: 1 + sum(len(values) - 1 for values in plan(method).values())
        for name, method in METHODS.items()
    }
    assert len(set(counts.values())) == 1
    main([*arguments, "--tune", "--methods", "Softmax"])
    *points, last = printed(capsys)
    assert len(points) == last["tuned"]["Softmax"]["points"] == counts["Softmax"]
    assert last["tuned"]["Softmax"]["top1"] == max(point["top1"][0] for point in points)
