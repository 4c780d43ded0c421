"""Which format something is in, told by its files and the words in its annotation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.domain.errors import ImportRefusedError
from app.domain.importing import ImportFormat
from app.imports.coco import read_coco
from app.imports.fiftyone import read_fiftyone
from app.imports.image_folder import read_image_folder
from app.imports.label_studio import read_label_studio
from app.imports.rows import PICTURES, Labeled, split_in, suffix_of
from app.imports.tables import CATEGORIES, PATHS, URLS, first, read_csv, table

ABOUT, MANIFEST = "ABOUT.json", "manifest.csv"
_MOST_FILES = 50  # annotation files that are looked into

# The bytes of a file by its name, whole; raises ImportRefusedError when it is too large.
Content = Callable[[str], bytes]
Reader = Callable[[str, bytes], Iterator[Labeled]]

READERS: Mapping[ImportFormat, Reader] = {
    ImportFormat.CSV: read_csv,
    ImportFormat.COCO: read_coco,
    ImportFormat.FIFTYONE: read_fiftyone,
    ImportFormat.LABEL_STUDIO: read_label_studio,
}
_JSONS = (ImportFormat.COCO, ImportFormat.FIFTYONE, ImportFormat.LABEL_STUDIO)


@dataclass(frozen=True)
class Annotated:
    """The format, and the annotation files that are read: none of an ImageFolder."""

    format: ImportFormat
    files: tuple[str, ...]


def detect(names: list[str], content: Content, wanted: ImportFormat | None = None) -> Annotated:
    """Find the annotation files of the format, or the format.

    Raises:
        ImportRefusedError: when nothing here is in (this) format.
    """
    if wanted is ImportFormat.IMAGE_FOLDER:
        return Annotated(wanted, ())
    if wanted in {None, ImportFormat.CSV}:
        manifest = _own_manifest(names)
        if manifest is not None:
            return Annotated(ImportFormat.CSV, (manifest,))
    found: dict[ImportFormat, list[str]] = {}
    for name in _annotations(names):
        kind = _kind(name, content(name))
        if kind is not None:
            found.setdefault(kind, []).append(name)
    for kind in (*_JSONS, ImportFormat.CSV):
        if kind in found and wanted in (None, kind):
            return Annotated(kind, tuple(found[kind]))
    if wanted is not None:
        return Annotated(wanted, _named(names, wanted))
    if any(suffix_of(name) in PICTURES for name in names):
        return Annotated(ImportFormat.IMAGE_FOLDER, ())
    raise ImportRefusedError(
        "nothing_found",
        "There are no pictures here, and no annotation file that is known. Send a zip or a tar with "
        "a folder for each category, or with pictures and their CSV or JSON.",
    )


def read(annotated: Annotated, names: list[str], content: Content) -> Iterator[tuple[str, Labeled]]:
    """The rows, each with the annotation file that it stands in.

    Raises:
        ImportRefusedError: when an annotation file cannot be read in this format.
    """
    if annotated.format is ImportFormat.IMAGE_FOLDER:
        about = next((name for name in names if name.rpartition("/")[2] == ABOUT), None)
        for row in read_image_folder(names, content(about) if about else None):
            yield "", row
        return
    several = len(annotated.files) > 1
    for name in annotated.files:
        split = split_in(name) if several else None
        for row in READERS[annotated.format](name, content(name)):
            yield name, row if row.split or split is None else replace(row, split=split)


def _own_manifest(names: list[str]) -> str | None:
    """The manifest of our own export: it knows what folders cannot say."""
    for name in names:
        folder, slash, base = name.rpartition("/")
        if base == MANIFEST and f"{folder}{slash}{ABOUT}" in names:
            return name
    return None


def _annotations(names: list[str]) -> list[str]:
    """Files that may be annotations, the outer ones first."""
    known = [name for name in names if suffix_of(name) in {".json", ".csv", ".tsv"}]
    return sorted(known, key=lambda name: (name.count("/"), name))[:_MOST_FILES]


def _named(names: list[str], wanted: ImportFormat) -> tuple[str, ...]:
    """The first file of the right kind: its reader will say what is wrong with it."""
    suffixes = {".csv", ".tsv"} if wanted is ImportFormat.CSV else {".json"}
    if wanted is ImportFormat.LABEL_STUDIO:
        suffixes = {".json", ".csv"}
    found = [name for name in _annotations(names) if suffix_of(name) in suffixes]
    if not found:
        raise ImportRefusedError(
            "no_annotation",
            "There is no annotation file here that the chosen format has. Choose another format, or "
            "let it be found.",
        )
    return (found[0],)


def _kind(name: str, content: bytes) -> ImportFormat | None:
    """The format of an annotation file by the words that it must have."""
    if suffix_of(name) != ".json":
        return _kind_of_table(name, content)
    is_list = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    if is_list and (b'"annotation' in content or b'"choice' in content):
        return ImportFormat.LABEL_STUDIO
    if not is_list and b'"images"' in content and b'"annotations"' in content:
        return ImportFormat.COCO
    if not is_list and (
        (b'"samples"' in content and b'"filepath"' in content)
        or (b'"classes"' in content and b'"labels"' in content)
    ):
        return ImportFormat.FIFTYONE
    return None


def _kind_of_table(name: str, content: bytes) -> ImportFormat | None:
    try:
        columns, _ = table(name, content.partition(b"\n")[0])
    except ImportRefusedError:
        return None
    if "annotation_id" in columns or "annotator" in columns:
        return ImportFormat.LABEL_STUDIO
    named = first(columns, (*PATHS, *URLS)) and first(columns, CATEGORIES)
    return ImportFormat.CSV if named else None
