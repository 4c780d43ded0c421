"""Zips and tars of strangers, read from a file where they lie: never unpacked, never whole in memory.

What is dangerous refuses the archive: paths that lead out of it, encryption, sizes that no set of
pictures has. What is only useless (links, archives within) is a fault of that member.
"""

import bz2
import gzip
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from app.domain.errors import ImportRefusedError
from app.domain.importing import LeftOut
from app.imports.rows import ARCHIVES, folded, is_hidden, suffix_of


@dataclass(frozen=True)
class Limits:
    """What an archive may hold.

    Attributes:
        members: the most files in it.
        total: the most bytes of all of them, unpacked.
        ratio: the most unpacked bytes for each packed one; pictures hardly shrink.
        annotation: the most bytes of an annotation file.
    """

    members: int = 200_000
    total: int = 50_000_000_000
    ratio: int = 200
    annotation: int = 64_000_000


LIMITS = Limits()
_SMALL = 10_000_000  # a ratio says nothing about less than this
_PIECE = 1 << 20
_HEADERS = 4 << 20  # bytes of a tar's header that are read at once, at most
_DIRECTORY = 160  # bytes of a zip's directory for each member, on average, at most
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_BEYOND = 0xFFFFFFFF  # the number stands elsewhere (zip64)
DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST = 255  # characters of a name as it is shown
MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PK\x07\x08": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
}
_FOREIGN = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


class DamagedMemberError(Exception):
    """A member cannot be read; the others may be whole."""


@dataclass
class Listing:
    """What is in an archive: each file's size by its path, in order, and what is useless in it."""

    sizes: dict[str, int] = field(default_factory=dict)
    faults: list[tuple[str, LeftOut]] = field(default_factory=list)


class Archive(Protocol):
    """Named files, to be read in their order: a packed tar is read forwards."""

    listing: Listing

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a file, at most this many of them; raises DamagedMemberError."""
        ...


def open_archive(file: BinaryIO, name: str, limits: Limits = LIMITS) -> Archive:
    """Look through what was sent: a zip, a tar (plain, gzip, bzip2), or an annotation file alone.

    Args:
        file: The bytes; it stays open as long as the archive is used.
        name: What the file is called.
        limits: What it may hold.

    Raises:
        ImportRefusedError: with what is wrong and what to do.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    if not head:
        raise ImportRefusedError("empty", "The file is empty. Send a zip or a tar with pictures.")
    refuse_foreign(head)
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind == "zip":
        return _Zip(file, size, limits)
    if kind is not None or head[257:262] == b"ustar":
        return _Tar(file, size, kind, limits)
    if suffix_of(name) in {".zip", ".tar", ".tgz", ".gz", ".bz2"}:
        raise _broken()
    return _Alone(file, name, size)


def refuse_foreign(head: bytes) -> None:
    """Refuse archives that are not read, by their first bytes; raises ImportRefusedError."""
    if head.startswith(_FOREIGN):
        raise ImportRefusedError(
            "foreign_archive", "This kind of archive is not read. Pack the folder as zip or tar."
        )


class _Alone:
    """One file: an annotation without its pictures, or a picture."""

    def __init__(self, file: BinaryIO, name: str, size: int) -> None:
        self._file = file
        self.listing = Listing({folded(name).rpartition("/")[2] or "file": size})

    def read(self, name: str, most: int) -> bytes:
        """See `Archive`."""
        assert name in self.listing.sizes  # noqa: S101 - names come from the listing
        self._file.seek(0)
        return self._file.read(most)


