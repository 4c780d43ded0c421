"""What a crawler says about a picture, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from app.domain.errors import InvalidError

LONGEST_TEXT = 2_000
MOST_TAGS = 100
# In UTC these stay dates that a database can keep and give back, whatever their time zone.
YEARS = range(1970, 9999)


class ImageOutcome(StrEnum):
    """The answer for one uploaded picture."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(frozen=True)
class SourceFacts:
    """Where a picture came from. Everything is optional; nothing is invented."""

    url: str | None = None
    tags: tuple[str, ...] = ()
    author: str | None = None
    licence: str | None = None
    crawled_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was said."""
        return self == SourceFacts()

    @property
    def as_json(self) -> dict[str, Any]:
        """What was said, as REST takes it."""
        said = {
            "url": self.url,
            "tags": list(self.tags),
            "author": self.author,
            "licence": self.licence,
            "crawled_at": self.crawled_at and self.crawled_at.isoformat(),
        }
        return {name: value for name, value in said.items() if value}

    def filled(self, otherwise: Self) -> Self:
        """What was said, and where that is nothing what `otherwise` says."""
        return type(self)(
            url=self.url or otherwise.url,
            tags=self.tags or otherwise.tags,
            author=self.author or otherwise.author,
            licence=self.licence or otherwise.licence,
            crawled_at=self.crawled_at or otherwise.crawled_at,
        )


NOTHING_SAID = SourceFacts()


def check_source(facts: SourceFacts) -> SourceFacts:
    """The facts as they may be stored and shown.

    Raises:
        InvalidError: for an address that is not http(s), text that is too long or has control
            characters, too many tags, or a time without its zone or before the web.
    """
    if facts.url is not None:
        _check_url(facts.url)
    for field, text in (("author", facts.author), ("licence", facts.licence)):
        if text is not None:
            _check_text(field, text)
    if len(facts.tags) > MOST_TAGS:
        raise InvalidError("tags", "Send at most {most} tags for an image.", most=MOST_TAGS)
    for tag in facts.tags:
        _check_text("tags", tag)
    if facts.crawled_at is not None:
        _check_moment(facts.crawled_at)
    return facts


def _check_url(url: str) -> None:
    _check_text("url", url)
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InvalidError(
            "url", "Give the source as a full http or https address, or leave it out."
        )


def _check_moment(crawled_at: datetime) -> None:
    if crawled_at.tzinfo is None or crawled_at.year not in YEARS:
        raise InvalidError(
            "crawled_at",
            "Give crawled_at as a date from 1970 on with its time zone, as in 2026-01-31T12:00:00Z.",
        )


def _check_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > LONGEST_TEXT or not text.isprintable():
        raise InvalidError(
            field,
            "Give {field_name} as 1 to {most} printable characters, or leave it out.",
            field_name=field,
            most=LONGEST_TEXT,
        )
