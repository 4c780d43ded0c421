"""FiftyOne: labels.json of FiftyOneImageClassificationDataset, samples.json of FiftyOneDataset."""

from collections.abc import Iterator
from typing import Any

from app.domain.importing import LeftOut
from app.domain.ingestion import NOTHING_SAID, SourceFacts
from app.imports.documents import broken, entries, parse, text
from app.imports.rows import Labeled, facts, split_word

# Where a sample has its one classification, in this order.
_FIELDS = ("ground_truth", "label", "labels", "category", "classification")


def read_fiftyone(name: str, content: bytes) -> Iterator[Labeled]:
    """A row for each sample.

    Raises:
        ImportRefusedError: when it is neither of the two.
    """
    document = parse(name, content)
    if not isinstance(document, dict):
        raise broken(name)
    if isinstance(document.get("samples"), list):
        return _samples(document["samples"])
    if isinstance(document.get("labels"), dict):
        return _labels(document["labels"], document.get("classes"))
    raise broken(name)


def _labels(labels: dict[str, Any], classes: Any) -> Iterator[Labeled]:
    """{"classes": [...], "labels": {<file name without suffix>: <place in classes, or a name>}}."""
    titles = classes if isinstance(classes, list) else []
    for stem, target in labels.items():
        values = target if isinstance(target, list) else [target]
        found = {_target(each, titles) for each in values} - {None}
        yield _one(stem, found, stem=True)


def _target(value: Any, classes: list[Any]) -> str | None:
    if isinstance(value, dict):  # with a confidence or attributes
        value = value.get("label")
    if isinstance(value, int) and not isinstance(value, bool):
        return text(classes[value]) if 0 <= value < len(classes) else None
    return text(value)


def _samples(samples: list[Any]) -> Iterator[Labeled]:
    for sample in entries(samples):
        path = text(sample.get("filepath"))
        if path is None:
            continue
        label = _classification(sample)
        many = label.get("classifications")
        labels = entries(many) if isinstance(many, list) else [label]
        found = {text(each.get("label")) for each in labels} - {None}
        tags = sample.get("tags")
        listed = tags if isinstance(tags, list) else []
        split = next((split_word(tag) for tag in listed if split_word(text(tag))), None)
        source = facts(
            url=sample.get("url"),
            author=sample.get("author"),
            licence=sample.get("licence") or sample.get("license"),
            tags=[tag for tag in listed if not split_word(text(tag))],
        )
        yield _one(path, found, split, source)


def _classification(sample: dict[str, Any]) -> dict[str, Any]:
    """The label of a sample: under a usual name, else the only field that is a classification."""
    named: list[dict[str, Any]] = [
        sample[field] for field in _FIELDS if isinstance(sample.get(field), dict)
    ]
    others = [
        value
        for value in sample.values()
        if isinstance(value, dict) and str(value.get("_cls")) == "Classification"
    ]
    if named:
        return named[0]
    return others[0] if len(others) == 1 else {}


def _one(
    reference: str,
    found: set[str | None],
    split: str | None = None,
    source: SourceFacts = NOTHING_SAID,
    *,
    stem: bool = False,
) -> Labeled:
    if len(found) == 1:
        return Labeled(reference, next(iter(found)), split, source, stem=stem)
    reason = LeftOut.SEVERAL_CATEGORIES if found else LeftOut.NO_CATEGORY
    return Labeled(reference, None, split, source, reason, stem=stem)
