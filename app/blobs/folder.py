"""Blobs as files."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from app.blobs.keys import BlobMissing, checked

_TEMPORARY = ".tmp"
_PIECE = 1 << 20


class FolderBlobs:
    """Blobs as files below one folder, which several processes may share.

    Args:
        root: the folder; made at the first put.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, key: str, data: bytes, media_type: str | None = None) -> None:  # noqa: ARG002
        """Write beside the target, then rename: a reader sees the old bytes or the new, whole.

        The file and its folder are synced, so what was reported as stored survives a power cut.
        """
        self._write(key, lambda file: file.write(data))

    def put_file(self, key: str, source: BinaryIO) -> None:
        """As `put`, in pieces."""
        self._write(key, lambda file: shutil.copyfileobj(source, file, _PIECE))

    def move_in(self, key: str, file: Path) -> None:
        """Rename it; on another disk, copy it. The file is synced already, or becomes so."""
        target = self._file(key)
        _make_folder(target.parent)
        try:
            file.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with file.open("rb") as source:
                self.put_file(key, source)
            file.unlink()
        else:
            _sync_folder(target.parent)

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

    def address(self, key: str) -> None:
        """None: browsers ask the app."""
        checked(key)

    @property
    def origin(self) -> None:
        """None: there are no addresses."""

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
        return self._root / checked(key)


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
