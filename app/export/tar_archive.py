"""A tar as a stream, in flat memory."""

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from app.export.members import Member

_BLOCK = tarfile.BLOCKSIZE


def tar_archive(members: Iterable[Member], moment: datetime) -> Iterator[bytes]:
    """The archive in pieces (POSIX pax, so that names may be long and of any script)."""
    for member in members:
        yield _header(member, moment)
        yield from member.pieces()
        yield bytes(-member.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def tar_size(members: Sequence[Member], moment: datetime) -> int:
    """How many bytes `tar_archive` will give; nothing of the members is read."""
    each = (
        len(_header(member, moment)) + member.size + -member.size % _BLOCK for member in members
    )
    return sum(each) + 2 * _BLOCK


def _header(member: Member, moment: datetime) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size = member.size
    info.mtime = int(moment.timestamp())
    info.mode = 0o644
    return info.tobuf(tarfile.PAX_FORMAT)
