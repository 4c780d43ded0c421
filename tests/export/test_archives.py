"""The archives themselves, and the rows that they are made of, without web or database."""

import io
import json
import tarfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export import web_dataset
from app.export.formats import Format, write
from app.export.members import DamagedPictureError, Member, small, spooled
from app.export.names import folder_names
from app.export.rows import About, NamedCategory, Row, Selection, spool
from app.export.tar_archive import tar_archive, tar_size
from app.export.zip_archive import zip_archive

NOON = datetime(2026, 11, 20, 12, 30, 42, tzinfo=UTC)
Archive = Callable[[Iterable[Member], datetime], Iterator[bytes]]
CONTENT = {
    "ABOUT.json": b"{}",
    "train/Gl\u00f6ckchen/a.jpg": bytes(range(256)) * 9_000,  # more than a piece
    "train/" + "d" * 120 + "/" + "e" * 120: b"long",  # no room in the header of an old tar
    "empty": b"",
}


def members(content: dict[str, bytes]) -> list[Member]:
    return [small(name, data) for name, data in content.items()]


def test_a_zip_is_read_as_what_was_written() -> None:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zip_archive(members(CONTENT), NOON))))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == CONTENT
    for info in archive.infolist():
        assert info.date_time == (2026, 11, 20, 12, 30, 42)
        assert info.flag_bits & 0x08 == 0  # the size stands in front: it unpacks as it comes in


def test_a_tar_is_read_as_what_was_written() -> None:
    data = b"".join(tar_archive(members(CONTENT), NOON))
    assert len(data) == tar_size(members(CONTENT), NOON)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]
        assert {each.mtime for each in archive} == {NOON.timestamp()}
    assert found == CONTENT


def test_a_zip_may_have_more_members_than_sixteen_bits_count() -> None:
    many = (small(str(number), b"") for number in range(66_000))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(zip_archive(many, NOON))))
    assert len(archive.namelist()) == 66_000


