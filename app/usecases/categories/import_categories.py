"""A lead creates and changes many categories out of a list."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Category, LookAlike, Project
from app.domain.category_list import (
    LOOK_ALIKES,
    CategoryList,
    Judged,
    Outcome,
    Written,
    judge,
    key_of,
    read_category_list,
)
from app.domain.errors import InvalidError, TakenError
from app.usecases.projects import look_alikes


@dataclass(frozen=True)
class Considered:
    """A list, what each of its lines comes to, and how many lines come to what."""

    listed: CategoryList
    lines: Sequence[Judged]
    counts: Counter[Outcome]


def consider_categories(session: Session, project: Project, content: bytes) -> Considered:
    """What saving a list would do; raises as `read_category_list` does. Nothing is changed."""
    listed = read_category_list(content)
    rows = session.scalars(
        select(Category).where(Category.project_id == project.id, Category.retired_at.is_(None))
    )
    named = look_alikes(session, project)
    written = {
        key_of(row.name): Written(
            row.name, row.scientific_name, row.definition, tuple(named.get(row.id, ()))
        )
        for row in rows
    }
    lines = judge(listed.lines, written)
    return Considered(listed, lines, Counter(each.outcome for each in lines))


def import_categories(session: Session, project: Project, content: bytes) -> Considered:
    """Save a list: all of it, or nothing.

    Raises:
        InvalidError: when a line has a problem, and as `read_category_list` does.
        TakenError: when somebody else has just created one of the categories.
    """
    # Whoever edits or deletes one of them at this moment is waited for, and then waits for us.
    session.execute(
        select(Category.id)
        .where(Category.project_id == project.id)
        .order_by(Category.id)
        .with_for_update(key_share=True)
    )
    found = consider_categories(session, project, content)
    if found.counts[Outcome.PROBLEM]:
        first = next(each for each in found.lines if each.problems)
        raise InvalidError(
            "file",
            "Nothing was saved: {n} of {total} lines have a problem, the first of them line {line}. "
            "A dry run tells all of them.",
            n=found.counts[Outcome.PROBLEM],
            total=len(found.lines),
            line=first.listed.line,
        )
    ids = _create(session, project, [e for e in found.lines if e.outcome is Outcome.CREATED])
    _change(session, [each for each in found.lines if each.outcome is Outcome.CHANGED], ids)
    _set_look_alikes(session, found.lines, ids)
    return found


def _create(session: Session, project: Project, lines: Sequence[Judged]) -> dict[str, int]:
    """Create what is new; the ids of all that are not retired by `key_of` their names."""
    rows = [
        {
            "project_id": project.id,
            "name": each.listed.name,
            "scientific_name": each.listed.scientific_name,
            "definition": each.listed.definition,
        }
        # In one order: two lists with the same new names would wait for each other.
        for each in sorted(lines, key=lambda each: key_of(each.listed.name))
    ]
    if rows:
        # Two lists that create one name at once: the second waits for the first and then misses it.
        new = insert(Category).on_conflict_do_nothing().returning(Category.name)
        created = set(session.scalars(new, rows))
        taken = next((row["name"] for row in rows if row["name"] not in created), None)
        if taken is not None:
            raise TakenError("category", str(taken), "file")
    found = select(Category.name, Category.id).where(
        Category.project_id == project.id, Category.retired_at.is_(None)
    )
    return {key_of(name): number for name, number in session.execute(found)}


def _change(session: Session, lines: Sequence[Judged], ids: Mapping[str, int]) -> None:
    """Give categories what their lines say; look-alikes come later."""
    for each in lines:
        columns = [column for column in each.changes if column != LOOK_ALIKES]
        if columns:
            values = {column: getattr(each.listed, column) for column in columns}
            number = ids[key_of(each.listed.name)]
            session.execute(update(Category).where(Category.id == number).values(values))


def _set_look_alikes(session: Session, lines: Sequence[Judged], ids: Mapping[str, int]) -> None:
    """After all categories are there: a look-alike may be created by a later line."""
    wanted = {
        ids[key_of(each.listed.name)]: {ids[key_of(name)] for name in each.listed.look_alikes}
        for each in lines
        if each.outcome is Outcome.CREATED or LOOK_ALIKES in each.changes
    }
    # Those that are retired are not among the ids: they are look-alikes again when they come back.
    session.execute(
        delete(LookAlike).where(
            LookAlike.category_id.in_(wanted), LookAlike.other_id.in_(ids.values())
        )
    )
    rows = [
        {"category_id": number, "other_id": other}
        for number, others in wanted.items()
        for other in others - {number}
    ]
    if rows:
        session.execute(insert(LookAlike), rows)
