"""What a dataset version holds, counted: for its datasheet."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.db.tables import DatasetVersion

_HELD = """
    WITH held AS (
        SELECT image_id, category_id, split, round_id FROM example
        WHERE project_id = :project_id AND from_version <= :number
          AND (to_version IS NULL OR to_version > :number)
        UNION ALL
        SELECT image_id, category_id, 'hard-negative', round_id FROM hard_negative
        WHERE project_id = :project_id AND from_version <= :number
          AND (to_version IS NULL OR to_version > :number)
    ), picture AS (SELECT DISTINCT image_id FROM held)
"""
_CATEGORIES = """
    SELECT name, scientific_name, count(*) FILTER (WHERE split = 'train') AS train,
           count(*) FILTER (WHERE split = 'test') AS test,
           count(*) FILTER (WHERE split = 'hard-negative') AS hard_negatives
    FROM version_category
    LEFT JOIN held ON held.category_id = version_category.category_id
    WHERE version_id = :version_id
    GROUP BY version_category.category_id, name, scientific_name
    ORDER BY name, version_category.category_id
"""
_PROVENANCE = """
    SELECT round.number, count(*) FILTER (WHERE split <> 'hard-negative') AS examples,
           count(*) FILTER (WHERE split = 'hard-negative') AS hard_negatives
    FROM held LEFT JOIN round ON round.id = held.round_id
    GROUP BY round.number ORDER BY round.number NULLS FIRST
"""
# A picture with two licences counts for both.
_LICENCES = """
    SELECT licence, count(*) AS pictures FROM (
        SELECT DISTINCT picture.image_id, coalesce(source.licence, '') AS licence
        FROM picture LEFT JOIN source
          ON source.image_id = picture.image_id AND coalesce(source.licence, '') <> ''
    ) AS each GROUP BY licence ORDER BY pictures DESC, licence
"""
_HOSTS = """
    SELECT host, count(*) AS pictures FROM (
        SELECT DISTINCT picture.image_id,
               coalesce(lower(substring(source.url FROM '^[a-zA-Z]+://(?:[^/@]*@)?([^/:?#]+)')), '')
                   AS host
        FROM picture LEFT JOIN source
          ON source.image_id = picture.image_id AND coalesce(source.url, '') <> ''
    ) AS each GROUP BY host ORDER BY pictures DESC, host
"""


def held_by_category(session: Session, version: DatasetVersion) -> Sequence[Row[*tuple[Any, ...]]]:
    """(name, scientific_name, train, test, hard_negatives), under the version's own names."""
    return _read(session, version, _CATEGORIES)


def held_by_round(session: Session, version: DatasetVersion) -> Sequence[Row[*tuple[Any, ...]]]:
    """(round's number, examples, hard_negatives); None is what leads have seeded."""
    return _read(session, version, _PROVENANCE)


def held_by_licence(session: Session, version: DatasetVersion) -> Sequence[Row[*tuple[Any, ...]]]:
    """(licence, pictures), the most frequent first; the empty text is: none is known."""
    return _read(session, version, _LICENCES)


def held_by_host(session: Session, version: DatasetVersion) -> Sequence[Row[*tuple[Any, ...]]]:
    """(host of the address, pictures), the most frequent first; the empty text is: none is known."""
    return _read(session, version, _HOSTS)


_TAKEN_DOWN = """
    WITH span AS (
        SELECT image_id, from_version, to_version
        FROM image JOIN example ON example.image_id = image.id AND to_version IS NOT NULL
        WHERE image.project_id = :project_id AND taken_down_at IS NOT NULL
        UNION ALL
        SELECT image_id, from_version, to_version
        FROM image JOIN hard_negative ON hard_negative.image_id = image.id AND to_version IS NOT NULL
        WHERE image.project_id = :project_id AND taken_down_at IS NOT NULL
    )
    SELECT number, array_agg(DISTINCT image_id) AS images
    FROM dataset_version JOIN span ON from_version <= number AND to_version > number
    WHERE project_id = :project_id AND (CAST(:number AS int) IS NULL OR number = :number)
    GROUP BY number
"""


def taken_down_since(session: Session, version: DatasetVersion) -> int:
    """How many pictures of the version were taken down after it was frozen: nobody gets these."""
    return len(taken_down_of(session, version))


def taken_down_of(session: Session, version: DatasetVersion) -> set[int]:
    """Ids of these pictures."""
    where = {"project_id": version.project_id, "number": version.number}
    rows = session.execute(text(_TAKEN_DOWN), where)
    return {image_id for row in rows for image_id in row.images}


def taken_down_by_version(session: Session, project_id: int) -> dict[int, int]:
    """How many each version has lost, by its number; those that lost none are left out."""
    rows = session.execute(text(_TAKEN_DOWN), {"project_id": project_id, "number": None})
    return {row.number: len(row.images) for row in rows}


def _read(session: Session, version: DatasetVersion, query: str) -> Sequence[Row[*tuple[Any, ...]]]:
    where = {
        "project_id": version.project_id,
        "number": version.number,
        "version_id": version.id,
    }
    return session.execute(text(_HELD + query), where).all()