def test_a_zip_may_lie_beyond_what_thirty_two_bits_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nulls as a hole in the file: gigabytes that take neither time nor room.
    hole, size = bytes(1 << 26), (1 << 32) + (1 << 26)
    huge = Member("huge", size, lambda: iter([hole] * (size // len(hole))))
    monkeypatch.setattr("app.export.zip_archive.zlib.crc32", lambda *_: 0)
    with (tmp_path / "large.zip").open("wb") as file:
        for piece in zip_archive([huge, small("last", b"here")], NOON):
            if piece is hole:
                file.seek(len(piece), io.SEEK_CUR)
            else:
                file.write(piece)
    monkeypatch.undo()
    archive = zipfile.ZipFile(tmp_path / "large.zip")
    assert archive.getinfo("huge").file_size == size
    assert archive.getinfo("last").header_offset > 1 << 32
    with archive.open("huge") as opened:
        assert opened.read(9) == bytes(9)
    raw = (tmp_path / "large.zip").open("rb")
    with raw:
        raw.seek(archive.getinfo("last").header_offset + len("last") + 30)
        assert raw.read(4) == b"here"


@pytest.mark.parametrize("archive", [zip_archive, tar_archive])
def test_memory_does_not_grow_with_the_members(archive: Archive) -> None:
    def peak(count: int) -> int:
        def each() -> Iterator[Member]:
            for number in range(count):
                yield small(f"train/category/{number:064}.jpg", b"x" * 100)

        tracemalloc.start()
        for _ in archive(each(), NOON):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = peak(12_000)  # more would do as well, but for the time
    assert peak(24_000) < few + 100_000


def test_a_spooled_member_can_be_read_twice() -> None:
    member = spooled("a", iter([b"one", b"two" * 1_000_000]))
    assert member.size == 3_000_003
    assert b"".join(member.pieces()) == b"".join(member.pieces()) == b"one" + b"two" * 1_000_000


# Rows


def row(number: int, **values: Any) -> Row:
    facts: dict[str, Any] = {
        "sha256": f"{number:064x}",
        "size": 5,
        "suffix": ".jpg",
        "part": "train",
        "label": 0,
        "category": "Aster",
        "scientific_name": "",
        "folder": "Aster",
        "provenance": "seed",
        "width": 2,
        "height": 3,
        "sources": [],
    }
    return Row(**{**facts, **values})


def selection(rows: list[Row], read: Callable[[str], Any] | None = None) -> Selection:
    counts = {part: sum(each.part == part for each in rows) for part in {r.part for r in rows}}
    about = About("Flowers", "flowers", 1, "0" * 64, NOON, "seeds", len(rows), 0, {}, counts)
    return Selection(
        about=about,
        categories=[NamedCategory(0, "Aster", "", "Aster")],
        rows=spool(rows),
        read=read or (lambda _: io.BytesIO(b"12345")),
    )


def test_readers_of_spooled_rows_do_not_disturb_each_other() -> None:
    rows = [row(number, sources=[{"url": "\u00e9" * 300}]) for number in range(2_000)]
    read = spool(rows)
    one, other = read(), read()
    pairs = [(next(one), next(other)) for _ in rows]
    assert pairs == [(each, each) for each in rows]
    assert list(one) == list(other) == []
    assert list(read()) == rows


@pytest.mark.parametrize("kind", list(Format))
def test_every_format_takes_a_selection_without_rows(kind: Format) -> None:
    assert isinstance(b"".join(write(kind, selection([]))), bytes)


@pytest.mark.parametrize("stored", [b"1234", b"123456", b""])
@pytest.mark.parametrize("kind", [Format.IMAGE_FOLDER, Format.IMAGE_FOLDER_TAR, Format.WEB_DATASET])
def test_a_damaged_picture_breaks_the_download_off(kind: Format, stored: bytes) -> None:
    damaged = selection([row(1)], lambda _: io.BytesIO(stored))
    with pytest.raises(DamagedPictureError, match="should have 5 bytes"):
        list(write(kind, damaged))


def test_a_picture_that_is_the_negative_of_two_categories_keeps_two_names() -> None:
    rows = [replace(row(7), part="hard_negatives", label=label) for label in (0, 1)]
    data = b"".join(write(Format.HUGGING_FACE, selection(rows)))
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert len(names) == len(set(names))
    assert sum(name.endswith(".jpg") for name in names) == 2


def test_shards_are_cut_by_samples_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_dataset, "MOST_SAMPLES", 3)
    monkeypatch.setattr(web_dataset, "MOST_BYTES", 14)
    data = b"".join(write(Format.WEB_DATASET, selection([row(n) for n in range(5)])))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        shards = [name for name in archive.getnames() if name.startswith("train-")]
        assert shards == ["train-000000.tar", "train-000001.tar", "train-000002.tar"]
        sizes = []
        for name in shards:
            opened = archive.extractfile(name)
            assert opened is not None
            with tarfile.open(fileobj=io.BytesIO(opened.read())) as shard:
                sizes.append(len(shard.getnames()) // 3)
    assert sizes == [2, 2, 1]


def test_coco_is_valid_json_whatever_is_in_the_names() -> None:
    nasty = 'a"b\\c\u2028'
    rows = [row(1, category=nasty, sources=[{"licence": nasty}])]
    read = json.loads(b"".join(write(Format.COCO, selection(rows))))
    assert [each["name"] for each in read["licenses"]] == [nasty]


# Names


@given(st.lists(st.text(max_size=300), max_size=8))
def test_folders_are_safe_and_never_shared(names: list[str]) -> None:
    folders = folder_names(names)
    assert len(folders) == len(names)
    assert len({unicodedata.normalize("NFKC", each).casefold() for each in folders}) == len(names)
    for folder in folders:
        assert 0 < len(folder.encode()) <= 255
        assert folder[0] not in ".-_ "
        assert folder[-1] not in ". "
        assert not set(folder) & set('/\\:*?"<>|\0\n\r')


def test_folders_keep_what_they_can() -> None:
    names = ["Glo\u0308ckchen", "a/b", "../..", "CON", "com1.x", "A b", "a_b", "\u8349", ""]
    assert folder_names(names) == [
        "Gl\u00f6ckchen", "a_b", "category", "category-CON", "category-com1.x",
        "A_b-6", "a_b-7", "\u8349", "category-9",
    ]  # fmt: skip
