"""The port for places that the operator lets leads sync from: folders of the server, and buckets.

Whoever writes there may be a stranger. So what leads out of a folder is not followed, and nothing
but plain files is opened.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError

from app.domain.location import BucketName, Place
from app.object_store import Bucket
from app.settings import StorageSettings


@dataclass(frozen=True)
class Found:
    """Something that lies there.

    Attributes:
        name: its path below the location, with forward slashes, as a database can keep it.
        at: what its location knows it by.
        size: bytes.
        stamp: another one when its bytes are others.
    """

    name: str
    at: str
    size: int
    stamp: str


class LocationError(Exception):
    """The place cannot be listed or reached. The text is for the lead."""


class UnreadableError(Exception):
    """This one cannot be read, or is gone by now; others may be whole."""


class Location(Protocol):
    """Named bytes that somebody else puts there."""

    def listing(self, prefix: str) -> Iterator[Found]:
        """All that lies below a folder, as it is found; of one folder in the order of the names.

        Raises:
            LocationError: when it cannot be listed.
        """
        ...

    def read(self, found: Found, most: int) -> bytes:
        """At most so many bytes from its beginning.

        Raises:
            UnreadableError: when this one cannot be read.
            LocationError: when the whole place does not answer.
        """
        ...


def open_location(place: Place, settings: StorageSettings) -> Location:
    """The place that the operator named."""
    if isinstance(place, BucketName):
        return BucketLocation(Bucket.of(place, settings))
    return FolderLocation(Path(place.path))


class FolderLocation:
    """A folder. Links are followed to plain files within it, and nowhere else.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def listing(self, prefix: str) -> Iterator[Found]:
        """See `Location`: files of a folder before the folders in it."""
        start = self._root / prefix
        try:
            inside = start.resolve(strict=True)
        except OSError as error:
            raise LocationError(_no_folder(prefix, error)) from error
        if not inside.is_relative_to(self._root) or not inside.is_dir():
            raise LocationError(f"{prefix or 'The location'} is no folder within the location.")
        yield from self._below(str(start))

    def _below(self, folder: str) -> Iterator[Found]:
        folders = []
        try:
            with os.scandir(folder) as entries:
                there = sorted(entries, key=lambda each: each.name)
        except OSError as error:
            raise LocationError(_no_folder(os.path.relpath(folder, self._root), error)) from error
        for entry in there:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            found = self._found(entry)
            if found is not None:
                yield found
        for each in folders:
            yield from self._below(each)

    def _found(self, entry: "os.DirEntry[str]") -> Found | None:
        at = entry.path
        try:
            if entry.is_symlink():
                at = os.path.realpath(at)
                if not Path(at).is_relative_to(self._root):
                    return None
            about = Path(at).lstat()
        except OSError:
            return None  # it went away meanwhile
        if not stat.S_ISREG(about.st_mode):
            return None
        # Names of other encodings have halves of characters, which no database takes.
        name = os.path.relpath(entry.path, self._root)
        name = name.encode(errors="backslashreplace").decode()
        return Found(name, at, about.st_size, str(about.st_mtime_ns))

    def read(self, found: Found, most: int) -> bytes:
        """See `Location`."""
        try:
            # Not a link that has taken its place since, and no waiting for what is no file by now.
            handle = os.open(found.at, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.EIO):
                raise LocationError(f"The location cannot be read: {error.strerror}.") from error
            raise UnreadableError(found.name) from error
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UnreadableError(found.name)
            return file.read(most)


def _no_folder(folder: str, error: OSError) -> str:
    return f"{folder or 'The location'} cannot be listed: {error.strerror}."


class BucketLocation:
    """A prefix of a bucket.

    Args:
        bucket: where.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def listing(self, prefix: str) -> Iterator[Found]:
        """See `Location`: a thousand for a request, asked for as they are taken."""
        above = f"{self._bucket.name.prefix}/" if self._bucket.name.prefix else ""
        pages = obstore.list(self._bucket.store, self._bucket.key(prefix) or None, chunk_size=1000)
        while True:
            try:
                page = next(pages, None)
            except BaseError as error:
                raise LocationError(f"The bucket cannot be listed: {_first(error)}") from error
            if page is None:
                return
            for each in page:
                stamp = each["e_tag"] or each["last_modified"].isoformat()
                name = each["path"].removeprefix(above)
                yield Found(name, each["path"], each["size"], stamp)

    def read(self, found: Found, most: int) -> bytes:
        """See `Location`: one request."""
        if found.size == 0:
            return b""  # no range fits into nothing
        try:
            got = obstore.get(self._bucket.store, found.at, options={"range": (0, most)})
            return bytes(got.bytes())
        except (FileNotFoundError, PermissionDeniedError) as error:
            raise UnreadableError(found.name) from error
        except BaseError as error:
            raise LocationError(f"The bucket does not answer: {_first(error)}") from error


def _first(error: BaseError) -> str:
    """The first line of what the client says; what follows is for who wrote it."""
    return str(error).partition("\n")[0][:500]
