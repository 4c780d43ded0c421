"""COCO: images, annotations and categories. A picture has a category when all its boxes agree."""

from collections.abc import Iterator
from typing import Any

from app.domain.importing import LeftOut
from app.imports.documents import broken, entries, parse, text
from app.imports.rows import Labeled, facts, split_word


def read_coco(name: str, content: bytes) -> Iterator[Labeled]:
    """A row for each image.

    Raises:
        ImportRefusedError: when it is not COCO.
    """
    document = parse(name, content)
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise broken(name)
    titles = {
        _key(each.get("id")): text(each.get("name")) for each in entries(document.get("categories"))
    }
    licences = {
        _key(each.get("id")): each.get("name") for each in entries(document.get("licenses"))
    }
    found: dict[str, set[str]] = {}
    for annotation in entries(document.get("annotations")):
        category = titles.get(_key(annotation.get("category_id")))
        if category is not None:
            found.setdefault(_key(annotation.get("image_id")), set()).add(category)
    for image in entries(document["images"]):
        reference = text(image.get("file_name")) or text(image.get("coco_url"))
        if reference is not None:
            yield _labeled(image, reference, found.get(_key(image.get("id")), set()), licences)


def _key(value: Any) -> str:
    """Ids are numbers or texts; 1 and "1" are one."""
    return str(value)


def _labeled(
    image: dict[str, Any], reference: str, categories: set[str], licences: dict[str, Any]
) -> Labeled:
    licence = licences.get(_key(image.get("license")))
    source = facts(
        url=image.get("coco_url") or image.get("flickr_url"),
        author=image.get("author"),
        licence=None if licence == "unknown" else licence,
        crawled_at=image.get("date_captured"),
    )
    split = split_word(text(image.get("split")))
    if len(categories) > 1:
        return Labeled(reference, None, split, source, LeftOut.SEVERAL_CATEGORIES)
    if not categories:
        denied = image.get("neg_category_ids")
        reason = LeftOut.HARD_NEGATIVE if denied else LeftOut.NO_CATEGORY
        return Labeled(reference, None, split, source, reason)
    return Labeled(reference, next(iter(categories)), split, source)
