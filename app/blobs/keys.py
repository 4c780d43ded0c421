"""The names under which bytes are stored, and what is wrong with other names."""

import re

# A segment never begins with a dot: no traversal, and temporary files can have no key.
_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
_LONGEST_KEY = 512
_LONGEST_SEGMENT = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE_NAME = re.compile(r"[a-z0-9]+")


class BlobMissing(KeyError):  # noqa: N818 (an answer, not a fault)
    """Nothing is stored under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"nothing is stored under {self.key!r}"


class BadKey(ValueError):  # noqa: N818
    """A key that no blob may have."""


def original_key(sha256: str) -> str:
    """The key of an image as it was sent."""
    return f"originals/{_spread(sha256)}"


def derivative_key(sha256: str, size_name: str) -> str:
    """The key of a small copy of an image."""
    if not _SIZE_NAME.fullmatch(size_name):
        raise BadKey(f"{size_name!r} is no name of a size: use a-z and 0-9")
    return f"derivatives/{size_name}/{_spread(sha256)}.webp"


def checked(key: str) -> str:
    """The key, if a blob may have it; raises BadKey."""
    too_long = len(key) > _LONGEST_KEY or any(
        len(segment) > _LONGEST_SEGMENT for segment in key.split("/")
    )
    if too_long or ".." in key or not _KEY.fullmatch(key):
        raise BadKey(
            f"{key[:80]!r} is no key: use segments of a-z, 0-9, '.', '_' and '-', joined by "
            "'/', none beginning with a dot"
        )
    return key


def _spread(sha256: str) -> str:
    """Two levels of folders keep each small: ten million images are 152 to a folder."""
    if not _SHA256.fullmatch(sha256):
        raise BadKey(f"{sha256!r} is no SHA-256: give 64 lower-case hexadecimal digits")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