class _Zip:
    """A zip, by its directory."""

    def __init__(self, file: BinaryIO, size: int, limits: Limits) -> None:
        check_directory(file, size, limits)
        with _reading_zip():
            self._zip = zipfile.ZipFile(file)
            infos = self._zip.infolist()
        if any(info.flag_bits & 1 for info in infos):
            raise ImportRefusedError(
                "encrypted", "The archive is encrypted. Pack the pictures without a password."
            )
        check_shares(infos, size)
        check_sizes([info.file_size for info in infos], size, limits)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self.listing = Listing()
        for info in infos:
            if info.is_dir():
                continue
            name = _checked(zip_name(info))
            mode = info.external_attr >> 16
            plain = stat.S_ISREG(mode) or not stat.S_IFMT(mode)
            if _enlist(self.listing, name, info.file_size, plain=plain):
                self._infos[name] = info

    def read(self, name: str, most: int) -> bytes:
        """See `Archive`."""
        try:
            with self._zip.open(self._infos[name]) as member:
                return member.read(most)
        except (
            zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
            ValueError,
        ) as error:  # fmt: skip
            raise DamagedMemberError(name) from error


class _Tar:
    """A tar, by the places of its files."""

    def __init__(self, file: BinaryIO, size: int, packed: str | None, limits: Limits) -> None:
        self._stream = Stream(unpacked(file, packed), size, limits)
        self._places: dict[str, int] = {}
        self.listing = Listing()
        with _reading_tar():
            for info in _tar_members(self._stream):
                if len(self.listing.sizes) + len(self.listing.faults) >= limits.members:
                    raise _too_many(limits)
                if info.isdir():
                    continue
                name = _checked(info.name)
                if info.size < 0:
                    raise tarfile.ReadError
                plain = info.isreg() and not info.issparse()
                if _enlist(self.listing, name, info.size, plain=plain):
                    self._places[name] = info.offset_data
            check_sizes(list(self.listing.sizes.values()), size, limits)
            if packed is None and self._end() > size:
                raise tarfile.ReadError

    def _end(self) -> int:
        return max(
            (place + self.listing.sizes[name] for name, place in self._places.items()), default=0
        )

    def read(self, name: str, most: int) -> bytes:
        """See `Archive`."""
        wanted = min(self.listing.sizes[name], most)
        try:
            self._stream.seek(self._places[name])
            data = self._stream.read_all(wanted)
        except (OSError, EOFError, zlib.error) as error:
            raise DamagedMemberError(name) from error
        if len(data) < wanted:
            raise DamagedMemberError(name)
        return data


