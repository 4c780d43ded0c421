"""COCO's JSON. `file_name` is where an ImageFolder has the picture.

An example is an annotation whose box is the whole picture: COCO has no other place for a category.
A hard negative is a `neg_category_ids` of its image, as LVIS writes it. An image that is only a
hard negative has no annotation.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from app.export.rows import Part, Row, Selection, in_folders


def coco_file(selection: Selection) -> Iterator[bytes]:
    """One object, its long lists an entry a line."""
    about = selection.about
    info = {
        "description": about.project,
        "version": str(about.version),
        "year": about.frozen_at.year,
        "date_created": about.frozen_at.isoformat(),
        "made_by": about.made_by,
        "content_hash": about.content_hash,
        "filters": about.filters,
        "taken_down": about.taken_down,
    }
    licences: dict[str, int] = {}
    yield b'{"info": ' + _json(info)
    yield from _entries("categories", (_category(each) for each in selection.categories))
    yield from _entries("images", _images(selection, licences))
    yield from _entries("annotations", _annotations(selection))
    # Only now are all of them known.
    named = ({"id": number, "name": name, "url": ""} for name, number in licences.items())
    yield from _entries("licenses", named)
    yield b"}\n"


def _entries(name: str, values: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f',\n"{name}": ['.encode()
    mark = b"\n"
    for value in values:
        yield mark + _json(value)
        mark = b",\n"
    yield b"]"


def _category(category: Any) -> dict[str, Any]:
    return {
        "id": category.label + 1,  # 0 is the background to some readers
        "name": category.name,
        "supercategory": "",
        "scientific_name": category.scientific_name,
    }


def _images(selection: Selection, licences: dict[str, int]) -> Iterator[dict[str, Any]]:
    for number, rows in _by_image(selection):
        # The example where there is one: its file is what the annotation speaks of.
        row = next((each for each in rows if not each.is_hard_negative), rows[0])
        source = row.sources[0] if row.sources else {}
        licence = source.get("licence") or "unknown"
        yield {
            "id": number,
            "file_name": in_folders(row),
            "width": row.width,
            "height": row.height,
            "license": licences.setdefault(licence, len(licences) + 1),
            "coco_url": source.get("url") or "",
            "date_captured": source.get("crawled_at") or "",
            "author": source.get("author") or "",
            "sha256": row.sha256,
            "split": None if row.is_hard_negative else row.part,
            "neg_category_ids": [each.label + 1 for each in rows if each.is_hard_negative],
        }


def _annotations(selection: Selection) -> Iterator[dict[str, Any]]:
    number = 0
    for image, rows in _by_image(selection):
        for row in rows:
            if row.part == Part.HARD_NEGATIVES:
                continue
            number += 1
            yield {
                "id": number,
                "image_id": image,
                "category_id": row.label + 1,
                "bbox": [0, 0, row.width, row.height],
                "area": row.width * row.height,
                "segmentation": [],
                "iscrowd": 0,
            }


def _by_image(selection: Selection) -> Iterator[tuple[int, list[Row]]]:
    groups = groupby(selection.rows(), key=lambda row: row.sha256)
    for number, (_, rows) in enumerate(groups, start=1):
        yield number, list(rows)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
