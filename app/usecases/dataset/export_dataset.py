"""Choose what of a dataset version is taken away; `app.export` writes it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.blobs import Blobs, original_key
from app.db.queries import version_round
from app.db.tables import (
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    Project,
    Round,
    Source,
    VersionCategory,
)
from app.db.version_facts import taken_down_since
from app.domain.dataset import Cause, Split, made_by, provenance
from app.domain.errors import InvalidError, NotFoundError
from app.export import rows as exported
from app.export.names import folder_names
from app.pictures import PictureFormat

_BATCH = 1000


class Wanted(StrEnum):
    """Which of the two halves of a version: S, H, or both."""

    EXAMPLES = "examples"
    HARD_NEGATIVES = "hard-negatives"
    ALL = "all"


@dataclass(frozen=True)
class Filters:
    """What to leave out; an empty tuple leaves out nothing.

    Attributes:
        part: None is everything, or the examples alone where a split is named.
        splits: of the examples. A hard negative has none.
        categories: by the names that the version knows them under, in whatever case.
        licences: an image is kept when one of its sources has one of these, in whatever case. The
            empty text stands for images of which no licence is known.
    """

    part: Wanted | None = None
    splits: tuple[Split, ...] = ()
    categories: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    def told(self) -> dict[str, list[str]]:
        """The filters that are set, for whoever reads the export."""
        values = {
            "part": [self.part] if self.part else [],
            "split": self.splits,
            "category": self.categories,
            "licence": self.licences,
        }
        return {name: [str(each) for each in given] for name, given in values.items() if given}


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


def select_rows(
    session: Session, blobs: Blobs, project: Project, version: DatasetVersion, filters: Filters
) -> exported.Selection:
    """The rows of a version, read once: after that the export needs no database.

    Raises:
        InvalidError: filters that contradict one another, name an unknown category or keep nothing.
    """
    named = _categories(session, version)
    wanted = _wanted_categories(named, filters)
    counts: Counter[str] = Counter()

    def counted() -> Iterator[exported.Row]:
        for row in _rows(session, version, filters, named, wanted):
            counts[row.part] += 1
            yield row

    rows = exported.spool(counted())
    if filters.told() and not counts:
        raise InvalidError("filters", "No picture of this version is left. Ask for less at once.")
    about = exported.About(
        project=project.name,
        slug=project.slug,
        version=version.number,
        content_hash=version.content_hash,
        frozen_at=version.created_at,
        made_by=made_by(Cause(version.cause), version_round(session, version), version.restores),
        examples=version.examples,
        hard_negatives=version.hard_negatives,
        filters=filters.told(),
        rows={part: counts[part] for part in exported.Part},
        taken_down=taken_down_since(session, version),
    )
    return exported.Selection(
        about=about,
        categories=list(named.values()),
        rows=rows,
        read=lambda sha256: blobs.open(original_key(sha256)),
    )


def _categories(session: Session, version: DatasetVersion) -> dict[int, exported.NamedCategory]:
    """The categories of a version by id, as it names them, in order of name."""
    found = session.execute(
        select(
            VersionCategory.category_id, VersionCategory.name, VersionCategory.scientific_name
        ).where(VersionCategory.version_id == version.id)
    ).all()
    ordered = sorted(found, key=lambda row: (row.name, row.category_id))
    folders = folder_names(row.name for row in ordered)
    return {
        row.category_id: exported.NamedCategory(label, row.name, row.scientific_name, folder)
        for label, (row, folder) in enumerate(zip(ordered, folders, strict=True))
    }


def _wanted_categories(
    named: dict[int, exported.NamedCategory], filters: Filters
) -> list[int] | None:
    """Ids of the categories that the filters name; None is all of them."""
    if not filters.categories:
        return None
    by_name = {category.name.casefold(): category_id for category_id, category in named.items()}
    wanted = []
    for name in filters.categories:
        category_id = by_name.get(" ".join(name.split()).casefold())
        if category_id is None:
            raise InvalidError(
                "category",
                f"This version has no category {name!r}. Name one as the version knows it: "
                "a category that was renamed later keeps its old name there.",
            )
        wanted.append(category_id)
    return wanted


def _rows(
    session: Session,
    version: DatasetVersion,
    filters: Filters,
    named: dict[int, exported.NamedCategory],
    wanted: list[int] | None,
) -> Iterator[exported.Row]:
    """The rows in order of (sha256, part, label), read by batches from a cursor of the server's."""
    query = _query(version, filters, wanted)
    result = session.execute(query, execution_options={"yield_per": _BATCH})
    first = {licence.lower() for licence in filters.licences}
    for batch in result.partitions():
        sources = _sources(session, [row.image_id for row in batch], first)
        for row in batch:
            yield _row(row, sources.get(row.image_id, []), named[row.category_id])


