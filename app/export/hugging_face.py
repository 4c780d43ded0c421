"""A folder that Hugging Face's `imagefolder` loads, with metadata, as a zip.

Pictures lie flat in train/, test/ and hard_negatives/ and metadata.jsonl names their category:
in folders of their own, a category whose name holds "test" or "train" would be taken for a split.
README.md tells the splits, and that hard negatives are a configuration of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

from app.export.members import (
    Member,
    about_member,
    json_line,
    papers,
    picture,
    small,
    spooled,
)
from app.export.rows import Part, Row, Selection
from app.export.zip_archive import zip_archive


def hugging_face_zip(selection: Selection) -> Iterator[bytes]:
    """As a zip."""
    return zip_archive(_members(selection), selection.about.frozen_at)


def _members(selection: Selection) -> Iterator[Member]:
    parts = [part for part in Part if selection.about.rows.get(part)]
    yield small("README.md", _card(selection, parts).encode())
    yield about_member(selection)
    for part in parts:
        yield spooled(f"{part}/metadata.jsonl", _metadata(selection, part))
    for row in selection.rows():
        yield picture(selection, row, _flat(row))
    yield from papers(selection, _flat)


def _flat(row: Row) -> str:
    return f"{row.part}/{row.key}{row.suffix}"


def _metadata(selection: Selection, part: Part) -> Iterator[bytes]:
    for row in selection.rows():
        if row.part == part:
            yield json_line(_line(row))


def _line(row: Row) -> dict[str, Any]:
    """Text and numbers only, none of them missing: the library guesses a column's type from its values."""
    source = row.sources[0] if row.sources else {}
    denied = "not_" if row.is_hard_negative else ""
    return {
        "file_name": f"{row.key}{row.suffix}",
        f"{denied}category": row.category,
        f"{denied}label": row.label,
        "scientific_name": row.scientific_name,
        "sha256": row.sha256,
        "provenance": row.provenance,
        "width": row.width,
        "height": row.height,
        "url": source.get("url") or "",
        "author": source.get("author") or "",
        "licence": source.get("licence") or "",
        "tags": " | ".join(source.get("tags") or ()),
    }


def _card(selection: Selection, parts: list[Part]) -> str:
    """The dataset card; JSON is YAML, and quotes every name safely."""
    configs = [
        {
            "config_name": name,
            "drop_labels": True,
            "data_files": [{"split": split, "path": f"{part}/**"} for split, part in found],
        }
        for name, found in (
            ("default", [(part, part) for part in parts if part is not Part.HARD_NEGATIVES]),
            ("hard_negatives", [("train", p) for p in parts if p is Part.HARD_NEGATIVES]),
        )
        if found
    ]
    about = selection.about
    gone = f"Taken down since, and left out: {about.taken_down}.\n" if about.taken_down else ""
    return (
        f"---\nconfigs: {json.dumps(configs)}\nlicense: other\n---\n\n"
        f"# {about.project}, dataset version {about.version}\n\n"
        f"Made by: {about.made_by}. Content hash `{about.content_hash}`.\n"
        "Each picture keeps the licence of its source: LICENCES.csv\n"
        "has them all. A picture of `hard_negatives` was judged NOT to show its `not_category`.\n"
        + gone
    )
