"""Places of bytes that an operator names: buckets, folders, and what lies beneath them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from app.domain.errors import InvalidError

_SCHEME = "s3://"
# Amazon's rules, and the underscores that other servers let through.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class BucketName:
    """A bucket and the beginning of the keys in it, without slashes at its ends."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> Self:
        """Read `s3://bucket/prefix`; raises ValueError."""
        bucket, _, prefix = address.removeprefix(_SCHEME).partition("/")
        prefix = prefix.strip("/")
        segments = prefix.split("/") if prefix else []
        if (
            not address.startswith(_SCHEME)
            or not _BUCKET.fullmatch(bucket)
            or any(segment in ("", ".", "..") or not segment.isprintable() for segment in segments)
        ):
            raise ValueError(
                f"{address!r} names no bucket: write s3://bucket or s3://bucket/prefix"
            )
        return cls(bucket, prefix)

    def key(self, name: str) -> str:
        """The key of what has this name beneath the prefix."""
        return f"{self.prefix}/{name}" if self.prefix and name else self.prefix or name


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_NAME = 1000
"""Bytes of what something is called below its location: the most that an index takes is 2,700."""


@dataclass(frozen=True)
class FolderName:
    """A folder of the server."""

    path: PurePosixPath


Place = BucketName | FolderName


def locations(text: str) -> dict[str, Place]:
    """Read `crawls=/srv/crawls, old=s3://bucket/prefix`: what leads may sync from, by name.

    Raises:
        ValueError: for a name or a place that is none.
    """
    found: dict[str, Place] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, place = (each.strip() for each in part.partition("="))
        if not equals or not _NAME.fullmatch(name) or name in found:
            raise ValueError(f"{part!r} is no location: write name=/folder or name=s3://bucket")
        if place.startswith("/"):
            found[name] = FolderName(PurePosixPath(place))
        else:
            found[name] = BucketName.of(place)
    return found


def location_of(address: str, allowed: Mapping[str, Place]) -> tuple[str, str] | None:
    """The name of the location that an address lies in, and what leads on from there.

    Args:
        address: `s3://bucket/prefix`, or the path of a folder.
        allowed: Places by name; of several that hold the address, the innermost is meant.

    Returns:
        None where none of them holds it, and for what is no address.
    """
    try:
        parts = _parts(next(iter(locations(f"any={address}").values())))
    except ValueError:
        return None
    holding = [
        (len(own), name)
        for name, place in allowed.items()
        if (own := _parts(place)) == parts[: len(own)]
    ]
    if not holding:
        return None
    depth, name = max(holding)
    return name, "/".join(parts[depth:])


def _parts(place: Place) -> tuple[str, ...]:
    if isinstance(place, FolderName):
        return place.path.parts
    return (_SCHEME, place.bucket, *filter(None, place.prefix.split("/")))


def check_prefix(prefix: str) -> str:
    """What is to be synced below a location, without slashes at its ends; empty for all of it.

    Raises:
        InvalidError: for what could lead out of it, or cannot be a path.
    """
    tidy = prefix.strip().strip("/")
    segments = tidy.split("/") if tidy else []
    if (
        len(tidy.encode()) > LONGEST_NAME
        or "\\" in tidy
        or any(each in ("", ".", "..") or not each.isprintable() for each in segments)
    ):
        raise InvalidError(
            "prefix",
            "Give a folder below the location, as in 2026/alps, without .. in it; or leave it out.",
        )
    return tidy
