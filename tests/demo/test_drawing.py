import json
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vetted.demo.drawing import DISTRACTORS, SPECIES, Species, draw, draw_distractor, write_folder
from vetted.demo.drawing.species import Mark

BY_NAME = {s.name: s for s in SPECIES}
TEXT = {"name", "scientific_name", "definition", "look_alikes", "palettes"}


def _digest(image: Image.Image) -> str:
    return sha256(image.tobytes()).hexdigest()


def _differing(first: Species, second: Species) -> set[str]:
    fields = set(first.__dataclass_fields__) - TEXT
    return {f for f in fields if getattr(first, f) != getattr(second, f)}


def test_names_and_slugs_are_unique() -> None:
    assert 16 <= len(SPECIES) <= 24
    for field in ("name", "scientific_name", "slug", "definition"):
        assert len({getattr(s, field) for s in SPECIES}) == len(SPECIES)


@pytest.mark.parametrize("species", SPECIES, ids=lambda s: s.slug)
def test_definition_prints_the_diagnostic_traits_in_bold(species: Species) -> None:
    assert species.definition.count("**") >= 2
    assert species.definition.count("**") % 2 == 0
    assert "\n" not in species.definition


@pytest.mark.parametrize("species", SPECIES, ids=lambda s: s.slug)
def test_look_alikes_differ_in_one_to_four_traits(species: Species) -> None:
    assert species.look_alikes
    for name in species.look_alikes:
        other = BY_NAME[name]
        assert other is not species
        assert 1 <= len(_differing(species, other)) <= 4
        assert set(species.palettes) == set(other.palettes)


@pytest.mark.parametrize("species", SPECIES, ids=lambda s: s.slug)
def test_picture_has_a_size_a_crawler_would_bring(species: Species) -> None:
    image = draw(species, 3, seed=5)
    assert image.mode == "RGB"
    assert 224 <= min(image.size) <= max(image.size) <= 320
    # Neither flat nor noise: much contrast over the picture, little between neighbouring pixels.
    grey = np.asarray(image.convert("L"), np.float64)
    assert grey.std() > 10
    assert np.abs(np.diff(grey, axis=1)).mean() < grey.std()


def test_drawing_is_deterministic_and_varied() -> None:
    species = SPECIES[4]
    assert _digest(draw(species, 7, seed=1)) == _digest(draw(species, 7, seed=1))
    assert len({_digest(draw(species, i, seed=s)) for i in range(3) for s in range(2)}) == 6
    assert _digest(draw_distractor(2)) == _digest(draw_distractor(2))
    assert _digest(draw_distractor(2)) != _digest(draw_distractor(2, seed=1))


def test_another_process_draws_the_same_pixels() -> None:
    script = (
        "from hashlib import sha256\n"
        "from vetted.demo.drawing import SPECIES, draw, draw_distractor\n"
        "print(sha256(draw(SPECIES[9], 11, seed=2).tobytes()).hexdigest())\n"
        "print(sha256(draw_distractor(4, seed=2).tobytes()).hexdigest())\n"
    )
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert printed == [
        _digest(draw(SPECIES[9], 11, seed=2)),
        _digest(draw_distractor(4, seed=2)),
    ]


def test_a_mark_changes_the_flower_but_not_the_scene() -> None:
    plain = BY_NAME["Common Sunwheel"]
    marked = replace(plain, mark=Mark.BAND)
    first = np.asarray(draw(plain, 1), np.int16)
    second = np.asarray(draw(marked, 1), np.int16)
    assert first.shape == second.shape
    assert np.abs(first - second).max() > 60


def test_every_kind_of_distractor_is_drawn() -> None:
    images = [draw_distractor(i) for i in range(11)]
    assert len({_digest(i) for i in images}) == 11
    assert all(i.mode == "RGB" and 224 <= min(i.size) <= max(i.size) <= 320 for i in images)


def test_folder_layout(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    root = tmp_path / "drawn"
    write_folder(
        root,
        per_category=1,
        distractors=2,
        progress=lambda done, total: seen.append((done, total)),
        processes=1,
    )
    total = len(SPECIES) + 2
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    listed = json.loads((root / "categories.json").read_text(encoding="utf-8"))
    assert [c["name"] for c in listed] == [s.name for s in SPECIES]
    assert {c["folder"] for c in listed} | {DISTRACTORS} == {
        d.name for d in root.iterdir() if d.is_dir()
    }
    for category in listed:
        assert [p.name for p in (root / category["folder"]).iterdir()] == ["0001.jpg"]
        assert set(category["look_alikes"]) <= set(BY_NAME)
    assert sorted(p.name for p in (root / DISTRACTORS).iterdir()) == ["0001.jpg", "0002.jpg"]
    with Image.open(root / listed[0]["folder"] / "0001.jpg") as picture:
        assert picture.format == "JPEG"


def test_processes_write_the_same_files(tmp_path: Path) -> None:
    write_folder(tmp_path / "one", per_category=1, distractors=0, processes=1)
    write_folder(tmp_path / "two", per_category=1, distractors=0, processes=2)
    for picture in (tmp_path / "one").rglob("*.jpg"):
        twin = tmp_path / "two" / picture.relative_to(tmp_path / "one")
        assert picture.read_bytes() == twin.read_bytes()


@pytest.mark.parametrize(("per_category", "distractors"), [(0, 1), (1, -1)])
def test_bad_counts_are_refused(tmp_path: Path, per_category: int, distractors: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        write_folder(tmp_path, per_category=per_category, distractors=distractors)
