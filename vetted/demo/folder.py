"""A folder of pictures by category, cut into seed, test and pool, and what is true of each picture."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.dataset import Split
from app.domain.split_rule import SplitRule, splits_of

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
SEEDS = 6


@dataclass(frozen=True)
class Division:
    """One category's pictures."""

    name: str
    seed: Sequence[Path]
    test: Sequence[Path]
    pool: Sequence[Path]
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Folder:
    """The divided folder. `distractors` belong to no category of the project."""

    divisions: Sequence[Division]
    distractors: Sequence[Path]

    @property
    def pool(self) -> list[Path]:
        """Everything that a crawler brings, in an order that tells nothing: by content-blind hash."""
        files = [file for division in self.divisions for file in division.pool]
        return sorted([*files, *self.distractors], key=_shuffled)

    def truth(self) -> dict[str, str]:
        """The category of each pool picture that has one, by content hash.

        A picture that lies in two categories with the same bytes is true of the first.
        """
        found: dict[str, str] = {}
        for division in self.divisions:
            for file in division.pool:
                found.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), division.name)
        return found


def divide(
    root: Path, *, seeds: int = SEEDS, unknown: int = 0, distractors: Sequence[Path] = ()
) -> Folder:
    """Divide `root/<category>/*.jpg`.

    The rule is a new project's, over the SHA-256 of the files' names: in its order one in five, at
    most 20, are test; the next `seeds` are seed; the rest is pool. Folders that begin with an underscore
    are distractors. `categories.json` beside the folders may describe categories by folder name.

    Args:
        root: The folder.
        seeds: Seed pictures a category.
        unknown: So many categories, evenly spread over the names, are kept out of the project: their
            pictures go into the pool as distractors, whose right answer is always no.
        distractors: Further pictures for the pool.

    Raises:
        ValueError: when fewer than two categories with a picture remain.
    """
    folders = sorted(each for each in root.iterdir() if each.is_dir() and _pictures(each))
    known = [each for each in folders if not each.name.startswith("_")]
    held_out = set(known[:: max(1, len(known) // unknown)][:unknown]) if unknown else set()
    about = _descriptions(root)
    kept = [each for each in known if each not in held_out]
    names = _names(kept, about)
    divisions = [_division(each, names[each], seeds, about.get(each.name, {})) for each in kept]
    if len(divisions) < 2:  # noqa: PLR2004 - a round needs two
        raise ValueError(
            f"{root} holds {len(divisions)} categories. Give a folder with at least two folders of "
            f"pictures in it: {root}/<category>/*.jpg"
        )
    strangers = [
        file
        for each in folders
        if each in held_out or each.name.startswith("_")
        for file in _pictures(each)
    ]
    return Folder(divisions, [*strangers, *distractors])


def pictures_below(root: Path) -> list[Path]:
    """All pictures in a folder and its folders."""
    return sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES)


def readable_name(folder: str) -> str:
    """`001.alpine_sea-holly` is "alpine sea-holly" to people."""
    number, dot, rest = folder.partition(".")
    name = rest if dot and number.isdigit() and rest else folder
    return " ".join(name.replace("_", " ").split())


def _names(folders: Sequence[Path], about: dict[str, Any]) -> dict[Path, str]:
    """A name for each folder; where two would read the same, both keep their folder's name."""
    names = {
        each: about.get(each.name, {}).get("name") or readable_name(each.name) for each in folders
    }
    often = Counter(name.lower() for name in names.values())
    return {each: name if often[name.lower()] == 1 else each.name for each, name in names.items()}


def _division(folder: Path, name: str, seeds: int, about: dict[str, Any]) -> Division:
    files = {_digest(file.name): file for file in _pictures(folder)}
    splits = splits_of(files, SplitRule(least_train=seeds))
    test = [files[each] for each, split in splits.items() if split is Split.TEST]
    rest = [files[each] for each, split in splits.items() if split is Split.TRAIN]
    return Division(name, seed=rest[:seeds], test=test, pool=rest[seeds:], about=about)


def _digest(name: str) -> str:
    # A file name need not be text: Python keeps its stray bytes as lone surrogates.
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


def _descriptions(root: Path) -> dict[str, dict[str, Any]]:
    file = root / "categories.json"
    if not file.is_file():
        return {}
    return {each["folder"]: each for each in json.loads(file.read_text(encoding="utf-8"))}


def _shuffled(file: Path) -> str:
    return hashlib.sha256(f"{file.parent.name}/{file.name}".encode()).hexdigest()
