"""A tar as a stream, in flat memory."""

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from app.export.members import Member

_BLOCK = tarfile.BLOCKSIZE
_OCTAL = 8**11  # bytes; a larger size needs a header of its own


def tar_archive(members: Iterable[Member], moment: datetime) -> Iterator[bytes]:
    """The archive in pieces (POSIX pax, so that names may be long and of any script)."""
    for member in members:
        yield _header(member, moment)
        yield from member.pieces()
        yield bytes(-member.size % _BLOCK)
    yield bytes(2 * _BLOCK)


def tar_size(members: Sequence[Member], moment: datetime) -> int:
    """How many bytes `tar_archive` will give; nothing of the members is read."""
    each = (_head(member, moment) + member.size + -member.size % _BLOCK for member in members)
    return sum(each) + 2 * _BLOCK


def _head(member: Member, moment: datetime) -> int:
    """Bytes of the header. Almost always a block: making each only to measure it would take long."""
    plain = member.name.isascii() and len(member.name) <= tarfile.LENGTH_NAME
    return _BLOCK if plain and member.size < _OCTAL else len(_header(member, moment))


def _header(member: Member, moment: datetime) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size = member.size
    info.mtime = int(moment.timestamp())
    info.mode = 0o644
    return info.tobuf(tarfile.PAX_FORMAT)
