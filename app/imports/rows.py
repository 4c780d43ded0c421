"""What readers give, and the words that all of them share."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

from app.domain.errors import InvalidError
from app.domain.importing import LeftOut
from app.domain.ingestion import MOST_TAGS, NOTHING_SAID, SourceFacts, check_source

PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"}
)
ARCHIVES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"})
SPLITS = {
    "train": "train", "training": "train", "trn": "train",
    "test": "test", "testing": "test", "tst": "test",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val",
}  # fmt: skip
HARD_NEGATIVES = "hard_negatives"
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Labeled:
    """One picture as an annotation names it.

    Attributes:
        reference: a path or an address, as it stands there.
        category: its name; None where there is none.
        split: `train`, `test` or `val`; None where nothing is said.
        source: what is said about where it came from.
        reason: why it cannot become an example, where that is plain.
        stem: the reference lacks the file's suffix.
    """

    reference: str
    category: str | None
    split: str | None = None
    source: SourceFacts = NOTHING_SAID
    reason: LeftOut | None = None
    stem: bool = False


def split_word(text: str | None) -> str | None:
    """`train`, `test` or `val` for the usual names of splits."""
    return SPLITS.get((text or "").strip().casefold())


def split_in(path: str) -> str | None:
    """The split that the name of an annotation file or of its folder tells, as val/labels.json."""
    folders = path.split("/")
    for part in (folders[-1], *reversed(folders[:-1])):
        for word in _WORD.findall(part.casefold()):
            if word in SPLITS:
                return SPLITS[word]
    return None


def suffix_of(name: str) -> str:
    """The suffix in lower case with its dot, or nothing."""
    base = name.rpartition("/")[2]
    return f".{base.rpartition('.')[2].lower()}" if "." in base[1:] else ""


def is_hidden(name: str) -> bool:
    """Whether file managers put it there: .DS_Store, __MACOSX/..., Thumbs.db."""
    parts = name.split("/")
    return (
        any(part.startswith(".") for part in parts)
        or "__MACOSX" in parts
        or parts[-1].casefold() in {"thumbs.db", "desktop.ini"}
    )


def folded(path: str) -> str:
    """A path for comparing: composed characters, forward slashes, no leading ./ or /."""
    plain = unicodedata.normalize("NFC", path.replace("\\", "/"))
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    return "/".join(parts)


def is_address(reference: str) -> bool:
    """Whether it is an address and no path."""
    return "://" in reference[:16]


def path_of(reference: str) -> str:
    """The path within a reference: an address loses its host and its percent signs.

    Label Studio names local files as /data/local-files/?d=<path>.
    """
    if not is_address(reference) and "?d=" not in reference:
        return folded(reference)
    try:
        parts = urlsplit(reference)
        named = parse_qs(parts.query).get("d")
        return folded(named[0] if named else unquote(parts.path))
    except ValueError:
        return folded(reference)


def facts(
    *,
    url: object = None,
    author: object = None,
    licence: object = None,
    tags: Iterable[object] = (),
    crawled_at: object = None,
) -> SourceFacts:
    """What is said about a source, without what cannot be kept: a bad note loses no picture."""
    moment = None
    if isinstance(crawled_at, str) and crawled_at:
        with suppress(ValueError):
            moment = datetime.fromisoformat(crawled_at)
    return SourceFacts(
        url=_kept(SourceFacts(url=_text(url))).url,
        author=_kept(SourceFacts(author=_text(author))).author,
        licence=_kept(SourceFacts(licence=_text(licence))).licence,
        tags=tuple(_tags(tags))[:MOST_TAGS],
        crawled_at=_kept(SourceFacts(crawled_at=moment)).crawled_at,
    )


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _kept(one: SourceFacts) -> SourceFacts:
    try:
        return check_source(one)
    except InvalidError:
        return SourceFacts()


def _tags(tags: Iterable[object]) -> Iterator[str]:
    for tag in tags:
        text = _text(tag)
        if text is not None and _kept(SourceFacts(tags=(text,))).tags:
            yield text
