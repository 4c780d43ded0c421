"""Label Studio's exports of a classification: JSON, JSON-MIN and CSV."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.importing import LeftOut
from app.imports.documents import broken, entries, parse, text
from app.imports.rows import Labeled
from app.imports.tables import table

# What JSON-MIN and CSV say about the answer, beside the answer.
_ABOUT = frozenset(
    {
        "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement",
        "prediction", "predictions", "ground_truth", "cancelled", "was_cancelled", "sentiment_id",
    }
)  # fmt: skip
_ANSWERS = ("choice", "choices", "label", "category", "class")
_IMAGES = ("image", "img", "photo", "picture", "url")


def read_label_studio(name: str, content: bytes) -> Iterator[Labeled]:
    """A row for each picture that somebody answered about.

    Raises:
        ImportRefusedError: when it is none of the three.
    """
    if name.casefold().endswith((".csv", ".tsv")):
        return _table(name, content)
    document = parse(name, content)
    if not isinstance(document, list):
        raise broken(name)
    return _tasks(document)


def _tasks(document: list[Any]) -> Iterator[Labeled]:
    for task in entries(document):
        data = task.get("data")
        if isinstance(data, dict):
            yield from _whole(task, data)
        else:
            yield from _flat(task)


def _whole(task: dict[str, Any], data: dict[str, Any]) -> Iterator[Labeled]:
    """JSON: what annotators chose; a task that they skipped has no category."""
    reference = _picture(data)
    if reference is None:
        return
    annotations = [
        each for each in entries(task.get("annotations")) if each.get("was_cancelled") is not True
    ]
    found: set[str] = set()
    for annotation in annotations:
        for result in entries(annotation.get("result")):
            value = result.get("value")
            found |= _choices(value.get("choices") if isinstance(value, dict) else None)
    yield _one(reference, found)


def _flat(task: Mapping[str, Any]) -> Iterator[Labeled]:
    """JSON-MIN and CSV: a row for each annotation."""
    reference = _picture(task)
    if reference is None or str(task.get("was_cancelled")).casefold() == "true":
        return
    field = next((each for each in _ANSWERS if each in task), None)
    others = [
        key for key in task if key not in _ABOUT and key not in _IMAGES and task[key] != reference
    ]
    if field is None and others:
        field = others[0]
    yield _one(reference, _choices(task.get(field)) if field else set())


def _table(name: str, content: bytes) -> Iterator[Labeled]:
    _, lines = table(name, content)
    for line in lines:
        yield from _flat(line)


def _picture(data: Mapping[str, Any]) -> str | None:
    named = next((text(data[key]) for key in _IMAGES if text(data.get(key))), None)
    # The variable's name is the project's own choice; a picture's value looks like a path.
    return named or next((text(each) for each in data.values() if "/" in (text(each) or "")), None)


def _choices(value: Any) -> set[str]:
    """One choice is a text; several are a list, an object with that list, or its JSON in a cell."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {value}
    if isinstance(value, dict):
        value = value.get("choices")
    listed = value if isinstance(value, list) else [value]
    return {each for each in listed if text(each)}


def _one(reference: str, found: set[str]) -> Labeled:
    if len(found) == 1:
        return Labeled(reference, next(iter(found)))
    reason = LeftOut.SEVERAL_CATEGORIES if found else LeftOut.NO_CATEGORY
    return Labeled(reference, None, reason=reason)