class Stream(io.RawIOBase):
    """An unpacked tar that gives no more than a set of pictures has, and no endless header.

    `last` is what was read last: what a tar's reader took for the end.
    """

    def __init__(self, file: BinaryIO, packed: int, limits: Limits) -> None:
        self._file = file
        self._most = min(limits.total, max(packed * limits.ratio, _SMALL))
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        """Bytes; raises ImportRefusedError beyond what is plausible."""
        if not 0 <= size <= _HEADERS:
            raise _bomb()
        self.last = self._file.read(size)
        if self._file.tell() > self._most:
            raise _bomb()
        return self.last

    def read_all(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        pieces = []
        while size > 0 and (piece := self.read(min(size, _PIECE))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; a lie about a size must not unpack without end."""
        if whence == io.SEEK_SET and offset > self._most:
            raise _bomb()
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        """Always."""
        return True


def unpacked(file: BinaryIO, packed: str | None) -> BinaryIO:
    """The file as it is without `gzip` or `bzip2`, read in pieces."""
    if packed == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[return-value]
    if packed == "bzip2":
        return bz2.BZ2File(file)  # type: ignore[return-value]
    return file


def _tar_members(stream: Stream) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined] # it would keep a kilobyte for each
            yield info


def check_shares(infos: Sequence[zipfile.ZipInfo], packed: int) -> None:
    """Refuse a zip whose members share their bytes: packed, they have more than it has."""
    if sum(info.compress_size for info in infos) > packed:
        raise _bomb()


def check_sizes(sizes: Sequence[int], packed: int, limits: Limits = LIMITS) -> None:
    """Refuse what no set of pictures has: too many files, too many bytes, bytes out of nothing.

    Raises:
        ImportRefusedError: with what to do.
    """
    if len(sizes) > limits.members:
        raise _too_many(limits)
    total = sum(sizes)
    if total > limits.total:
        raise ImportRefusedError(
            "too_large",
            "Unpacked, the archive has {size} GB; the limit is {most} GB. Import it in parts.",
            size=total // 1_000_000_000,
            most=limits.total // 1_000_000_000,
        )
    if total > _SMALL and total > packed * limits.ratio:
        raise _bomb()


def _too_many(limits: Limits) -> ImportRefusedError:
    return ImportRefusedError(
        "too_many",
        "The archive has more than {most} files. Import it in parts.",
        most=f"{limits.members:,}",
    )


def _bomb() -> ImportRefusedError:
    return ImportRefusedError(
        "bomb",
        "The archive unpacks to far more than it has: no set of pictures does. "
        "Pack the pictures again, without compressing them.",
    )


@contextmanager
def _reading_zip() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OSError) as error:
        raise _broken() from error


@contextmanager
def _reading_tar() -> Iterator[None]:
    try:
        yield
    except (
        tarfile.TarError, OSError, EOFError, zlib.error, ValueError, OverflowError, struct.error,
        RecursionError,
    ) as error:  # fmt: skip
        raise _broken() from error


def _broken() -> ImportRefusedError:
    return ImportRefusedError(
        "archive_broken",
        "The archive is damaged or ends too early. Pack it again, or send it again.",
    )


def check_directory(file: BinaryIO, size: int, limits: Limits) -> None:
    """Refuse a directory that would fill the memory; zipfile reads all of it at once.

    Raises:
        ImportRefusedError: also when there is none.
    """
    tail = min(size, _END.size + 0xFFFF)
    file.seek(size - tail)
    data = file.read(tail)
    place = data.rfind(b"PK\x05\x06")
    if place < 0 or len(data) - place < _END.size:
        raise _broken()
    length = _END.unpack_from(data, place)[5]
    at = size - tail + place - _LOCATOR.size
    if length == _BEYOND and at >= 0:
        length = _directory64(file, at)
    file.seek(0)
    if length > limits.members * _DIRECTORY:
        raise _too_many(limits)


def _directory64(file: BinaryIO, at: int) -> int:
    file.seek(at)
    locator = file.read(_LOCATOR.size)
    if not locator.startswith(b"PK\x06\x07"):
        raise _broken()
    # Where zipfile looks, too: right in front of the locator, whatever that says.
    file.seek(max(at - _END64.size, 0))
    end = file.read(_END64.size)
    if len(end) < _END64.size or not end.startswith(b"PK\x06\x06"):
        raise _broken()
    length: int = _END64.unpack(end)[8]
    return length


def zip_name(info: zipfile.ZipInfo) -> str:
    """The name; zips that say nothing about their script are mostly UTF-8 all the same."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _checked(name: str) -> str:
    plain = name.replace("\\", "/")
    if plain.startswith("/") or DRIVE.match(plain) or ".." in plain.split("/"):
        raise ImportRefusedError(
            "unsafe_path",
            "The archive has a path that leads out of it: {name}. Pack it again with relative paths.",
            name=shown(name),
        )
    return folded(name)


def shown(name: str) -> str:
    """A name fit for an answer and for a row: no control characters, no halves of characters."""
    kept = "".join(each if each.isprintable() else "?" for each in name[:512])
    return kept if len(kept) <= _LONGEST else f"{kept[:100]}\N{HORIZONTAL ELLIPSIS}{kept[-150:]}"


def _enlist(listing: Listing, name: str, size: int, *, plain: bool) -> bool:
    """Note a member; whether it can be read."""
    if not name or is_hidden(name):
        return False
    if not plain:
        listing.faults.append((name, LeftOut.NO_FILE))
    elif suffix_of(name) in ARCHIVES:
        listing.faults.append((name, LeftOut.NESTED_ARCHIVE))
    elif name in listing.sizes:
        listing.faults.append((name, LeftOut.DUPLICATE_NAME))
    else:
        listing.sizes[name] = size
        return True
    return False