def _query(version: DatasetVersion, filters: Filters, wanted: list[int] | None) -> Select[Any]:
    part = filters.part or (Wanted.EXAMPLES if filters.splits else Wanted.ALL)
    if part is Wanted.HARD_NEGATIVES and filters.splits:
        raise InvalidError(
            "split", "A hard negative has no split. Leave one of the two filters out."
        )
    halves: list[Any] = []
    if part is not Wanted.HARD_NEGATIVES:
        split = [Example.split.in_(filters.splits)] if filters.splits else []
        halves.append(_half(Example, Example.split, version, wanted).where(*split))
    if part is not Wanted.EXAMPLES:
        name = literal(exported.Part.HARD_NEGATIVES.value)
        halves.append(_half(HardNegative, name, version, wanted))
    member = union_all(*halves).subquery("member")
    maker = aliased(Round)
    query = (
        select(
            member.c.image_id,
            member.c.category_id,
            member.c.part,
            member.c.inherited_from,
            Image.sha256,
            Image.size,
            Image.format,
            Image.width,
            Image.height,
            maker.number.label("round"),
        )
        .join(Image, Image.id == member.c.image_id)
        .join(VersionCategory, VersionCategory.category_id == member.c.category_id)
        .join(maker, maker.id == member.c.round_id, isouter=True)
        .where(VersionCategory.version_id == version.id, Image.taken_down_at.is_(None))
    )
    if filters.licences:
        query = query.where(_licensed(filters.licences))
    # By bytes and not by the rules of a language, as everybody else sorts hashes and names.
    return query.order_by(
        Image.sha256.collate("C"), member.c.part.collate("C"), VersionCategory.name.collate("C")
    )


def _half(
    table: type[Example] | type[HardNegative],
    part: ColumnElement[str] | InstrumentedAttribute[str],
    version: DatasetVersion,
    wanted: list[int] | None,
) -> Any:
    query = select(
        table.image_id,
        table.category_id,
        table.round_id,
        table.inherited_from,
        part.label("part"),
    ).where(
        table.project_id == version.project_id,
        table.from_version <= version.number,
        or_(table.to_version.is_(None), table.to_version > version.number),
    )
    return query if wanted is None else query.where(table.category_id.in_(wanted))


def _licensed(licences: Sequence[str]) -> ColumnElement[bool]:
    named = [licence.lower() for licence in licences if licence]
    known = and_(Source.image_id == Image.id, func.coalesce(Source.licence, "") != "")
    kept = exists().where(known, func.lower(Source.licence).in_(named))
    return or_(kept, ~exists().where(known)) if "" in licences else kept


def _sources(
    session: Session, image_ids: list[int], wanted: set[str]
) -> dict[int, list[dict[str, Any]]]:
    """The sources of images, the oldest first, but before all those of a wanted licence."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = session.execute(
        select(
            Source.image_id,
            Source.url,
            Source.author,
            Source.licence,
            Source.tags,
            Source.crawled_at,
        )
        .where(Source.image_id.in_(image_ids))
        .order_by(Source.id)
    )
    for image_id, url, author, licence, tags, crawled_at in rows:
        found.setdefault(image_id, []).append(
            {
                "url": url,
                "author": author,
                "licence": licence,
                "tags": tags,
                "crawled_at": crawled_at.isoformat() if crawled_at else None,
            }
        )
    for sources in found.values():
        sources.sort(key=lambda source: (source["licence"] or "").lower() not in wanted)
    return found


def _row(
    row: Row[Any], sources: list[dict[str, Any]], category: exported.NamedCategory
) -> exported.Row:
    suffix = ".jpg" if row.format == PictureFormat.JPEG else f".{row.format.lower()}"
    return exported.Row(
        sha256=row.sha256,
        size=row.size,
        suffix=suffix,
        part=row.part,
        label=category.label,
        category=category.name,
        scientific_name=category.scientific_name,
        folder=category.folder,
        provenance=provenance(row.round, inherited=row.inherited_from is not None),
        width=row.width,
        height=row.height,
        sources=sources,
    )
