"""Make S and H what they were in a version: all of them, or those of some categories."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

# A row that held then and holds now has nothing to tell: these are the rows of one of the two alone.
_ONLY_NOW = "to_version IS NULL AND from_version > :number"
_ONLY_THEN = "to_version > :number AND from_version <= :number"
# What makes a member of S: the same picture elsewhere is another member. One that is there now
# and was there then stays as it is, whichever row says so.
_KEYS = {"example": "image_id, category_id, split", "hard_negative": "image_id, category_id"}
_COPIED = {
    "example": "project_id, image_id, category_id, split, round_id, decision_id, inherited_from",
    "hard_negative": "project_id, image_id, category_id, round_id, decision_id, inherited_from",
}
# A picture has one place in S, and is refused once for a category: no key is twice in one of them.
# What was taken down since is gone from every version, and comes back with none.
_MISSING = """
    SELECT {keys} FROM {table} AS member WHERE project_id = :project_id {within} AND {one}
      AND NOT EXISTS (
        SELECT FROM {table} AS same
        WHERE project_id = :project_id {within} AND {other} AND {equal}
      )
      AND image_id NOT IN (
        SELECT id FROM image WHERE project_id = :project_id AND taken_down_at IS NOT NULL
      )
"""
_COUNT = """
    SELECT (SELECT count(*) FROM ({leaving}) AS m) AS leave,
           (SELECT count(*) FROM ({returning}) AS m) AS back
"""
_END = """
    UPDATE {table} SET to_version = :new
    WHERE project_id = :project_id {within} AND to_version IS NULL
      AND ({keys}) IN ({leaving})
"""
_BEGIN = """
    INSERT INTO {table} ({copied}, from_version)
    SELECT {copied}, :new FROM {table}
    WHERE project_id = :project_id {within} AND {then}
      AND ({keys}) IN ({returning})
"""


def differences(
    session: Session, project_id: int, number: int, within: Collection[int] | None = None
) -> tuple[int, int, int, int]:
    """How S and H of now differ from those of a version.

    Args:
        session: Its transaction.
        project_id: The project.
        number: The version.
        within: Ids of categories; None is all.

    Returns:
        How many examples would leave and come back, and how many hard negatives, if they became
        those of the version. An example of another category or split than then does both.
    """
    where = _where(project_id, number, within)
    counts = [session.execute(_statement(_COUNT, table, within), where).one() for table in _KEYS]
    (examples, negatives) = counts
    return examples.leave, examples.back, negatives.leave, negatives.back


def restore_members(
    session: Session,
    project_id: int,
    number: int,
    new: int,
    within: Collection[int] | None = None,
) -> None:
    """Make S and H those of a version. Nothing is deleted: rows end, and new rows begin.

    Args:
        session: Its transaction, which holds the project row for update.
        project_id: The project.
        number: The version.
        new: The version that is being made.
        within: Ids of categories; None is all.
    """
    where = {**_where(project_id, number, within), "new": new}
    for table in _KEYS:
        session.execute(_statement(_END, table, within), where)
        session.execute(_statement(_BEGIN, table, within), where)


def _where(project_id: int, number: int, within: Collection[int] | None) -> dict[str, Any]:
    where: dict[str, Any] = {"project_id": project_id, "number": number}
    return where if within is None else {**where, "within": list(within)}


def _statement(template: str, table: str, within: Collection[int] | None) -> TextClause:
    parts = {
        "table": table,
        "keys": _KEYS[table],
        "equal": " AND ".join(f"same.{key} = member.{key}" for key in _KEYS[table].split(", ")),
        "within": "" if within is None else "AND category_id = ANY(:within)",
    }
    return text(
        template.format(
            **parts,
            copied=_COPIED[table],
            then=_ONLY_THEN,
            leaving=_MISSING.format(**parts, one=_ONLY_NOW, other=_ONLY_THEN),
            returning=_MISSING.format(**parts, one=_ONLY_THEN, other=_ONLY_NOW),
        )
    )
