"""A crawler's archives: what is whole is taken, what is not is told, whatever is in them."""

import bz2
import contextlib
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.archive import SENTENCES, Fault
from app.domain.errors import ImportRefusedError
from app.imports.archive import Limits
from app.imports.streaming import (
    MOST_OF_SAMPLE,
    MOST_SAMPLE_BYTES,
    Member,
    is_picture,
    members,
    samples,
)
from tests.imports.packing import PICTURE, tarred, zipped

MOST = 100_000
PACKS: list[Callable[..., BinaryIO]] = [
    zipped,
    tarred,
    lambda files: tarred(files, "w:gz"),
    lambda files: tarred(files, "w:bz2"),
]


def read(file: BinaryIO, start: int = 0, limits: Limits | None = None) -> list[Member]:
    more = {} if limits is None else {"limits": limits}
    return list(members(file, "crawl.tar", MOST, start, **more))


def faults(found: list[Member]) -> dict[str, Fault | None]:
    return {member.name: member.fault for member in found}


@pytest.mark.parametrize("pack", PACKS)
def test_members_come_in_order_and_can_be_begun_anywhere(pack: Callable[..., BinaryIO]) -> None:
    files = {
        "b/1.jpg": PICTURE,
        "b/1.json": b"{}",
        "b/1.cls": b"7",
        "a/Größe 花.jpg": PICTURE[:50],
        "a/.hidden.jpg": b"x",
        "__MACOSX/a/1.jpg": b"x",
        "a/large.jpg": bytes(MOST + 9),
        "a/none.jpg": b"",
    }
    found = read(pack(files))
    taken = {member.name: member.data for member in found}
    assert taken == {
        name: content[: MOST + 1]
        for name, content in files.items()
        if name not in {"b/1.cls", "a/.hidden.jpg", "__MACOSX/a/1.jpg"}
    }
    assert [member.position for member in found] == sorted({each.position for each in found})
    for start in range(len(files) + 2):
        assert read(pack(files), start) == [each for each in found if each.position >= start]


def test_what_is_no_file_or_leads_out_is_told_and_the_rest_is_taken() -> None:
    made = io.BytesIO()
    kinds = {
        "link.jpg": tarfile.SYMTYPE,
        "hard.jpg": tarfile.LNKTYPE,
        "null.jpg": tarfile.CHRTYPE,
        "disk.jpg": tarfile.BLKTYPE,
        "pipe.jpg": tarfile.FIFOTYPE,
        "sparse.jpg": tarfile.GNUTYPE_SPARSE,
    }
    names = ["../up.jpg", "a/../../up.jpg", "/etc/passwd.jpg", "C:\\a.jpg", "..\\up.jpg", ".."]
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        for name in (*names, "inner.zip", "shard.tar.gz", "1.jpg"):
            info = tarfile.TarInfo(name)
            info.size = len(PICTURE)
            tar.addfile(info, io.BytesIO(PICTURE))
    made.seek(0)
    assert faults(read(made)) == (
        dict.fromkeys(kinds, Fault.NO_FILE)
        | dict.fromkeys(names, Fault.UNSAFE_PATH)
        | {"inner.zip": Fault.NESTED_ARCHIVE, "shard.tar.gz": Fault.NESTED_ARCHIVE, "1.jpg": None}
    )


@pytest.mark.parametrize("name", ["../up.jpg", "/etc/passwd.jpg", "C:\\a.jpg"])
def test_a_zip_that_leads_out_is_told(name: str) -> None:
    found = faults(read(zipped({name: PICTURE, "a.jpg": PICTURE})))
    assert sorted(found.values(), key=str) == [None, Fault.UNSAFE_PATH]


def test_encrypted_and_damaged_members_of_a_zip_are_told_apart() -> None:
    data = bytearray(zipped({"a.jpg": PICTURE, "b.jpg": PICTURE, "c.jpg": PICTURE}).getvalue())  # type: ignore[attr-defined]
    data[data.find(b"PK\x01\x02") + 8] |= 1
    data[data.rfind(b"PK\x03\x04") + 60] ^= 0xFF
    assert faults(read(io.BytesIO(bytes(data)))) == {
        "a.jpg": Fault.ENCRYPTED,
        "b.jpg": None,
        "c.jpg": Fault.DAMAGED_MEMBER,
    }


