"""The port for stored bytes: pictures, their derivatives, checkpoints, shards of features.

Two stores are behind it: a folder, and a bucket of anything that speaks S3.
"""

from pathlib import Path
from typing import BinaryIO, Protocol

from app.blobs.folder import FolderBlobs
from app.blobs.keys import BadKey, BlobMissing, derivative_key, original_key
from app.blobs.objects import ObjectBlobs
from app.domain.location import BucketName
from app.object_store import Bucket
from app.settings import StorageSettings

__all__ = [
    "BadKey", "BlobMissing", "Blobs", "FolderBlobs", "ObjectBlobs", "derivative_key", "open_blobs",
    "original_key",
]  # fmt: skip


class Blobs(Protocol):
    """Bytes by key. What is visible under a key is always whole."""

    def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        """Store bytes durably, in place of what was there. Safe to repeat and to race.

        `media_type` is what browsers are told that are sent to `address`.
        """

    def put_file(self, key: str, source: BinaryIO) -> None:
        """Store what is left to read of a file, as `put` does; it never is in memory as a whole."""

    def move_in(self, key: str, file: Path) -> None:
        """Store a file of this machine and take it away from where it was; without a copy if it can."""

    def get(self, key: str) -> bytes:
        """Read all bytes, or raise BlobMissing."""

    def open(self, key: str) -> BinaryIO:
        """Open for reading in pieces, at any place, or raise BlobMissing. The caller closes."""

    def exists(self, key: str) -> bool:
        """Tell whether anything is stored under this key."""

    def size(self, key: str) -> int:
        """The number of bytes, or raise BlobMissing."""

    def delete(self, key: str) -> None:
        """Forget the bytes; no complaint where there are none."""

    def path(self, key: str) -> Path | None:
        """A local file to read without copying, None where this store has none.

        A store that has raises BlobMissing where there is nothing.
        """

    def address(self, key: str) -> str | None:
        """Where a browser may read this for ADDRESS_LASTS, None where it must ask the app.

        Nobody looks whether anything is there.
        """

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of every `address`, None where there are none."""


def open_blobs(settings: StorageSettings, data_dir: Path) -> Blobs:
    """The store that the operator chose: what web, workers and commands begin with."""
    if settings.blobs is None:
        return FolderBlobs(data_dir / "blobs")
    bucket = Bucket.of(BucketName.of(settings.blobs), settings)
    return ObjectBlobs(bucket, gives_addresses=settings.signed_urls)
