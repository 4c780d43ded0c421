"""Fetching pictures from a list of addresses: what an answer comes to, and when to ask again.

Who asks a server for thousands of pictures is its guest: one request after the other with a pause
between, as long away as it asks, and gone when it says no. docs/decisions/fetching.md.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from app.domain.outbound import Trouble
from app.domain.takedown import TAKEN_DOWN


class AddressState(StrEnum):
    """Where an address of a list stands."""

    WAITING = "waiting"
    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why an address gave no picture. What is wrong with a picture that came, `app.pictures` says."""

    INVALID_ROW = "invalid_row"
    TAKEN_DOWN = TAKEN_DOWN
    ADDRESS_REFUSED = "address_refused"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    TIMED_OUT = "timed_out"
    BROKEN_ANSWER = "broken_answer"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"
    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    OPTED_OUT = "opted_out"
    REDIRECTS = "redirects"
    UNEXPECTED_ANSWER = "unexpected_answer"
    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "too_large"


# What may be otherwise in a while.
PASSING = frozenset(
    {
        Reason.UNKNOWN_HOST, Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.BROKEN_ANSWER,
        Reason.TOO_MANY_REQUESTS, Reason.UNAVAILABLE, Reason.SERVER_ERROR,
    }
)  # fmt: skip
# What is no matter of one picture: the host is left alone for a while.
OF_HOST = frozenset(
    {
        Reason.UNKNOWN_HOST, Reason.UNREACHABLE, Reason.TIMED_OUT,
        Reason.TOO_MANY_REQUESTS, Reason.UNAVAILABLE,
    }
)  # fmt: skip
# What a lead may have fetched once more: all but rows that name no address.
RETRIED = frozenset(Reason) - {Reason.INVALID_ROW}

OF_TROUBLE = {
    Trouble.REFUSED_ADDRESS: Reason.ADDRESS_REFUSED,
    Trouble.UNKNOWN_HOST: Reason.UNKNOWN_HOST,
    Trouble.UNREACHABLE: Reason.UNREACHABLE,
    Trouble.CERTIFICATE: Reason.CERTIFICATE,
    Trouble.TIMEOUT: Reason.TIMED_OUT,
    Trouble.BROKEN_ANSWER: Reason.BROKEN_ANSWER,
}

_OF_STATUS = {
    401: Reason.FORBIDDEN,
    402: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    408: Reason.TIMED_OUT,
    410: Reason.GONE,
    425: Reason.UNAVAILABLE,
    429: Reason.TOO_MANY_REQUESTS,
    451: Reason.FORBIDDEN,
    503: Reason.UNAVAILABLE,
}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
OK, NOT_MODIFIED = 200, 304
_SERVER_ERRORS = range(500, 600)

# Waits after a passing trouble of one address, or of a host one after the other: an hour and a half.
WAITS = (
    timedelta(seconds=20),
    timedelta(minutes=2),
    timedelta(minutes=15),
    timedelta(hours=1),
)
MOST_TRIES = len(WAITS) + 1
JITTER = 0.2
LONGEST_WAIT = timedelta(days=1)
"""A Retry-After counts up to this."""

# Types that servers give to pictures, beside image/*, when they do not look.
_UNTYPED = frozenset({"application/octet-stream", "binary/octet-stream", "application/unknown"})
# As img2dataset reads them, and the reservation of the W3C's TDMRep.
_OPT_OUTS = frozenset({"noai", "noimageai"})


def reason_of(status: int) -> Reason | None:
    """Why an answer with this status holds no picture; None for 200."""
    if status == OK:
        return None
    if status in _SERVER_ERRORS:
        return _OF_STATUS.get(status, Reason.SERVER_ERROR)
    return _OF_STATUS.get(status, Reason.UNEXPECTED_ANSWER)


def wait_after(tries: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """How long to wait after the `tries`-th try (1, 2, ...) failed in passing.

    Args:
        tries: Beyond the last of WAITS, that one.
        chance: From 0 to 1. Spreads what failed together by a fifth either way.
        asked: What the server asks to wait at least.
    """
    wait = WAITS[min(tries, len(WAITS)) - 1] * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(asked, LONGEST_WAIT)) if asked is not None else wait


def may_be_picture(content_type: str | None) -> bool:
    """Whether something of this type is worth reading: what it is, its bytes tell."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    return not kind or kind.startswith("image/") or kind in _UNTYPED


def opts_out(headers: Mapping[str, str]) -> bool:
    """Whether the server says that its pictures are not to be learned from; names in lower case."""
    if headers.get("tdm-reservation", "").strip() == "1":
        return True
    told = headers.get("x-robots-tag", "").lower().replace(":", ",").split(",")
    return not _OPT_OUTS.isdisjoint(word.strip() for word in told)


@dataclass(frozen=True)
class Validators:
    """What a server lets one ask whether something has changed by."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Validators":
        """Those of an answer."""
        return cls(_kept(headers.get("etag")), _kept(headers.get("last-modified")))

    @property
    def headers(self) -> dict[str, str]:
        """Of the request that asks."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value is not None}


def _kept(value: str | None) -> str | None:
    printable = value is not None and value.isascii() and value.isprintable()
    return value if printable and len(value or "") <= 200 else None  # noqa: PLR2004


def plain_url(url: str) -> str:
    """The address as it is asked for: without what stands behind a #, which no server sees."""
    return url.strip().partition("#")[0]


def key_of(url: str) -> UUID:
    """What an address is known by: the first half of its SHA-256."""
    return UUID(bytes=hashlib.sha256(url.encode()).digest()[:16])


def host_of(url: str) -> str:
    """The host with its port, where it is not the usual one: who is to be spared."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").rstrip(".")
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"