@pytest.mark.parametrize("unpack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("cut", [0.5, 0.9], ids=["in a picture", "in the end"])
def test_of_a_tar_that_ends_early_what_is_whole_is_taken(
    unpack: Callable[[bytes], bytes], cut: float
) -> None:
    whole = tarred({f"{index}.jpg": PICTURE for index in range(30)}).read()
    packed = unpack(whole[: int(len(whole) * cut)])
    found = read(io.BytesIO(packed))
    assert (found[-1].name, found[-1].fault) == ("crawl.tar", Fault.ENDS_EARLY)
    taken = [member for member in found if member.fault is None]
    assert len(taken) > 10
    assert all(member.data == PICTURE for member in taken)
    # Whoever goes on behind the end hears of it once.
    assert read(io.BytesIO(packed), found[-1].position + 1) == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_tar_that_was_cut_ends_early(pack: Callable[[bytes], bytes]) -> None:
    whole = pack(tarred({f"{index}.jpg": PICTURE for index in range(300)}).read())
    found = read(io.BytesIO(whole[: len(whole) // 2]))
    assert found[-1].fault is Fault.ENDS_EARLY


def test_garbage_between_members_ends_the_archive() -> None:
    whole = tarred({"1.jpg": PICTURE}).read()[: 512 + len(PICTURE) + -len(PICTURE) % 512]
    found = read(io.BytesIO(whole + b"garbage!" * 200))
    assert list(faults(found).values()) == [None, Fault.ENDS_EARLY]


def test_bombs_end_the_archive_and_what_is_before_is_taken() -> None:
    zeros = {"1.jpg": PICTURE} | {f"{index}.bin": bytes(1_000_000) for index in range(2, 30)}
    for mode in ("w:gz", "w:bz2"):
        found = read(tarred(zeros, mode))
        assert (found[0].data, found[-1].fault) == (PICTURE, Fault.BOMB)
    with pytest.raises(ImportRefusedError) as caught:
        read(zipped(zeros, zipfile.ZIP_DEFLATED))
    assert caught.value.reason == "bomb"
    endless = tarfile.TarInfo("x")
    endless.type, endless.size = tarfile.XHDTYPE, 500_000_000
    found = read(io.BytesIO(gzip.compress(endless.tobuf() + bytes(30_000_000))))
    assert [member.fault for member in found] == [Fault.BOMB]


def test_members_beyond_a_million_are_told() -> None:
    few = Limits(members=20)
    files = {f"{index}.jpg": b"x" for index in range(25)}
    found = read(tarred(files), limits=few)
    assert (len(found), found[-1].fault) == (21, Fault.TOO_MANY)
    with pytest.raises(ImportRefusedError) as caught:
        read(zipped(files), limits=few)
    assert caught.value.reason == "too_many"


def test_a_million_entries_take_little_memory() -> None:
    info = tarfile.TarInfo("a/b.txt").tobuf()
    entries = 200_000

    class Endless(io.RawIOBase):
        """A tar of empty files, made as it is read."""

        place = 0

        def read(self, size: int = -1) -> bytes:
            piece = (info * (size // 512 + 2))[self.place % 512 :][:size]
            piece = piece[: max(entries * 512 - self.place, 0)]
            self.place += len(piece)
            return piece

        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            self.place = offset if whence == io.SEEK_SET else entries * 512 + offset
            return self.place

        def tell(self) -> int:
            return self.place

    seen = sum(1 for _ in members(Endless(), "a.tar", MOST))
    assert seen == entries + 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no_archive"),
        (b"<html>" * 200, "no_archive"),
        (PICTURE, "no_archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "foreign_archive"),
        (b"PK\x03\x04" + bytes(600), "archive_broken"),
    ],
)
def test_what_is_no_archive_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read(io.BytesIO(content))
    assert caught.value.reason == reason
    assert str(caught.value).endswith(".")


def test_a_zip_with_a_lying_directory_is_refused() -> None:
    data = bytearray(zipped({"a.jpg": bytes(4000), "b.jpg": b""}).getvalue())  # type: ignore[attr-defined]
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<II", data, second + 20, 4000, 4000)
    with pytest.raises(ImportRefusedError) as caught:
        read(io.BytesIO(bytes(data)))
    assert caught.value.reason == "bomb"


def test_a_sample_is_what_has_one_key_and_no_key_has_too_many() -> None:
    def named(*names: str) -> Iterator[Member]:
        return (Member(index, name) for index, name in enumerate(names))

    found = [
        [member.name for member in sample]
        for sample in samples(named("a/1.jpg", "a/1.json", "a/2.seg.png", "a/2.json", "b/2.txt"))
    ]
    assert found == [["a/1.jpg", "a/1.json"], ["a/2.seg.png", "a/2.json"], ["b/2.txt"]]
    many = list(samples(named(*(f"a.{index}.jpg" for index in range(MOST_OF_SAMPLE + 5)))))
    assert [len(sample) for sample in many] == [MOST_OF_SAMPLE, 5]
    heavy = (Member(index, f"a.{index}.jpg", bytes(MOST_SAMPLE_BYTES // 2)) for index in range(5))
    assert [len(sample) for sample in samples(heavy)] == [2, 2, 1]
    kinds = [Member(0, "a.jpg"), Member(0, "a.json"), Member(0, "a.jpg", fault=Fault.NO_FILE)]
    assert [is_picture(each) for each in kinds] == [True, False, False]
    assert set(SENTENCES) == set(Fault)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_bent_archives_are_read_or_refused(data: st.DataObject) -> None:
    pack = data.draw(st.sampled_from(PACKS))
    content = bytearray(pack({"a.jpg": PICTURE, "a.json": b"{}", "b/c.jpg": PICTURE}).read())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    with contextlib.suppress(ImportRefusedError):
        found = read(io.BytesIO(bytes(content[:cut])))
        assert all(len(member.data) <= MOST + 1 for member in found)
