"""What the command imports: a folder, an archive, or an annotation file and the files that it names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import ImportRefusedError
from app.domain.importing import ImportFormat
from app.imports.archive import LIMITS, Archive, DamagedMemberError, Listing, open_archive
from app.imports.draft import Draft, draft
from app.imports.formats import detect, read
from app.imports.rows import folded, is_hidden, path_of, suffix_of

_ANNOTATIONS = frozenset({".csv", ".tsv", ".json"})


@dataclass
class Files:
    """Files of this machine under the names that annotations call them; read when asked for."""

    listing: Listing
    places: dict[str, Path]

    def read(self, name: str, most: int) -> bytes:
        """At most so many bytes of a file; raises DamagedMemberError."""
        try:
            with self.places[name].open("rb") as file:
                return file.read(most)
        except OSError as error:
            raise DamagedMemberError(name) from error


@dataclass(frozen=True)
class Opened:
    """What an import holds, and how to read it."""

    draft: Draft
    files: Archive

    def picture(self, name: str, most: int) -> bytes:
        """The bytes of a picture; raises DamagedMemberError."""
        return self.files.read(name, most)


@contextmanager
def opened(path: Path, kind: ImportFormat | None) -> Iterator[Opened]:
    """Look through what shall be imported.

    Raises:
        ImportRefusedError: with what is wrong and what to do.
        OSError: when it cannot be read.
    """
    if path.is_dir():
        files = folder(path)
        yield Opened(draft(files, kind), files)
    elif path.suffix.lower() in _ANNOTATIONS:
        files = beside(path, kind)
        yield Opened(draft(files, kind), files)
    else:
        with path.open("rb") as file:
            archive = open_archive(file, path.name)
            yield Opened(draft(archive, kind), archive)


def folder(root: Path) -> Files:
    """All files below a folder, in order of their names; links are not followed."""
    found = Files(Listing(), {})
    for at, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            place = Path(at) / name
            _enlist(found, place.relative_to(root).as_posix(), place)
    return found


def beside(annotation: Path, kind: ImportFormat | None) -> Files:
    """An annotation file and those of the files that it names which are there."""
    found = Files(Listing(), {})
    root = annotation.parent
    _enlist(found, annotation.name, annotation)
    names = list(found.listing.sizes)
    if not names:
        raise ImportRefusedError("empty", "The file is empty. Send a zip or a tar with pictures.")

    def content(name: str) -> bytes:
        return found.read(name, LIMITS.annotation)

    stems = False
    for _, row in read(detect(names, content, kind), names, content):
        stems = stems or row.stem
        # A path, as written: from the annotation's folder, or absolute. Joining keeps the latter.
        for path in dict.fromkeys((row.reference, path_of(row.reference))):
            place = root / path
            if "\0" not in path and place.is_file():
                _enlist(found, folded(path), place)
                break
    if stems:  # FiftyOne names pictures without their suffixes, in data/
        for name, place in folder(root / "data").places.items():
            _enlist(found, f"data/{name}", place)
    return found


def _enlist(files: Files, name: str, place: Path) -> None:
    if is_hidden(name) or place.is_symlink() or (suffix_of(name) == "" and not place.is_file()):
        return
    size = place.stat().st_size
    if size:
        files.listing.sizes[folded(name)] = size
        files.places[folded(name)] = place
