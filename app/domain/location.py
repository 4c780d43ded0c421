"""Places of bytes that an operator names: buckets, folders, and what lies beneath them."""

import re
from dataclasses import dataclass
from typing import Self

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
