"""What is in one dataset version and not in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
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


# Rows that hold in exactly one of the two versions: the same row in both has nothing to tell.
_CHANGES = """
    WITH before AS (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND from_version <= :one
          AND (to_version IS NULL OR to_version > :one)
          AND NOT (from_version <= :other AND (to_version IS NULL OR to_version > :other))
    ), after AS (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND from_version <= :other
          AND (to_version IS NULL OR to_version > :other)
          AND NOT (from_version <= :one AND (to_version IS NULL OR to_version > :one))
    ), refused_then AS (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND from_version <= :one
          AND (to_version IS NULL OR to_version > :one)
          AND NOT (from_version <= :other AND (to_version IS NULL OR to_version > :other))
    ), refused_now AS (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND from_version <= :other
          AND (to_version IS NULL OR to_version > :other)
          AND NOT (from_version <= :one AND (to_version IS NULL OR to_version > :one))
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
    SELECT category.id, category.name, kind, count(*) AS number
    FROM change JOIN category ON category.id = change.category_id
    GROUP BY category.id, category.name, kind ORDER BY category.name, category.id
"""
_PAGE = """
    SELECT image.sha256, kind, category.name AS category, split,
           was.name AS was_category, was_split
    FROM change JOIN image ON image.id = change.image_id
    JOIN category ON category.id = change.category_id
    LEFT JOIN category AS was ON was.id = change.was_category_id
    WHERE (CAST(:change AS text) IS NULL OR kind = :change)
      AND (CAST(:category_id AS int) IS NULL OR change.category_id = :category_id)
    ORDER BY category.name, category.id, kind, change.image_id
    LIMIT :limit OFFSET :skip
"""


def change_counts(
    session: Session, one: DatasetVersion, other: DatasetVersion
) -> Sequence[Row[Any]]:
    """(id, name, kind, number) for each category and kind of change, by the category's name."""
    return session.execute(text(_CHANGES + _COUNTS), _between(one, other)).all()


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
        text(_CHANGES + _PAGE), {**_between(one, other), **values, **places}
    ).all()


def _between(one: DatasetVersion, other: DatasetVersion) -> dict[str, Any]:
    return {"project_id": one.project_id, "one": one.number, "other": other.number}
