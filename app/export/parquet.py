"""The manifest as Parquet.

pyarrow is the reference implementation, and what the readers of the format use. It is loaded by
the first such export and not before: it takes 100 MB of memory that no other request needs.
"""

import importlib
import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from app.export.rows import Selection, in_folders, manifest_line

_GROUP = 5_000  # rows that are held at a time
_TEXTS = (
    "file", "sha256", "part", "category", "scientific_name", "provenance",
    "url", "author", "licence", "crawled_at",
)  # fmt: skip
_NUMBERS = ("label", "width", "height")


def parquet_file(selection: Selection) -> Iterator[bytes]:
    """Row groups as they are filled, then the footer. The columns are those of the JSON manifest."""
    arrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    schema = _schema(arrow, selection)
    sink = _Sink()
    lines = (manifest_line(row, in_folders(row)) for row in selection.rows())
    with parquet.ParquetWriter(arrow.PythonFile(sink, mode="w"), schema) as writer:
        while group := list(islice(lines, _GROUP)):
            writer.write_table(arrow.Table.from_pylist(group, schema))
            yield sink.drain()
    yield sink.drain()


def _schema(arrow: Any, selection: Selection) -> Any:
    text, texts = arrow.string(), arrow.list_(arrow.string())
    source = arrow.struct(
        [("url", text), ("author", text), ("licence", text), ("tags", texts), ("crawled_at", text)]
    )
    about = selection.about
    told = {
        "project": about.slug,
        "dataset_version": about.version,
        "made_by": about.made_by,
        "content_hash": about.content_hash,
        "filters": about.filters,
        "taken_down": about.taken_down,
    }
    return arrow.schema(
        [
            *((name, text) for name in _TEXTS),
            *((name, arrow.int32()) for name in _NUMBERS),
            ("tags", texts),
            ("sources", arrow.list_(source)),
        ],
        metadata={"vetted": json.dumps(told, ensure_ascii=False)},
    )


class _Sink(io.RawIOBase):
    """Takes what the writer writes, until it is drained."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def drain(self) -> bytes:
        """What came since the last time."""
        drained = b"".join(self._pieces)
        self._pieces.clear()
        return drained
