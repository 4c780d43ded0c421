"""What is in one dataset version and not in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from app.db.tables import DatasetVersion


class Change(StrEnum):
    """How a picture's place in the dataset differs. A moved one has another category or split."""

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    REFUSED = "hard-negative-added"
    FORGIVEN = "hard-negative-removed"


@dataclass(frozen=True)
class ChangeFilter:
    """Which changes; None is all. A moved picture is of the category where it is in the end."""

    change: Change | None = None
    category_id: int | None = None


# Rows that hold in exactly one of the two versions: the same row in both has nothing to tell. Each
# is a range of one index, so that two neighbours read only what lies between them.
_APPEARED = """
    from_version > :low AND from_version <= :high AND (to_version IS NULL OR to_version > :high)
"""
_VANISHED = "to_version > :low AND to_version <= :high AND from_version <= :low"
_CHANGES = """
    WITH before AS (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND {only_one}
    ), after AS (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND {only_other}
    ), refused_then AS (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND {only_one}
    ), refused_now AS (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND {only_other}
    ), change AS (
        SELECT image_id, CASE WHEN before.category_id IS NULL THEN 'added'
                              WHEN after.category_id IS NULL THEN 'removed' ELSE 'moved' END AS kind,
               coalesce(after.category_id, before.category_id) AS category_id,
               coalesce(after.split, before.split) AS split,
               before.category_id AS was_category_id, before.split AS was_split
        FROM before FULL JOIN after USING (image_id)
        WHERE (before.category_id, before.split) IS DISTINCT FROM (after.category_id, after.split)
        UNION ALL
        SELECT coalesce(refused_now.image_id, refused_then.image_id),
               CASE WHEN refused_then.category_id IS NULL THEN 'hard-negative-added'
                    ELSE 'hard-negative-removed' END,
               coalesce(refused_now.category_id, refused_then.category_id), NULL, NULL, NULL
        FROM refused_then FULL JOIN refused_now
          ON refused_now.image_id = refused_then.image_id
         AND refused_now.category_id = refused_then.category_id
    )
"""
_COUNTS = """
    SELECT category.id, category.name, kind, number
    FROM (SELECT category_id, kind, count(*) AS number FROM change GROUP BY category_id, kind)
        AS counted
    JOIN category ON category.id = counted.category_id
    ORDER BY category.name, category.id
"""
# Sorted by numbers, and pictures are looked up for those that are shown alone: there may be
# hundreds of thousands of changes before them.
_PAGE = """
    , named AS (
        SELECT id, name, row_number() OVER (ORDER BY name, id) AS place
        FROM category WHERE project_id = :project_id
    ), shown AS (
        SELECT change.*, name, place FROM change JOIN named ON named.id = change.category_id
        WHERE (CAST(:change AS text) IS NULL OR kind = :change)
          AND (CAST(:category_id AS int) IS NULL OR change.category_id = :category_id)
        ORDER BY place, kind COLLATE "C", image_id
        LIMIT :limit OFFSET :skip
    )
    SELECT image.sha256, kind, shown.name AS category, split,
           was.name AS was_category, was_split
    FROM shown JOIN image ON image.id = shown.image_id
    LEFT JOIN category AS was ON was.id = shown.was_category_id
    ORDER BY place, kind COLLATE "C", shown.image_id
"""


def change_counts(
    session: Session, one: DatasetVersion, other: DatasetVersion
) -> Sequence[Row[Any]]:
    """(id, name, kind, number) for each category and kind of change, by the category's name."""
    return session.execute(_statement(one, other, _COUNTS), _between(one, other)).all()


def change_page(
    session: Session,
    one: DatasetVersion,
    other: DatasetVersion,
    wanted: ChangeFilter,
    *,
    skip: int,
    limit: int,
) -> Sequence[Row[Any]]:
    """(sha256, kind, category, split, was_category, was_split) from `skip` on, category by category.

    The last two are None except for a picture that moved; a hard negative has no split either.
    """
    values = {"change": wanted.change, "category_id": wanted.category_id}
    places = {"skip": skip, "limit": limit}
    return session.execute(
        _statement(one, other, _PAGE), {**_between(one, other), **values, **places}
    ).all()


def _statement(one: DatasetVersion, other: DatasetVersion, query: str) -> TextClause:
    forward = one.number < other.number
    only_one, only_other = (_VANISHED, _APPEARED) if forward else (_APPEARED, _VANISHED)
    return text(_CHANGES.format(only_one=only_one, only_other=only_other) + query)


def _between(one: DatasetVersion, other: DatasetVersion) -> dict[str, Any]:
    low, high = sorted((one.number, other.number))
    return {"project_id": one.project_id, "low": low, "high": high}
