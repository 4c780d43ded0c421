"""A lead takes a change of categories back."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from app.db.tables import Candidate, Category, CategoryChange, Example, Project
from app.domain.category_change import Kind, holds
from app.domain.dataset import Cause
from app.domain.errors import ChangeStandsError, NotFoundError, TakenError
from app.usecases.categories.carry_out import lock_between_rounds
from app.usecases.categories.settle import as_change, settle_categories, versions_kept
from app.usecases.dataset.freeze_dataset import freeze_dataset, newest_version, next_version
from app.usecases.dataset.restore_members import differences, restore_members


def change_by_id(session: Session, project: Project, change_id: int) -> CategoryChange:
    """A change, locked for update: two leads who undo it at once take turns.

    Raises:
        NotFoundError: when the project has no such change.
    """
    found = session.scalar(
        select(CategoryChange)
        .where(CategoryChange.project_id == project.id, CategoryChange.id == change_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundError("change", change_id)
    return found


def undo_change(
    session: Session, project: Project, change_id: int, user_id: int, now: datetime
) -> CategoryChange:
    """Make the categories concerned what they were before a change: S, H, names, retired or not.

    Raises:
        NotFoundError: when the project has no such change.
        RoundAtWorkError: while a round is not finished, unless the change is a rename.
        ChangeStandsError: when it was undone already, or something builds on it; says what.
        TakenError, InvalidError: when another category has the name by now.
    """
    change = check_undo(session, project, change_id)
    if change.kind == Kind.RENAME:
        _name_as_before(session, change)
        change.undone_version = newest_version(session, project)
    else:
        freeze_dataset(session, project)
        _restore(session, project, change)
    change.undone_by, change.undone_at = user_id, now
    settle_categories(session, project)
    return change


def check_undo(session: Session, project: Project, change_id: int) -> CategoryChange:
    """The change, locked, if `undo_change` can take it back; raises as it does."""
    kind = session.scalar(select(CategoryChange.kind).where(CategoryChange.id == change_id))
    if kind != Kind.RENAME:
        lock_between_rounds(session, project)
    change = change_by_id(session, project, change_id)
    in_force = holds(as_change(change), versions_kept(session, project))
    if change.undone_at is not None and not in_force:
        raise ChangeStandsError("This change has been undone already.")
    if change.kind == Kind.RENAME:
        return change
    if not in_force:
        raise ChangeStandsError(
            "The dataset has gone back to a version from before this change, so there is nothing to "
            "undo."
        )
    _refuse_later(session, project, change)
    _refuse_grown(session, change)
    return change


def _refuse_later(session: Session, project: Project, change: CategoryChange) -> None:
    concerned, kept = as_change(change).concerned, versions_kept(session, project)
    later = session.scalars(
        select(CategoryChange)
        .where(
            CategoryChange.project_id == project.id,
            CategoryChange.id > change.id,
            CategoryChange.kind != Kind.RENAME,
        )
        .order_by(CategoryChange.id.desc())
    )
    for row in later:
        other = as_change(row)
        if holds(other, kept) and not concerned.isdisjoint(other.concerned):
            raise ChangeStandsError(
                "A later change builds on this one. Undo that of {name!r} first.",
                name=row.details["name"],
            )


def _refuse_grown(session: Session, change: CategoryChange) -> None:
    concerned = as_change(change).concerned
    found = differences(session, change.project_id, change.version, concerned)
    if any(found):
        raise ChangeStandsError(
            "Members of these categories have come or gone since the change (examples: {examples}, "
            "hard negatives: {hard_negatives}), and nobody knows what they would be without it. Go "
            "back to version {version}, or change the categories anew.",
            examples=found[0] + found[1],
            hard_negatives=found[2] + found[3],
            version=change.before_version,
        )
    elsewhere = _elsewhere(session, change, concerned)
    if elsewhere:
        raise ChangeStandsError(
            "{number} of its pictures are examples of other categories by now. Go back to version "
            "{version} instead.",
            number=elsewhere,
            version=change.before_version,
        )


def _elsewhere(session: Session, change: CategoryChange, concerned: Collection[int]) -> int:
    """How many pictures that would come back are examples of categories that are not concerned."""
    then, now = aliased(Example), aliased(Example)
    return session.scalars(
        select(func.count())
        .select_from(then)
        .join(now, now.image_id == then.image_id)
        .where(
            then.project_id == change.project_id,
            then.category_id.in_(concerned),
            then.to_version == change.version,
            now.to_version.is_(None),
            now.category_id.not_in(concerned),
        )
    ).one()


def _restore(session: Session, project: Project, change: CategoryChange) -> None:
    concerned = as_change(change).concerned
    if change.before_version != change.version:
        new = next_version(session, project)
        restore_members(session, project.id, change.before_version, new, concerned)
    change.undone_version = freeze_dataset(session, project, Cause.CATEGORY_UNDO).number
    # What a split has sent to the pool is an example again.
    again = select(Example.image_id).where(
        Example.project_id == project.id,
        Example.category_id.in_(concerned),
        Example.to_version.is_(None),
    )
    session.execute(delete(Candidate).where(Candidate.image_id.in_(again)))


def _name_as_before(session: Session, change: CategoryChange) -> None:
    category = session.scalars(
        select(Category)
        .where(Category.id == change.category_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    before, after = change.details["before"], change.details["after"]
    if {"name": category.name, "scientific_name": category.scientific_name} != after:
        raise ChangeStandsError("The category has got yet another name since. Undo that first.")
    category.name, category.scientific_name = before["name"], before["scientific_name"]
    try:
        session.flush()
    except IntegrityError:
        raise TakenError("category", before["name"]) from None
