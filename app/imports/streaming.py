"""Archives of crawlers, member by member: what is whole is taken, and the rest is told.

`archive.py` looks through an archive first and refuses it as a whole: an import is a decision about
a data set. A crawler's archive may hold a million members, end too early and have anything in it; so
here each fault is of one member, and memory holds one member at a time.
"""

import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.domain.archive import Fault
from app.domain.errors import ImportRefusedError
from app.imports.archive import (
    DRIVE,
    MAGIC,
    Limits,
    Stream,
    check_directory,
    check_shares,
    check_sizes,
    refuse_foreign,
    unpacked,
    zip_name,
)
from app.imports.rows import ARCHIVES, folded, is_hidden, suffix_of
from app.imports.sidecars import MOST_BYTES, is_beside, is_sidecar, key_of

LIMITS = Limits(members=1_000_000, total=200_000_000_000)
ZIP_MEMBERS = 200_000
"""A zip's directory is in memory as a whole, so it may have fewer."""
_BLOCK = 512
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, OverflowError,
    RecursionError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file of an archive, or why there is none.

    Attributes:
        position: How many members come before it.
        name: What people read; it never becomes a path.
        data: Its bytes, at most one more than was asked for.
        fault: Why it is not looked at.
    """

    position: int
    name: str
    data: bytes = b""
    fault: Fault | None = None


def members(
    file: BinaryIO, name: str, most: int, start: int = 0, limits: Limits = LIMITS
) -> Iterator[Member]:
    """The members of a zip or a tar (plain, gzip, bzip2), in an order that is always the same.

    Folders, hidden files and labels of training sets are passed over. What ends the archive early is
    a last member with the archive's own name.

    Args:
        file: The bytes, to be read forwards.
        name: What the archive is called.
        most: Bytes of a member; one more is read, which tells that it is too large.
        start: Members before this position are skipped without a look.
        limits: What an archive may hold; of a zip at most ZIP_MEMBERS.

    Raises:
        ImportRefusedError: when it is no archive that can be read at all.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_BLOCK)
    file.seek(0)
    refuse_foreign(head)
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind == "zip":
        return _zip_members(file, size, most, start, limits)
    if kind is None and head[257:262] != b"ustar":
        raise ImportRefusedError(
            "no_archive", "This is no zip and no tar (plain, gzip or bzip2). Pack the folder again."
        )
    return _tar_members(Stream(unpacked(file, kind), size, limits), name, most, start, limits)


def _zip_members(
    file: BinaryIO, size: int, most: int, start: int, limits: Limits
) -> Iterator[Member]:
    limits = replace(limits, members=min(limits.members, ZIP_MEMBERS))
    check_directory(file, size, limits)
    try:
        archive = zipfile.ZipFile(file)
        infos = archive.infolist()
    except _BROKEN:
        raise ImportRefusedError(
            "archive_broken",
            "The archive is damaged or ends too early. Pack it again, or send it again.",
        ) from None
    check_shares(infos, size)
    check_sizes([info.file_size for info in infos], size, limits)
    named = [(zip_name(info), info) for info in infos if not info.is_dir()]
    # Samples together, as in a shard; the sort keeps the order among equals.
    named.sort(key=lambda each: key_of(each[0]))
    return _zip_each(archive, named, most, start)


def _zip_each(
    archive: zipfile.ZipFile,
    named: list[tuple[str, zipfile.ZipInfo]],
    most: int,
    start: int,
) -> Iterator[Member]:
    for position, (name, info) in enumerate(named):
        if position < start or _passed_over(name):
            continue
        mode = info.external_attr >> 16
        plain = stat.S_ISREG(mode) or not stat.S_IFMT(mode)
        fault = _fault(name, plain=plain)
        if fault is None and info.flag_bits & 1:
            fault = Fault.ENCRYPTED
        if fault is not None:
            yield Member(position, name, fault=fault)
            continue
        try:
            with archive.open(info) as member:
                yield Member(position, name, member.read(_most(name, most) + 1))
        except _BROKEN:
            yield Member(position, name, fault=Fault.DAMAGED_MEMBER)


def _tar_members(
    stream: Stream, archive: str, most: int, start: int, limits: Limits
) -> Iterator[Member]:
    position = 0
    ends: Fault | None
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined] # a kilobyte for each
                if position >= limits.members:
                    ends = Fault.TOO_MANY
                    break
                if position >= start and not info.isdir() and not _passed_over(info.name):
                    yield _tar_member(stream, info, position, most)
                position += 1
            else:
                # What tarfile takes for the end: an empty block, or anything that is no header.
                whole = len(stream.last) == _BLOCK and not any(stream.last)
                ends = None if whole else Fault.ENDS_EARLY
    except ImportRefusedError as refused:
        ends = Fault.BOMB if refused.reason == "bomb" else Fault.ENDS_EARLY
    except _BROKEN:
        ends = Fault.ENDS_EARLY
    if ends is not None and position >= start:
        yield Member(position, archive, fault=ends)


def _tar_member(stream: Stream, info: tarfile.TarInfo, position: int, most: int) -> Member:
    fault = _fault(info.name, plain=info.isreg() and not info.issparse())
    if fault is not None:
        return Member(position, info.name, fault=fault)
    wanted = min(info.size, _most(info.name, most) + 1)
    stream.seek(info.offset_data)
    data = stream.read_all(wanted)
    if len(data) < wanted:
        return Member(position, info.name, fault=Fault.DAMAGED_MEMBER)
    return Member(position, info.name, data)


def _most(name: str, most: int) -> int:
    return min(most, MOST_BYTES) if is_sidecar(name) else most


_LEADS_OUT = re.compile(r"(^|/)\.\.(/|$)")


def _fault(name: str, *, plain: bool) -> Fault | None:
    """Why a member is not looked at."""
    slashes = name.replace("\\", "/")
    if slashes.startswith("/") or DRIVE.match(slashes) or _LEADS_OUT.search(slashes):
        return Fault.UNSAFE_PATH
    if not plain:
        return Fault.NO_FILE
    return Fault.NESTED_ARCHIVE if suffix_of(slashes) in ARCHIVES else None


def _passed_over(name: str) -> bool:
    plain = folded(name)
    # A name that leads out is told, hidden or not.
    hidden = is_hidden(plain) and ".." not in plain.split("/")
    return hidden or (is_beside(plain) and not is_sidecar(plain))


MOST_OF_SAMPLE, MOST_SAMPLE_BYTES = 64, 64_000_000
"""Members of one sample that are looked at together, and their bytes: they are in memory."""


def samples(found: Iterator[Member]) -> Iterator[list[Member]]:
    """Members that follow one another and have one key: a picture and what lies beside it."""
    sample: list[Member] = []
    size = 0
    for member in found:
        follows = sample and key_of(member.name) == key_of(sample[0].name)
        full = len(sample) == MOST_OF_SAMPLE or size >= MOST_SAMPLE_BYTES
        if sample and (full or not follows):
            yield sample
            sample, size = [], 0
        sample.append(member)
        size += len(member.data)
    if sample:
        yield sample


def is_picture(member: Member) -> bool:
    """Whether a member is looked at, and no sidecar."""
    return member.fault is None and not is_sidecar(member.name)
