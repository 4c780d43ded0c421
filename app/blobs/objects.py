"""Blobs as objects in a bucket. docs/decisions/object-storage.md says why and what that costs."""

import io
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PreconditionError

from app.blobs.keys import BlobMissing, checked
from app.object_store import Bucket

ADDRESS_LASTS = timedelta(minutes=5)
_PART = 8 << 20  # bytes; a store takes 10,000 parts: 80 GB
_PARTS_AT_ONCE = 2
_PIECE = 2 << 20  # bytes read ahead of who reads a file
_IMMUTABLE = "private, max-age=31536000, immutable"


class ObjectBlobs:
    """Blobs as objects below one prefix, which several machines may share.

    Args:
        bucket: where.
        gives_addresses: whether browsers may be sent there for pictures.
    """

    def __init__(self, bucket: Bucket, *, gives_addresses: bool = False) -> None:
        self._bucket = bucket
        self._store = bucket.store
        self._gives_addresses = gives_addresses

    def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        """Store bytes; a reader sees the old object or the new one, whole: the store sees to that."""
        path = self._path(key)
        # What is read by address is named by its content and never changes.
        told = {"Content-Type": media_type, "Cache-Control": _IMMUTABLE} if media_type else None
        obstore.put(self._store, path, data, attributes=told, use_multipart=len(data) > _PART)

    def put_file(self, key: str, source: BinaryIO) -> None:
        """As `put`, in parts; what breaks off leaves the old object and no parts."""
        path = self._path(key)
        first = _read(source, _PART)
        if len(first) < _PART:  # a store wants at least one part, and none that is empty
            obstore.put(self._store, path, first, use_multipart=False)
            return
        pieces = chain([first], _pieces(source))
        obstore.put(self._store, path, pieces, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    def move_in(self, key: str, file: Path) -> None:
        """Send it there, then remove it here."""
        with file.open("rb") as source:
            self.put_file(key, source)
        file.unlink()

    def get(self, key: str) -> bytes:
        """Read all bytes, or raise BlobMissing."""
        try:
            return bytes(obstore.get(self._store, self._path(key)).bytes())
        except FileNotFoundError as error:
            raise BlobMissing(key) from error

    def open(self, key: str) -> BinaryIO:
        """Open for reading, or raise BlobMissing. The caller closes."""
        path = self._path(key)
        try:
            return io.BufferedReader(_Object(self._bucket, path))
        except FileNotFoundError as error:
            raise BlobMissing(key) from error

    def exists(self, key: str) -> bool:
        """Tell whether anything is stored under this key."""
        try:
            self.size(key)
        except BlobMissing:
            return False
        return True

    def size(self, key: str) -> int:
        """The number of bytes, or raise BlobMissing."""
        try:
            return obstore.head(self._store, self._path(key))["size"]
        except FileNotFoundError as error:
            raise BlobMissing(key) from error

    def delete(self, key: str) -> None:
        """Forget the bytes; no complaint where there are none."""
        obstore.delete(self._store, self._path(key))

    def path(self, key: str) -> None:
        """None: an object is no file."""
        checked(key)

    def address(self, key: str) -> str | None:
        """An address signed for ADDRESS_LASTS, None where the operator does not want that."""
        path = self._path(key)
        if not self._gives_addresses:
            return None
        return obstore.sign(self._store, "GET", path, ADDRESS_LASTS)

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the addresses, None where none are given."""
        address = self.address("any")
        if address is None:
            return None
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}"

    def _path(self, key: str) -> str:
        return self._bucket.key(checked(key))


def _read(source: BinaryIO, most: int) -> bytes:
    """So many bytes, fewer only at the end of the file; one `read` may give less."""
    pieces = []
    while most > 0 and (piece := source.read(min(most, 1 << 20))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(1 << 20):
        yield piece


class _Object(io.RawIOBase):
    """An object as a file: read ahead in pieces, small objects in one request."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        self._store = bucket.store
        self._path = path
        self._place = 0
        self._start = 0  # where the piece at hand begins
        try:
            got = obstore.get(self._store, path, options={"range": (0, _PIECE)})
            self._piece, told = memoryview(bytes(got.bytes())), got.meta
        except BaseError:
            # An empty object has no range at all.
            self._piece, told = memoryview(b""), obstore.head(self._store, path)
            if told["size"] > 0:
                raise
        self._size, self._version = told["size"], told["e_tag"]

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; nothing is read yet."""
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        place = begins[whence] + offset
        if place < 0:
            raise ValueError("cannot go in front of the first byte")
        self._place = place
        return place

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        """Fill a buffer as far as the piece at hand reaches."""
        if self._place >= self._size:
            return 0
        if not self._start <= self._place < self._start + len(self._piece):
            self._fetch()
        inside = self._place - self._start
        count = min(len(buffer), len(self._piece) - inside)
        buffer[:count] = self._piece[inside : inside + count]
        self._place += count
        return count

    def _fetch(self) -> None:
        end = min(self._place + _PIECE, self._size)
        try:
            got = obstore.get(
                self._store,
                self._path,
                # Two pieces of two objects would be neither of them.
                options={"range": (self._place, end), "if_match": self._version},
            )
        except (FileNotFoundError, PreconditionError) as error:
            raise OSError("what is stored was replaced while it was read") from error
        self._piece = memoryview(bytes(got.bytes()))
        self._start = self._place
