"""Archives of strangers: whatever they hold, the answer is a listing or a sentence."""

import contextlib
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import ImportRefusedError
from app.domain.importing import LeftOut
from app.imports.archive import DamagedMemberError, Limits, open_archive, shown
from app.imports.draft import draft
from tests.imports.packing import PICTURE, flowers, tarred, zipped

SMALL = Limits(members=20, total=20_000_000, ratio=50, annotation=100_000)


def refused(file: BinaryIO, name: str = "a.zip", limits: Limits = SMALL) -> str:
    with pytest.raises(ImportRefusedError) as caught:
        draft(open_archive(file, name, limits), limits=limits)
    assert str(caught.value).endswith(".")
    return caught.value.reason


PACKS: list[Callable[..., BinaryIO]] = [
    zipped,
    tarred,
    lambda files: tarred(files, "w:gz"),
    lambda files: tarred(files, "w:bz2"),
]


@pytest.mark.parametrize("pack", PACKS)
def test_zips_and_tars_give_their_files_back(pack: Callable[..., BinaryIO]) -> None:
    files = flowers() | {"flowers/train/Ünïcode 花/a b.jpg": PICTURE}
    archive = open_archive(pack(files), "x")
    assert {name: archive.read(name, 1 << 20) for name in archive.listing.sizes} == files
    assert archive.read("flowers/test/Spring gentian/0.jpg", 5) == PICTURE[:5]


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    "name", ["../up.jpg", "a/../../up.jpg", "/etc/passwd.jpg", "C:\\a.jpg", "..\\up.jpg"]
)
def test_paths_that_lead_out_are_refused(pack: Callable[..., BinaryIO], name: str) -> None:
    assert refused(pack({"Gentian/a.jpg": PICTURE, name: PICTURE})) == "unsafe_path"


@pytest.mark.parametrize("pack", PACKS)
def test_too_many_files_are_refused(pack: Callable[..., BinaryIO]) -> None:
    assert refused(pack({f"a/{index}.jpg": b"x" for index in range(21)})) == "too_many"


def test_a_directory_that_would_fill_the_memory_is_refused_before_it_is_read() -> None:
    assert refused(zipped({f"a/{'x' * 250}{index}.jpg": b"x" for index in range(18)})) == "too_many"


def test_bombs_are_refused_whatever_they_say_of_themselves() -> None:
    zeros = bytes(15_000_000)
    assert refused(zipped({"a/a.jpg": zeros}, zipfile.ZIP_DEFLATED)) == "bomb"
    assert refused(tarred({"a/a.jpg": zeros}, "w:gz")) == "bomb"
    assert refused(tarred({"a/a.jpg": zeros}, "w:bz2")) == "bomb"
    assert refused(zipped({"a/a.jpg": bytes(25_000_000)})) == "too_large"


def test_a_tar_with_an_endless_header_is_refused() -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 500_000_000
    packed = gzip.compress(info.tobuf() + bytes(30_000_000))
    assert refused(io.BytesIO(packed)) == "bomb"


def test_a_zip_whose_members_share_their_bytes_is_refused() -> None:
    data = bytearray(zipped({"a/a.jpg": bytes(4000), "a/b.jpg": b""}).getvalue())  # type: ignore[attr-defined]
    second = data.rfind(b"PK\x01\x02")
    struct.pack_into("<II", data, second + 20, 4000, 4000)
    struct.pack_into("<I", data, second + 42, 0)
    assert refused(io.BytesIO(bytes(data))) in {"bomb", "archive_broken"}


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(zipped({"a/a.jpg": PICTURE}).getvalue())  # type: ignore[attr-defined]
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    assert refused(io.BytesIO(bytes(data))) == "encrypted"


@pytest.mark.parametrize("pack", PACKS)
def test_what_ends_too_early_is_refused(pack: Callable[..., BinaryIO]) -> None:
    whole = pack({"a/a.jpg": PICTURE * 20}).read()
    assert refused(io.BytesIO(whole[: len(whole) // 2])) == "archive_broken"


@pytest.mark.parametrize("magic", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01", b"\xfd7zXZ\x00"])
def test_other_kinds_of_archives_are_named(magic: bytes) -> None:
    assert refused(io.BytesIO(magic + bytes(99))) == "foreign_archive"


def test_archives_within_links_and_second_names_are_faults_of_their_own() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in [("a/1.jpg", PICTURE), ("a/1.jpg", PICTURE), ("a/2.zip", b"PK")]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("a/3.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    listing = open_archive(made, "a.tar").listing
    assert list(listing.sizes) == ["a/1.jpg"]
    assert listing.faults == [
        ("a/1.jpg", LeftOut.DUPLICATE_NAME),
        ("a/2.zip", LeftOut.NESTED_ARCHIVE),
        ("a/3.jpg", LeftOut.NO_FILE),
    ]


def test_hidden_files_are_passed_over() -> None:
    files = {"__MACOSX/a/._1.jpg": b"x", "a/.DS_Store": b"x", "a/Thumbs.db": b"x", "a/1.jpg": b"x"}
    assert list(open_archive(zipped(files), "a").listing.sizes) == ["a/1.jpg"]


def test_a_damaged_member_is_told_apart() -> None:
    data = bytearray(zipped({"a/1.jpg": PICTURE, "a/2.jpg": PICTURE}).getvalue())  # type: ignore[attr-defined]
    data[100] ^= 0xFF
    archive = open_archive(io.BytesIO(bytes(data)), "a.zip")
    with pytest.raises(DamagedMemberError):
        archive.read("a/1.jpg", 1 << 20)
    assert archive.read("a/2.jpg", 1 << 20) == PICTURE


def test_an_annotation_of_hundreds_of_megabytes_is_refused_unread() -> None:
    files = {"a.json": b'{"images": []}' + bytes(200_000), "a.jpg": PICTURE}
    assert refused(zipped(files)) == "annotation_too_large"


def test_names_are_fit_to_be_shown() -> None:
    assert shown("a\x00b\ud800\n.jpg") == "a?b??.jpg"
    assert len(shown("x" * 5000)) <= 255


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_bent_archives_are_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(PACKS))(flowers(1)).read())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(whole)))
    name = data.draw(st.sampled_from(["a.zip", "a.tar", "a", "a.csv", "a.json"]))
    try:
        archive = open_archive(io.BytesIO(bytes(whole[:cut])), name, SMALL)
        told = draft(archive, limits=SMALL)
    except ImportRefusedError:
        return
    for found in told.found:
        with contextlib.suppress(DamagedMemberError):
            archive.read(found.name, 1 << 20)
