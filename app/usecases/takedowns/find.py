"""Which pictures a takedown means, and what else it touches."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, exists, select, text
from sqlalchemy.orm import Session

from app.db.tables import Image, Job, Source
from app.domain.takedown import Effect, Kind, Named, address_key, spellings


def images_named(session: Session, project_id: int, what: Named) -> Sequence[Row[int, str]]:
    """(id, sha256) of the project's pictures that are named and not gone yet."""
    found = select(Image.id, Image.sha256).where(
        Image.project_id == project_id, Image.taken_down_at.is_(None)
    )
    if what.kind is Kind.PICTURE:
        found = found.where(Image.sha256 == what.key)
    else:
        of_address = select(Source.image_id).where(Source.url.in_(spellings(what.address or "")))
        found = found.where(Image.id.in_(of_address))
    rows = session.execute(found.order_by(Image.id)).all()
    if not what.copies:
        return rows
    ids = {row.id for row in rows}
    return session.execute(
        select(Image.id, Image.sha256)
        .where(Image.id.in_(ids | near_duplicates_of(session, ids)))
        .order_by(Image.id)
    ).all()


def near_duplicates_of(session: Session, image_ids: Collection[int]) -> set[int]:
    """Ids of the other members of their groups; who was said to be another photograph is none."""
    return set(session.scalars(text(_GROUPS), {"images": list(image_ids)}))


_GROUPS = """
    WITH speaker AS (
        SELECT coalesce(near.representative_id, named.id) AS id
        FROM unnest(CAST(:images AS int[])) AS named (id)
        LEFT JOIN near_duplicate AS near ON near.image_id = named.id AND near.detached_at IS NULL
    ), grouped AS (
        SELECT near.image_id AS id FROM near_duplicate AS near
        WHERE near.representative_id IN (SELECT id FROM speaker) AND near.detached_at IS NULL
        UNION SELECT id FROM speaker
    )
    SELECT id FROM grouped WHERE id <> ALL (CAST(:images AS int[]))
"""


def images_with(
    session: Session, project_id: int, hashes: Collection[str]
) -> Sequence[Row[int, str]]:
    """(id, sha256) of the project's pictures with these hashes that are not gone yet."""
    return session.execute(
        select(Image.id, Image.sha256)
        .where(
            Image.project_id == project_id,
            Image.sha256.in_(hashes),
            Image.taken_down_at.is_(None),
        )
        .order_by(Image.id)
    ).all()


def taken_down(session: Session, project_id: int) -> set[int]:
    """Ids of the project's pictures that are gone."""
    return set(
        session.scalars(
            select(Image.id).where(Image.project_id == project_id, Image.taken_down_at.is_not(None))
        )
    )


def taken_down_during(session: Session, job_id: int) -> bool:
    """Whether any picture went since the job's newest attempt began."""
    began = select(Job.started_at).where(Job.id == job_id).scalar_subquery()
    return bool(session.scalar(select(exists().where(Image.taken_down_at >= began))))


def own_addresses(session: Session, image_ids: Collection[int]) -> set[str]:
    """Keys of the addresses from which these pictures came and no other of the server's.

    An address may be that of a page with many pictures: it stays open for the others.
    """
    urls = set(
        session.scalars(
            select(Source.url)
            .where(Source.image_id.in_(image_ids), Source.url.is_not(None))
            .distinct()
        )
    )
    shared = set(
        session.scalars(
            select(Source.url)
            .where(Source.url.in_(urls), Source.image_id.not_in(image_ids))
            .distinct()
        )
    )
    return {address_key(url) for url in urls - shared if url is not None}


def effect_on(session: Session, project_id: int, image_ids: Collection[int]) -> Effect:
    """What removing these pictures does now."""
    where: dict[str, Any] = {"project_id": project_id, "images": list(image_ids)}
    counted = session.execute(_COUNTS, where).one()
    return Effect(
        images=len(image_ids),
        near_duplicates=len(near_duplicates_of(session, image_ids)),
        **counted._asdict(),
    )


_COUNTS = text(
    """
    WITH span AS (
        SELECT from_version, to_version FROM example
        WHERE image_id = ANY (:images) AND to_version IS NULL
        UNION ALL
        SELECT from_version, to_version FROM example
        WHERE image_id = ANY (:images) AND to_version IS NOT NULL
        UNION ALL
        SELECT from_version, to_version FROM hard_negative
        WHERE image_id = ANY (:images) AND to_version IS NULL
        UNION ALL
        SELECT from_version, to_version FROM hard_negative
        WHERE image_id = ANY (:images) AND to_version IS NOT NULL
    )
    SELECT (SELECT count(*) FROM candidate WHERE image_id = ANY (:images)) AS candidates,
           (SELECT count(*) FROM example
            WHERE image_id = ANY (:images) AND to_version IS NULL) AS examples,
           (SELECT count(*) FROM hard_negative
            WHERE image_id = ANY (:images) AND to_version IS NULL) AS hard_negatives,
           (SELECT count(*) FROM proposal JOIN round ON round.id = proposal.round_id
            WHERE proposal.image_id = ANY (:images) AND round.state = 'labeling'
              AND proposal.answer IS DISTINCT FROM 'withdrawn') AS questions,
           (SELECT count(*) FROM dataset_version AS version
            WHERE version.project_id = :project_id AND EXISTS (
                SELECT FROM span WHERE span.from_version <= version.number
                  AND (span.to_version IS NULL OR span.to_version > version.number))) AS versions
    """
)
