"""Takedowns: what is named by whoever asks for one, and the keys that keep it from coming back."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from app.domain.errors import InvalidError

LONGEST_REASON: Final = 500
LONGEST_NAMED: Final = 2_100
TAKEN_DOWN: Final = "taken_down"
"""The reason for which a picture is refused that a tombstone keeps out."""
ERASED: Final = "erased_meanwhile"
"""The reason for which a picture is refused whose bytes went while it was being stored."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
# A picture's address on this server, as pages and REST give it.
_OURS = re.compile(r"/api/v1/projects/[^/]+/images/([0-9a-f]{64})(?:/[a-z]+)?")
_PORTS = {"http": 80, "https": 443}


class Kind(StrEnum):
    """What a takedown names."""

    PICTURE = "picture"
    ADDRESS = "address"


@dataclass(frozen=True)
class Named:
    """What a takedown names.

    Attributes:
        kind: A picture by its bytes, or all pictures from one address.
        key: The SHA-256 of the picture's bytes, or of the address in its normal form.
        address: The address as it was given; it is looked for, and not kept.
        copies: Whether near-duplicates go as well: other files of the same photograph.
    """

    kind: Kind
    key: str
    address: str | None = None
    copies: bool = False


def named(text: str, *, copies: bool = False) -> Named:
    """What a hash, the link of a picture on this server, or any other address names.

    Raises:
        InvalidError: for anything else.
    """
    text = text.strip()
    if _SHA256.fullmatch(text.lower()):
        return Named(Kind.PICTURE, text.lower(), copies=copies)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    ours = _OURS.fullmatch(parts.path)
    if ours is not None:
        return Named(Kind.PICTURE, ours[1], copies=copies)
    whole = parts.scheme.lower() in _PORTS and parts.netloc and text.isprintable()
    if not whole or len(text) > LONGEST_NAMED:
        raise InvalidError(
            "what",
            "Give the picture's SHA-256 (64 digits and letters), its link on this server, or the "
            "full http or https address that it came from.",
        )
    return Named(Kind.ADDRESS, address_key(text), text, copies)


def check_reason(text: str) -> str:
    """The reason as it is kept.

    Raises:
        InvalidError: unless it is 1 to 500 printable characters.
    """
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        raise InvalidError(
            "reason",
            "Say why in 1 to {most} printable characters, for whoever looks later.",
            most=LONGEST_REASON,
        )
    return text


def normal_address(url: str) -> str:
    """One spelling for all that lead to the same place: RFC 3986, 6.2.2 and 6.2.3, without fragment.

    Raises:
        ValueError: for what is no address.
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    user, at, host = parts.netloc.rpartition("@")
    host = host.lower().removesuffix(f":{_PORTS.get(scheme)}")
    return urlunsplit((scheme, f"{user}{at}{host}", parts.path or "/", parts.query, ""))


def address_key(url: str) -> str:
    """The SHA-256 of an address in its normal form: what a tombstone keeps of it."""
    try:
        url = normal_address(url)
    except ValueError:
        url = url.strip()
    return hashlib.sha256(url.encode()).hexdigest()


def spellings(url: str) -> list[str]:
    """How the address may be written with the sources of pictures: as given, and in normal form."""
    try:
        normal = normal_address(url)
    except ValueError:
        normal = url
    return list(dict.fromkeys((url.strip(), normal, normal.removesuffix("/"))))


@dataclass(frozen=True)
class Effect:
    """What a takedown does, or did.

    Attributes:
        images: Pictures that go.
        near_duplicates: Other files of the same photographs, as far as they are known, that stay.
        candidates: Of these, those in the pool.
        examples: Examples that leave the dataset.
        hard_negatives: Hard negatives that leave it.
        questions: Proposals that are withdrawn from labelers.
        versions: Frozen dataset versions that held any of it: they are exported without it.
    """

    images: int = 0
    near_duplicates: int = 0
    candidates: int = 0
    examples: int = 0
    hard_negatives: int = 0
    questions: int = 0
    versions: int = 0
