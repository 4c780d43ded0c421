"""Freeze S and H into a numbered version with a content hash."""

from collections.abc import Iterator
from dataclasses import asdict

from sqlalchemy import ColumnElement, func, insert, literal, null, or_, select, union
from sqlalchemy.orm import Session

from app.db.tables import (
    Category,
    DatasetVersion,
    Example,
    HardNegative,
    Image,
    Project,
    VersionCategory,
)
from app.domain.dataset import Cause, Member, Split, content_hash
from app.usecases.dataset.datasheet import count_datasheet
from app.usecases.likeness.leaks import forget_old_leaks


def newest_version(session: Session, project: Project) -> int:
    """The number of the newest frozen version; 0 before the first."""
    number = session.scalar(
        select(func.max(DatasetVersion.number)).where(DatasetVersion.project_id == project.id)
    )
    return number or 0


def next_version(session: Session, project: Project) -> int:
    """The number that rows written now belong to. Call it with the project row locked."""
    return newest_version(session, project) + 1


def freeze_dataset(
    session: Session,
    project: Project,
    cause: Cause | None = None,
    *,
    round_id: int | None = None,
    restores: int | None = None,
) -> DatasetVersion:
    """Freeze what S and H hold now. The caller holds the project row for update.

    When nothing changed since the newest version, that one is returned instead. Candidates that
    were kept back because of a picture that is tested no more are screened again.

    Args:
        session: Its transaction.
        project: The project.
        cause: What made the version; None is whatever changed one by one: seeds, or edits.
        round_id: The round that made it, if one did.
        restores: The number of the version that is brought back, if one is.
    """
    forget_old_leaks(session, project.id)
    members = list(_members(session, project))
    digest = content_hash(members)
    newest = session.scalar(
        select(DatasetVersion)
        .where(DatasetVersion.project_id == project.id)
        .order_by(DatasetVersion.number.desc())
        .limit(1)
    )
    if newest is not None and newest.content_hash == digest:
        return newest
    number = (newest.number if newest else 0) + 1
    version = DatasetVersion(
        project_id=project.id,
        number=number,
        cause=cause or _edited(session, project, number),
        round_id=round_id,
        restores=restores,
        content_hash=digest,
        examples=sum(member.split is not None for member in members),
        hard_negatives=sum(member.split is None for member in members),
    )
    session.add(version)
    session.flush()
    _keep_names(session, version)
    version.datasheet = asdict(count_datasheet(session, version))
    session.flush()
    return version


def _edited(session: Session, project: Project, number: int) -> Cause:
    """Whether a lead has seeded anything since the version before this one."""
    seeded = select(Example.id).where(
        Example.project_id == project.id,
        Example.from_version == number,
        Example.round_id.is_(None),
        Example.inherited_from.is_(None),
    )
    return Cause.EDITS if session.scalar(seeded.limit(1)) is None else Cause.SEEDS


def _keep_names(session: Session, version: DatasetVersion) -> None:
    """Keep the names of the categories that take part: renaming one must not change the version."""
    used = union(
        *(
            select(table.category_id).where(
                table.project_id == version.project_id, table.to_version.is_(None)
            )
            for table in (Example, HardNegative)
        )
    )
    names = select(literal(version.id), Category.id, Category.name, Category.scientific_name)
    session.execute(
        insert(VersionCategory).from_select(
            ["version_id", "category_id", "name", "scientific_name"],
            names.where(Category.id.in_(used)),
        )
    )


def hash_of_rows(session: Session, version: DatasetVersion) -> str:
    """The content hash of a version, computed again from what the database holds of it."""
    named = dict(
        session.execute(
            select(VersionCategory.category_id, VersionCategory.name).where(
                VersionCategory.version_id == version.id
            )
        ).all()
    )
    examples = session.execute(
        select(Image.sha256, Example.category_id, Example.split)
        .join(Example, Example.image_id == Image.id)
        .where(Example.project_id == version.project_id, *_held(Example, version.number))
    )
    negatives = session.execute(
        select(Image.sha256, HardNegative.category_id, null())
        .join(HardNegative, HardNegative.image_id == Image.id)
        .where(HardNegative.project_id == version.project_id, *_held(HardNegative, version.number))
    )
    return content_hash(
        Member(sha256, named[category_id], None if split is None else Split(split))
        for rows in (examples, negatives)
        for sha256, category_id, split in rows
    )


def _held(table: type[Example] | type[HardNegative], number: int) -> list[ColumnElement[bool]]:
    return [
        table.from_version <= number,
        or_(table.to_version.is_(None), table.to_version > number),
    ]


def _members(session: Session, project: Project) -> Iterator[Member]:
    examples = session.execute(
        select(Image.sha256, Category.name, Example.split)
        .select_from(Example)
        .join(Image, Image.id == Example.image_id)
        .join(Category, Category.id == Example.category_id)
        .where(Example.project_id == project.id, Example.to_version.is_(None))
    )
    for sha256, name, split in examples:
        yield Member(sha256, name, Split(split))
    negatives = session.execute(
        select(Image.sha256, Category.name)
        .select_from(HardNegative)
        .join(Image, Image.id == HardNegative.image_id)
        .join(Category, Category.id == HardNegative.category_id)
        .where(HardNegative.project_id == project.id, HardNegative.to_version.is_(None))
    )
    for sha256, name in negatives:
        yield Member(sha256, name, None)
