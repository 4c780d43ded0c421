"""A zip as a stream, in memory that does not grow with the number of its members.

The libraries that stream zips keep an object for each member until the end (zipstream-ng: 56 MB
for 100,000 pictures); here the central directory waits in a temporary file. Each member is read
twice, first for its checksum: with checksum and size in front of the bytes every reader can unpack
the archive as it comes in. Pictures are stored, not deflated: they are compressed already.
"""

import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from zipfile import ZIP_STORED, ZipInfo

from app.export.members import PIECE, Member

_UNIX = 3
_MODE = 0o100644
_SMALL = 0xFFFFFFFF  # what needs more than 32 bits stands in an extra field (zip64)
_ZIP64 = 45  # the version of the specification that knows zip64
_UTF8 = 0x800
_MANY = 0xFFFF  # members
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")


def zip_archive(members: Iterable[Member], moment: datetime) -> Iterator[bytes]:
    """The archive in pieces; every member carries this time (whole even seconds of UTC)."""
    with tempfile.TemporaryFile() as directory:
        count = offset = 0
        for member in members:
            info = _info(member, moment)
            directory.write(_central_record(info, offset))
            for piece in chain([info.FileHeader()], member.pieces()):
                offset += len(piece)
                yield piece
            count += 1
        length = directory.tell()
        directory.seek(0)
        while piece := directory.read(PIECE):
            yield piece
        yield _end(count, length, offset)


def _info(member: Member, moment: datetime) -> ZipInfo:
    info = ZipInfo(member.name, moment.astimezone(UTC).timetuple()[:6])
    info.compress_type = ZIP_STORED
    info.create_system = _UNIX
    info.external_attr = _MODE << 16
    info.CRC = 0
    for piece in member.pieces():
        info.CRC = zlib.crc32(piece, info.CRC)
    info.file_size = info.compress_size = member.size
    return info


def _central_record(info: ZipInfo, offset: int) -> bytes:
    name = info.filename.encode()
    large = [value for value in (info.file_size, info.compress_size, offset) if value >= _SMALL]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    year, month, day, hour, minute, second = info.date_time
    return (
        _CENTRAL.pack(
            b"PK\x01\x02",
            _UNIX << 8 | _ZIP64,
            _ZIP64 if large else info.extract_version,
            0 if info.filename.isascii() else _UTF8,
            ZIP_STORED,
            hour << 11 | minute << 5 | second // 2,
            (year - 1980) << 9 | month << 5 | day,
            info.CRC or 0,
            min(info.compress_size, _SMALL),
            min(info.file_size, _SMALL),
            len(name),
            len(extra),
            0,  # comment
            0,  # disk
            0,  # internal attributes
            info.external_attr,
            min(offset, _SMALL),
        )
        + name
        + extra
    )


def _end(count: int, length: int, offset: int) -> bytes:
    end = b""
    if count >= _MANY or length >= _SMALL or offset >= _SMALL:
        end += _END64.pack(
            b"PK\x06\x06", 44, _ZIP64, _ZIP64, 0, 0, count, count, length, offset
        ) + _LOCATOR.pack(b"PK\x06\x07", 0, offset + length, 1)
    few, short, near = min(count, _MANY), min(length, _SMALL), min(offset, _SMALL)
    return end + _END.pack(b"PK\x05\x06", 0, 0, few, few, short, near, 0)
