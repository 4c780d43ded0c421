"""Files that are still being received, in a folder that the processes share."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

FOLDER = "parts"


class PartBusy(Exception):  # noqa: N818 (an answer, not a fault)
    """Another request writes this file."""


class Parts:
    """One file for each name.

    Args:
        folder: Where they are; made when the first one begins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where a file is, whether or not it has begun."""
        return self._folder / name

    def begin(self, name: str) -> None:
        """Make an empty file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.path(name).touch()

    @contextmanager
    def writing(self, name: str, start: int) -> Iterator[BinaryIO]:
        """A file to write from `start` on; what was behind it, unacknowledged, is gone.

        The kernel gives the lock back however its holder dies.

        Raises:
            PartBusy: while another request writes.
            FileNotFoundError: when it has not begun, is over, or lacks bytes before `start`.
        """
        with self.path(name).open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PartBusy(name) from None
            if os.fstat(file.fileno()).st_size < start:
                raise FileNotFoundError(name)
            file.truncate(start)
            file.seek(start)
            yield file

    def remove(self, name: str) -> None:
        """Forget a file; no complaint where there is none."""
        self.path(name).unlink(missing_ok=True)
