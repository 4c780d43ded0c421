"""ImageFolder: [split/]category/picture. What lies deeper belongs to the category above it."""

import json
from collections.abc import Iterator, Mapping, Sequence

from app.domain.importing import LeftOut
from app.imports.rows import HARD_NEGATIVES, PICTURES, Labeled, split_word, suffix_of


def read_image_folder(names: Sequence[str], about: bytes | None = None) -> Iterator[Labeled]:
    """A row for each picture.

    Args:
        names: The paths of all files.
        about: ABOUT.json of our own export, which tells what its folders are called.
    """
    titles = _titles(about)
    pictures = [name for name in names if suffix_of(name) in PICTURES]
    depth = _shared(pictures)
    for name in pictures:
        yield _labeled(name, name.split("/")[depth:-1], titles)


def _shared(pictures: Sequence[str]) -> int:
    """How many folders surround all of it, as an archive of one folder has them."""
    paths = [name.split("/")[:-1] for name in pictures]
    depth = 0
    while paths and all(len(path) > depth + 1 for path in paths):
        first = paths[0][depth]
        if _is_part(first) or any(path[depth] != first for path in paths):
            break
        depth += 1
    return depth


def _is_part(folder: str) -> bool:
    return split_word(folder) is not None or folder.casefold() == HARD_NEGATIVES


def _labeled(name: str, folders: Sequence[str], titles: Mapping[str, str]) -> Labeled:
    part = folders[0] if folders and _is_part(folders[0]) else None
    inner = folders[1:] if part is not None else folders
    split = split_word(part)
    # By convention an underscore in front says that the folder is no category.
    if not inner or inner[0].startswith("_"):
        return Labeled(name, None, split, reason=LeftOut.NO_CATEGORY)
    category = titles.get(inner[0], inner[0])
    if part is not None and split is None:
        return Labeled(name, category, reason=LeftOut.HARD_NEGATIVE)
    return Labeled(name, category, split)


def _titles(about: bytes | None) -> dict[str, str]:
    """Category names by folder; nothing where ABOUT.json is somebody else's."""
    try:
        listed = json.loads(about or b"{}")["categories"]
        return {str(each["folder"]): str(each["name"]) for each in listed}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
