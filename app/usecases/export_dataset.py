"""A dataset version as a streamed ImageFolder zip with its manifest."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, aliased, sessionmaker
from zipstream import ZIP_STORED, ZipStream

from app.blobs import Blobs, original_key
from app.db.tables import (
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    Project,
    Round,
    Source,
)
from app.domain.errors import NotFoundError
from app.pictures import PictureFormat

_CHUNK = 1 << 20
_BATCH = 1000
# Characters: up to four bytes each and an id stay within the 255 bytes of common file systems.
_LONGEST_FOLDER = 60


@dataclass(frozen=True)
class Row:
    """One line of the manifest: a file of the zip and where it came from."""

    file: str
    sha256: str
    part: str
    category: str
    scientific_name: str
    provenance: str
    width: int
    height: int
    url: str | None
    author: str | None
    licence: str | None
    tags: list[str]
    crawled_at: str | None
    sources: list[dict[str, Any]]


def version_to_export(session: Session, project: Project, number: int | None) -> DatasetVersion:
    """The version with this number, or the newest.

    Raises:
        NotFoundError: when there is none (before the first round starts nothing is frozen).
    """
    query = select(DatasetVersion).where(DatasetVersion.project_id == project.id)
    if number is not None:
        query = query.where(DatasetVersion.number == number)
    version = session.scalar(query.order_by(DatasetVersion.number.desc()).limit(1))
    if version is None:
        raise NotFoundError("dataset version", number or "newest")
    return version


def export_zip(
    sessions: sessionmaker[Session], blobs: Blobs, project: Project, version: DatasetVersion
) -> Iterator[bytes]:
    """The zip in pieces, in memory that does not grow with the dataset.

    `train/`, `test/` and `hard_negatives/` each hold a folder for each category. A hard negative
    lies in the folder of the category that it is NOT. `manifest.csv` and `manifest.jsonl` have a line
    for each file. A version is frozen, so that the queries of one export agree with each other.
    """
    archive = ZipStream(compress_type=ZIP_STORED, sized=False)
    archive.add(_about(project, version), "ABOUT.json")
    yield from archive.all_files()
    for row, sha256 in _rows(sessions, project, version):
        archive.add(_pieces(blobs, sha256), row.file)
        yield from archive.all_files()
    archive.add(_csv(row for row, _ in _rows(sessions, project, version)), "manifest.csv")
    yield from archive.all_files()
    archive.add(_jsonl(row for row, _ in _rows(sessions, project, version)), "manifest.jsonl")
    yield from archive.all_files()
    yield from archive.finalize()


def _about(project: Project, version: DatasetVersion) -> bytes:
    about = {
        "project": project.name,
        "dataset_version": version.number,
        "content_hash": version.content_hash,
        "frozen_at": version.created_at.isoformat(),
        "examples": version.examples,
        "hard_negatives": version.hard_negatives,
        "licence": "Each picture keeps the licence of its source; see the manifest.",
    }
    return json.dumps(about, indent=2, ensure_ascii=False).encode()


def _pieces(blobs: Blobs, sha256: str) -> Iterator[bytes]:
    with blobs.open(original_key(sha256)) as stored:
        yield from _read(stored)


def _read(stored: BinaryIO) -> Iterator[bytes]:
    while piece := stored.read(_CHUNK):
        yield piece


def _rows(
    sessions: sessionmaker[Session], project: Project, version: DatasetVersion
) -> Iterator[tuple[Row, str]]:
    """Rows of the manifest in order of id, read by batches: no cursor stays open between pieces."""
    folders = _folders(sessions, project)
    for table in (Example, HardNegative):
        after = 0
        while True:
            with sessions() as session:
                found = session.execute(_batch(table, project, version, after)).all()
                sources = _sources(session, [row.image_id for row in found])
            if not found:
                break
            for row in found:
                yield _row(row, sources.get(row.image_id, []), folders), row.sha256
            after = found[-1].id


def _in_version(table: type[Example] | type[HardNegative], number: int) -> ColumnElement[bool]:
    return (table.from_version <= number) & or_(
        table.to_version.is_(None), table.to_version > number
    )


def _batch(
    table: type[Example] | type[HardNegative],
    project: Project,
    version: DatasetVersion,
    after: int,
) -> Select[Any]:
    made_by = aliased(Round)
    part = table.split if table is Example else None
    columns: list[Any] = [
        table.id.label("id"),
        table.image_id.label("image_id"),
        Image.sha256.label("sha256"),
        Image.format.label("format"),
        Image.width.label("width"),
        Image.height.label("height"),
        Category.id.label("category_id"),
        Category.name.label("category"),
        Category.scientific_name.label("scientific_name"),
        made_by.number.label("round"),
    ]
    if part is not None:
        columns.append(part.label("part"))
    return (
        select(*columns)
        .select_from(table)
        .join(Image, Image.id == table.image_id)
        .join(Category, Category.id == table.category_id)
        .join(made_by, made_by.id == table.round_id, isouter=True)
        .where(table.project_id == project.id, _in_version(table, version.number), table.id > after)
        .order_by(table.id)
        .limit(_BATCH)
    )


def _sources(session: Session, image_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    rows = session.scalars(select(Source).where(Source.image_id.in_(image_ids)).order_by(Source.id))
    for source in rows:
        found.setdefault(source.image_id, []).append(
            {
                "url": source.url,
                "author": source.author,
                "licence": source.licence,
                "tags": source.tags,
                "crawled_at": source.crawled_at.isoformat() if source.crawled_at else None,
            }
        )
    return found


def _folders(sessions: sessionmaker[Session], project: Project) -> dict[int, str]:
    """A folder name for each category, safe on every file system and never shared by two."""
    with sessions() as session:
        named = session.execute(
            select(Category.id, Category.name)
            .where(Category.project_id == project.id)
            .order_by(Category.id)
        ).all()
    folders: dict[int, str] = {}
    for category_id, name in named:
        folder = re.sub(r"[^\w.-]+", "_", name)[:_LONGEST_FOLDER].strip("._") or "category"
        taken = {each.lower() for each in folders.values()}
        folders[category_id] = f"{folder}-{category_id}" if folder.lower() in taken else folder
    return folders


def _row(row: Any, sources: list[dict[str, Any]], folders: dict[int, str]) -> Row:
    part = getattr(row, "part", "hard_negatives")
    suffix = ".jpg" if row.format == PictureFormat.JPEG else f".{row.format.lower()}"
    first = sources[0] if sources else {}
    return Row(
        file=f"{part}/{folders[row.category_id]}/{row.sha256}{suffix}",
        sha256=row.sha256,
        part=part,
        category=row.category,
        scientific_name=row.scientific_name,
        provenance="seed" if row.round is None else f"round {row.round}",
        width=row.width,
        height=row.height,
        url=first.get("url"),
        author=first.get("author"),
        licence=first.get("licence"),
        tags=first.get("tags", []),
        crawled_at=first.get("crawled_at"),
        sources=sources,
    )


_CSV_COLUMNS = [field.name for field in fields(Row) if field.name != "sources"]


def _csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """The first source of each file; `manifest.jsonl` has all of them."""
    yield _line(_CSV_COLUMNS)
    for row in rows:
        values = {**asdict(row), "tags": " | ".join(row.tags)}
        yield _line([_harmless(values[column]) for column in _CSV_COLUMNS])


def _harmless(value: Any) -> Any:
    # A spreadsheet would run text that begins like a formula, and crawled text is hostile.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _line(values: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode()


def _jsonl(rows: Iterable[Row]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n"
