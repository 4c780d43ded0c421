"""Archives that come in pieces (tus 1.0): how long they are kept, and what is said about them."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import InvalidError
from app.domain.ingestion import SourceFacts, check_source

TUS = "1.0.0"
EXTENSIONS = ("creation", "expiration", "termination")

# An upload to which nothing is added for so long is forgotten; also what is known of a finished one.
KEPT = timedelta(days=3)
MOST_OPEN = 8
"""Unfinished uploads of one user."""

_LONGEST_NAME = 255


@dataclass(frozen=True)
class Announced:
    """What a client says before it sends an archive.

    Attributes:
        filename: What people read.
        source: What holds for all pictures that say nothing themselves.
    """

    filename: str
    source: SourceFacts


def announced(header: str | None) -> Announced:
    """What `Upload-Metadata` says: keys and base64 values, as `filename YS50YXI=,licence Q0Mw`.

    Raises:
        InvalidError: for another form, or facts that cannot be kept.
    """
    said = _pairs(header or "")
    name = said.get("filename") or said.get("name") or "archive"
    tags = tuple(each.strip() for each in re.split(r"[|,]", said.get("tags", "")) if each.strip())
    facts = SourceFacts(said.get("url"), tags, said.get("author"), said.get("licence"))
    shown = "".join(each if each.isprintable() else "?" for each in name)[:_LONGEST_NAME]
    return Announced(shown, check_source(facts))


def _pairs(header: str) -> Mapping[str, str]:
    said = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            said[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise InvalidError(
                "Upload-Metadata",
                "Give Upload-Metadata as pairs of a key and a base64 text: filename, url, tags, "
                "author, licence.",
            ) from None
    return {key: value for key, value in said.items() if value}
