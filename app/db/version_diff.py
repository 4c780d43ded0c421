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
    WITH before AS NOT MATERIALIZED (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND {only_one}
    ), after AS NOT MATERIALIZED (
        SELECT image_id, category_id, split FROM example
        WHERE project_id = :project_id AND {only_other}
    ), refused_then AS NOT MATERIALIZED (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND {only_one}
    ), refused_now AS NOT MATERIALIZED (
        SELECT image_id, category_id FROM hard_negative
        WHERE project_id = :project_id AND {only_other}
    ), change AS (
        SELECT image_id, CASE WHEN before.category_id IS NULL THEN 'added' ELSE 'moved' END AS kind,
               after.category_id, after.split,
               before.category_id AS was_category_id, before.split AS was_split
        FROM after LEFT JOIN before USING (image_id)
        WHERE (before.category_id, before.split) IS DISTINCT FROM (after.category_id, after.split)
          {of_after}
        UNION ALL
        SELECT image_id, 'removed', category_id, split, category_id, split
        FROM before
        WHERE NOT EXISTS (SELECT FROM after WHERE after.image_id = before.image_id) {of_before}
        UNION ALL
        SELECT image_id, 'hard-negative-added', category_id, NULL, NULL, NULL
        FROM refused_now
        WHERE NOT EXISTS (
            SELECT FROM refused_then
            WHERE refused_then.image_id = refused_now.image_id
              AND refused_then.category_id = refused_now.category_id
        ) {of_refused_now}
        UNION ALL
        SELECT image_id, 'hard-negative-removed', category_id, NULL, NULL, NULL
        FROM refused_then
        WHERE NOT EXISTS (
            SELECT FROM refused_now
            WHERE refused_now.image_id = refused_then.image_id
              AND refused_now.category_id = refused_then.category_id
        ) {of_refused_then}
    )
"""
_PARTS = ("after", "before", "refused_now", "refused_then")
_COUNTS = """
    SELECT category.id, category.name, kind, number
    FROM (SELECT category_id, kind, count(*) AS number FROM change GROUP BY category_id, kind)
        AS counted
    JOIN category ON category.id = counted.category_id
    ORDER BY category.name, category.id, kind COLLATE "C"
"""
# What comes before the page is known by the counts: only its categories are read.
_PAGE = """
    SELECT image.sha256, image.taken_down_at IS NOT NULL AS taken_down, kind,
           category.name AS category, split, was.name AS was_category, was_split
    FROM change JOIN image ON image.id = change.image_id
    JOIN category ON category.id = change.category_id
    LEFT JOIN category AS was ON was.id = change.was_category_id
    WHERE (CAST(:change AS text) IS NULL OR kind = :change)
    ORDER BY category.name, category.id, kind COLLATE "C", change.image_id
    LIMIT :limit OFFSET :skip
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
    counted: Sequence[Row[Any]],
    *,
    skip: int,
    limit: int,
) -> Sequence[Row[Any]]:
    """(sha256, taken_down, kind, category, split, was_category, was_split) from `skip` on.

    They come category by category. The last two are None except for a picture that moved or was
    removed; a hard negative has no split either. `counted` is what `change_counts` found.
    """
    categories, passed = _window(wanted, counted, skip, limit)
    if not categories:
        return []
    values = {"change": wanted.change, "categories": categories}
    places = {"skip": skip - passed, "limit": limit}
    return session.execute(
        _statement(one, other, _PAGE, of_categories=True),
        {**_between(one, other), **values, **places},
    ).all()


def _window(
    wanted: ChangeFilter, counted: Sequence[Row[Any]], skip: int, limit: int
) -> tuple[list[int], int]:
    """The categories that a part of the changes is of, and how many changes come before these."""
    numbers: dict[int, int] = {}
    for row in counted:
        if wanted.change in (None, row.kind) and wanted.category_id in (None, row.id):
            numbers[row.id] = numbers.get(row.id, 0) + row.number
    categories: list[int] = []
    begin = passed = 0
    for category_id, number in numbers.items():
        if begin + number <= skip:
            passed = begin + number
        elif begin < skip + limit:
            categories.append(category_id)
        begin += number
    return categories, passed


def _statement(
    one: DatasetVersion, other: DatasetVersion, query: str, *, of_categories: bool = False
) -> TextClause:
    forward = one.number < other.number
    only_one, only_other = (_VANISHED, _APPEARED) if forward else (_APPEARED, _VANISHED)
    only = "AND {part}.category_id = ANY(:categories)" if of_categories else ""
    within = {f"of_{part}": only.format(part=part) for part in _PARTS}
    return text(_CHANGES.format(only_one=only_one, only_other=only_other, **within) + query)


def _between(one: DatasetVersion, other: DatasetVersion) -> dict[str, Any]:
    low, high = sorted((one.number, other.number))
    return {"project_id": one.project_id, "low": low, "high": high}
