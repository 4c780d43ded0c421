"""The manifest alone, as CSV and as JSON Lines. `file` is where an ImageFolder has the picture."""

from collections.abc import Iterator

from app.export.members import csv_manifest, jsonl_manifest
from app.export.rows import Selection, in_folders


def csv_file(selection: Selection) -> Iterator[bytes]:
    """Comma separated, UTF-8, with a header; the first source of each file."""
    return csv_manifest(selection, in_folders)


def jsonl_file(selection: Selection) -> Iterator[bytes]:
    """A JSON object a line, with all sources."""
    return jsonl_manifest(selection, in_folders)
