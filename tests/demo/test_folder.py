import json
from pathlib import Path

import pytest

from tests.factories import paint
from vetted.demo.folder import divide, pictures_below, readable_name


def fill(root: Path, **folders: int) -> Path:
    for category, (name, pictures) in enumerate(folders.items()):
        (root / name).mkdir(parents=True)
        for index in range(pictures):
            (root / name / f"{index:03}.jpg").write_bytes(paint(category, index))
    return root


def test_each_category_is_cut_into_seed_test_and_pool(tmp_path: Path) -> None:
    folder = divide(fill(tmp_path, aster=20, gentian=40), seeds=3)
    aster = next(each for each in folder.divisions if each.name == "aster")
    assert (len(aster.seed), len(aster.test), len(aster.pool)) == (3, 4, 13)
    assert len({*aster.seed, *aster.test, *aster.pool}) == 20


def test_the_cut_depends_on_names_alone(tmp_path: Path) -> None:
    first = divide(fill(tmp_path / "a", aster=20, gentian=20))
    second = divide(fill(tmp_path / "b", aster=20, gentian=20))
    names = [[file.name for file in each.seed] for each in first.divisions]
    assert names == [[file.name for file in each.seed] for each in second.divisions]


def test_a_category_with_one_picture_keeps_it_as_seed(tmp_path: Path) -> None:
    folder = divide(fill(tmp_path, aster=1, gentian=9), seeds=3)
    assert [len(each.seed) for each in folder.divisions] == [1, 3]


def test_unknown_categories_and_underscored_folders_become_distractors(tmp_path: Path) -> None:
    root = fill(tmp_path, a=5, b=5, c=5, d=5, _rubbish=4)
    folder = divide(root, seeds=2, unknown=2, distractors=pictures_below(root / "_rubbish")[:1])
    assert len(folder.divisions) == 2
    assert len(folder.distractors) == 5 + 5 + 4 + 1
    assert set(folder.truth().values()) == {each.name for each in folder.divisions}


def test_the_truth_is_known_for_every_pool_picture_of_a_category(tmp_path: Path) -> None:
    folder = divide(fill(tmp_path, aster=12, gentian=12), seeds=2)
    assert len(folder.truth()) == sum(len(each.pool) for each in folder.divisions)


def test_names_that_would_read_the_same_stay_apart(tmp_path: Path) -> None:
    names = [
        each.name for each in divide(fill(tmp_path, **{"001.rose": 3, "002.rose": 3})).divisions
    ]
    assert names == ["001.rose", "002.rose"]


def test_descriptions_beside_the_folders_are_used(tmp_path: Path) -> None:
    root = fill(tmp_path, aster=3, gentian=3)
    about = [{"folder": "aster", "name": "Alpine aster", "definition": "Yellow **disc**."}]
    (root / "categories.json").write_text(json.dumps(about))
    assert [each.name for each in divide(root).divisions] == ["Alpine aster", "gentian"]


def test_a_folder_without_two_categories_is_refused_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least two folders"):
        divide(fill(tmp_path, aster=3))


@pytest.mark.parametrize(
    ("folder", "name"),
    [("001.pink_primrose", "pink primrose"), ("St. John", "St. John"), ("rose", "rose")],
)
def test_folder_names_read_well(folder: str, name: str) -> None:
    assert readable_name(folder) == name


def test_the_rule_is_the_one_that_is_written_down(tmp_path: Path) -> None:
    # By the SHA-256 of the names: 003, 000, 002, 001, 004, 005.
    division = divide(fill(tmp_path, aster=6, gentian=6), seeds=2).divisions[0]
    parts = (division.test, division.seed, division.pool)
    names = [[file.stem for file in part] for part in parts]
    assert names == [["003"], ["000", "002"], ["001", "004", "005"]]


def test_a_name_that_is_no_text_is_divided_too(tmp_path: Path) -> None:
    root = fill(tmp_path, aster=3, gentian=3)
    (root / "aster" / "000.jpg").rename(
        root / "aster" / b"caf\xe9.jpg".decode(errors="surrogateescape")
    )
    assert sum(len(each.seed) for each in divide(root).divisions) == 6
