"""Exclusive use of a directory, released by the kernel however its holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Self

from vetted.embedded.errors import AlreadyRunningError


class DirectoryLock:
    """An exclusive lock on `directory`, kept in the file `<name>.lock` inside it.

    flock rather than a file with a process id: there is no stale lock to judge after a kill -9.
    The process id in the file serves the message only.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._path = directory / f"{name}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises:
            AlreadyRunningError: Another process (or another object of this one) holds it.
        """
        # Python's descriptors are not inherited by children: a child never keeps the lock alive.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise self._refusal() from None
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _refusal(self) -> AlreadyRunningError:
        holder = self._holder()
        who = f"process {holder}" if holder else "another process"
        return AlreadyRunningError(
            f"{self._directory} is in use by {who}. Stop it first, or use another data directory.",
            holder,
        )

    def _holder(self) -> int | None:
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        return int(text) if text.isdigit() else None


def is_locked(directory: Path, name: str) -> bool:
    """Whether a living process holds the lock `name` of this directory."""
    path = directory / f"{name}.lock"
    if not path.exists():
        return False
    lock = DirectoryLock(directory, name)
    try:
        lock.acquire()
    except AlreadyRunningError:
        return True
    lock.release()
    return False
