"""The port for stored bytes: pictures, their derivatives, checkpoints, shards of features."""

import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

# A segment never begins with a dot: no traversal, and temporary files can have no key.
_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
_LONGEST_KEY = 512
_LONGEST_SEGMENT = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE_NAME = re.compile(r"[a-z0-9]+")
_TEMPORARY = ".tmp"
_PIECE = 1 << 20


class BlobMissing(KeyError):  # noqa: N818 (an answer, not a fault)
    """Nothing is stored under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"nothing is stored under {self.key!r}"


class BadKey(ValueError):  # noqa: N818
    """A key that no blob may have."""


class Blobs(Protocol):
    """Bytes by key. What is visible under a key is always whole."""

    def put(self, key: str, data: bytes) -> None:
        """Store bytes durably, in place of what was there. Safe to repeat and to race."""

    def put_file(self, key: str, source: BinaryIO) -> None:
        """Store what is left to read of a file, as `put` does; it never is in memory as a whole."""

    def get(self, key: str) -> bytes:
        """Read all bytes, or raise BlobMissing."""

    def open(self, key: str) -> BinaryIO:
        """Open for reading, or raise BlobMissing. The caller closes."""

    def exists(self, key: str) -> bool:
        """Tell whether anything is stored under this key."""

    def size(self, key: str) -> int:
        """The number of bytes, or raise BlobMissing."""

    def delete(self, key: str) -> None:
        """Forget the bytes; no complaint where there are none."""

    def path(self, key: str) -> Path | None:
        """A local file to serve without copying, None where this store has none.

        Raises BlobMissing.
        """


def original_key(sha256: str) -> str:
    """The key of an image as it was sent."""
    return f"originals/{_spread(sha256)}"


def derivative_key(sha256: str, size_name: str) -> str:
    """The key of a small copy of an image."""
    if not _SIZE_NAME.fullmatch(size_name):
        raise BadKey(f"{size_name!r} is no name of a size: use a-z and 0-9")
    return f"derivatives/{size_name}/{_spread(sha256)}.webp"


def _spread(sha256: str) -> str:
    """Two levels of folders keep each small: ten million images are 152 to a folder."""
    if not _SHA256.fullmatch(sha256):
        raise BadKey(f"{sha256!r} is no SHA-256: give 64 lower-case hexadecimal digits")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class FolderBlobs:
    """Blobs as files below one folder, which several processes may share.

    Args:
        root: the folder; made at the first put.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, key: str, data: bytes) -> None:
        """Write beside the target, then rename: a reader sees the old bytes or the new, whole.

        The file and its folder are synced, so what was reported as stored survives a power cut.
        """
        self._write(key, lambda file: file.write(data))

    def put_file(self, key: str, source: BinaryIO) -> None:
        """As `put`, in pieces."""
        self._write(key, lambda file: shutil.copyfileobj(source, file, _PIECE))

    def _write(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        target = self._file(key)
        _make_folder(target.parent)
        # A name of its own for each writer: two of one key race only to the rename.
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_TEMPORARY}")
        try:
            with temporary.open("xb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)

    def get(self, key: str) -> bytes:
        """Read all bytes, or raise BlobMissing."""
        with self.open(key) as file:
            return file.read()

    def open(self, key: str) -> BinaryIO:
        """Open for reading, or raise BlobMissing. The caller closes."""
        try:
            return self._file(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise BlobMissing(key) from error

    def exists(self, key: str) -> bool:
        """Tell whether anything is stored under this key."""
        return self._file(key).is_file()

    def size(self, key: str) -> int:
        """The number of bytes, or raise BlobMissing."""
        with self.open(key) as file:
            return os.fstat(file.fileno()).st_size

    def delete(self, key: str) -> None:
        """Forget the bytes; no complaint where there are none."""
        # Folders stay: removing an empty one would race with a put into it.
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            self._file(key).unlink()

    def path(self, key: str) -> Path:
        """The file itself, to serve without copying, or raise BlobMissing."""
        file = self._file(key)
        if not file.is_file():
            raise BlobMissing(key)
        return file

    def remove_leftovers(self, before: float) -> int:
        """Remove what killed writers left; give the count.

        Args:
            before: seconds since the epoch; younger files may still be being written.
        """
        removed = 0
        for file in self._root.rglob(f".*{_TEMPORARY}"):
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < before:
                    file.unlink()
                    removed += 1
        return removed

    def _file(self, key: str) -> Path:
        too_long = len(key) > _LONGEST_KEY or any(
            len(segment) > _LONGEST_SEGMENT for segment in key.split("/")
        )
        if too_long or ".." in key or not _KEY.fullmatch(key):
            raise BadKey(
                f"{key[:80]!r} is no key: use segments of a-z, 0-9, '.', '_' and '-', joined by "
                "'/', none beginning with a dot"
            )
        return self._root / key


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents so that they survive a power cut."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for step in reversed(missing):
        step.mkdir(exist_ok=True)  # another writer may have been faster
        _sync_folder(step.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is durable once the folder is. Only POSIX can say so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
