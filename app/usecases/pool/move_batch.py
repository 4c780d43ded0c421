"""The pictures of a batch leave the pool, or come back, some in each transaction.

Such a transaction holds the project (`lock_move`) against whoever makes versions, screens, seeds or
takes down, and its images against whoever brings them at the same moment: other uploads go on.
"""

from collections.abc import Sequence

from sqlalchemy import ARRAY, Integer, bindparam, func, select, text
from sqlalchemy.orm import Session

from app.db.tables import Batch, BatchImage, Image, Job, Project
from app.domain.batch import Members, Moving
from app.domain.dataset import Cause
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.dataset.version_history import rounds_in_force
from app.usecases.likeness.near_duplicates import leave_groups
from app.usecases.run_jobs import Claim, lock_batch_claim

_IMAGES = bindparam("images", type_=ARRAY(Integer))


def lock_move(session: Session, claim: Claim) -> tuple[Batch, Job]:
    """The batch and the job, locked for a part of the move.

    Raises:
        StaleAttemptError: when another attempt took the job over.
    """
    project_id = select(Batch.project_id).where(Batch.id == claim.owner_id).scalar_subquery()
    # Not against whoever stores pictures; see `move_pictures`.
    session.execute(
        select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)
    )
    return lock_batch_claim(session, claim)


def count_pictures(session: Session, batch: Batch) -> int:
    """How many pictures the batch brought, first or again."""
    brought = select(func.count()).select_from(BatchImage).where(BatchImage.batch_id == batch.id)
    return session.scalars(brought).one()


def next_pictures(session: Session, batch: Batch, after: int, most: int) -> Sequence[int]:
    """Ids of the next pictures of the batch, in order."""
    return session.scalars(
        select(BatchImage.image_id)
        .where(BatchImage.batch_id == batch.id, BatchImage.image_id > after)
        .order_by(BatchImage.image_id)
        .limit(most)
    ).all()


def move_members(session: Session, batch: Batch) -> None:
    """End the members that go with the batch, or begin those again that went: all or none of them."""
    if batch.moving == Moving.RETURNING:
        _begin_members(session, batch)
    elif batch.withdrawal and batch.withdrawal["members"] == Members.END:
        _end_members(session, batch)


def move_pictures(session: Session, batch: Batch, images: Sequence[int]) -> None:
    """Take these pictures of the batch out of the pool, or back into it. Twice is as once.

    Whoever stores pictures that are there already holds them for share from before it asks whether
    they left until it has linked them to its batch. So it either comes first and is seen here, or
    finds the mark of a picture that left.
    """
    if batch.moving == Moving.RETURNING:
        _come_back(session, batch, images)
        return
    # Whole groups at once: who is left of them speaks for them then.
    leaving = _leaving(session, batch, session.scalars(_NOT_GONE, {"images": images}).all())
    if leaving:
        _mark(session, batch, leaving)
        _remove(session, batch, leaving)


def _end_members(session: Session, batch: Batch) -> None:
    if batch.withdrawn_version is not None:
        return  # the worker before did it
    project = session.get_one(Project, batch.project_id)
    where = {"batch": batch.id, "project": project.id}
    leaving = _leaving(session, batch, session.scalars(text(_MEMBERS), where).all())
    if not leaving:
        return
    freeze_dataset(session, project)
    _mark(session, batch, leaving)
    new = next_version(session, project)
    ended = {
        told: session.execute(text(_END.format(table=table)), {**where, "new": new}).rowcount  # type: ignore[attr-defined]
        for table, told in _COUNTED.items()
    }
    session.flush()
    made = freeze_dataset(session, project, Cause.WITHDRAWAL)
    batch.withdrawn_version = made.number
    _count(batch, ended)
    _remove(session, batch, leaving)


def _begin_members(session: Session, batch: Batch) -> None:
    if batch.withdrawn_version is None:
        return
    project = session.get_one(Project, batch.project_id)
    freeze_dataset(session, project)
    version = {
        "batch": batch.id,
        "project": project.id,
        "ended": batch.withdrawn_version,
        "new": next_version(session, project),
    }
    for table, copied in _COPIED.items():
        begin = _BEGIN.format(table=table, copied=copied, other=_OTHER[table])
        session.execute(text(begin), version)
    session.flush()
    freeze_dataset(session, project, Cause.RESTORE)
    batch.withdrawn_version = None


def _come_back(session: Session, batch: Batch, images: Sequence[int]) -> None:
    _hold(session, images)
    project = session.get_one(Project, batch.project_id)
    in_force = [each.number for each in rounds_in_force(session, project)]
    session.execute(_INTO_POOL, {"images": images, "in_force": in_force})
    session.execute(_UNMARK, {"images": images})


def _leaving(session: Session, batch: Batch, images: Sequence[int]) -> Sequence[int]:
    """Those of the images that only this batch brought, held until the commit."""
    _hold(session, images)
    # A statement of its own: only that sees what those have written that were waited for.
    return session.scalars(_LEAVING_AMONG, {"batch": batch.id, "images": images}).all()


def _hold(session: Session, images: Sequence[int]) -> None:
    session.execute(
        select(Image.id)
        .where(Image.id == func.any(bindparam("images", images, type_=ARRAY(Integer))))
        .order_by(Image.id)
        .with_for_update(key_share=True)
    ).all()


def _mark(session: Session, batch: Batch, images: Sequence[int]) -> None:
    session.execute(_MARK, {"batch": batch.id, "images": images})


def _remove(session: Session, batch: Batch, images: Sequence[int]) -> None:
    removed = session.execute(_OUT_OF_POOL, {"images": images})
    _count(batch, {"candidates": removed.rowcount})  # type: ignore[attr-defined]
    # Near-duplicates of what goes get another representative. Examples that are kept stay one.
    grouped = session.scalars(_GROUPED, {"images": images}).all()
    if grouped:
        leave_groups(session, grouped)


def _count(batch: Batch, more: dict[str, int]) -> None:
    counted = dict(batch.withdrawal or {})
    batch.withdrawal = counted | {told: counted[told] + number for told, number in more.items()}


# The pictures that only this batch brought: some batch was the first to bring them, all others that
# did are withdrawn, and no lead has seeded them.
LEAVING = """
    WITH leaving AS MATERIALIZED (
        SELECT mine.image_id FROM batch_image AS mine
        WHERE mine.batch_id = :batch {among}
          AND NOT EXISTS (
            SELECT FROM batch_image AS other JOIN batch ON batch.id = other.batch_id
            WHERE other.image_id = mine.image_id AND batch.id <> :batch
              AND batch.withdrawn_at IS NULL
          )
          AND (mine.outcome = 'stored' OR EXISTS (
            SELECT FROM batch_image AS first
            WHERE first.image_id = mine.image_id AND first.outcome = 'stored'
          ))
          AND NOT EXISTS (
            SELECT FROM example AS seed
            WHERE seed.image_id = mine.image_id AND seed.to_version IS NULL
              AND seed.round_id IS NULL
          )
    )
"""
_LEAVING_AMONG = text(
    LEAVING.format(among="AND mine.image_id = ANY (:images)")  # noqa: S608 - a constant
    + "SELECT image_id FROM leaving"
).bindparams(_IMAGES)
# Those of the images that are not marked yet, and what is in a group with them.
_NOT_GONE = text(
    """
    WITH few AS (
        SELECT image_id FROM unnest(:images) AS few (image_id)
        WHERE NOT EXISTS (
            SELECT FROM withdrawn_image AS gone WHERE gone.image_id = few.image_id
        )
    ), groups AS (
        SELECT image_id AS id FROM few
        UNION SELECT representative_id FROM few JOIN near_duplicate USING (image_id)
    )
    SELECT id FROM groups
    UNION SELECT near.image_id
    FROM groups JOIN near_duplicate AS near ON near.representative_id = groups.id
    """
).bindparams(_IMAGES)
_MARK = text(
    """
    INSERT INTO withdrawn_image (image_id, batch_id, to_pool, last_round)
    SELECT leaving.id, :batch,
           candidate.image_id IS NOT NULL OR EXISTS (
             SELECT FROM example
             WHERE example.image_id = leaving.id AND to_version IS NULL
           ),
           candidate.last_round
    FROM unnest(:images) AS leaving (id) LEFT JOIN candidate ON candidate.image_id = leaving.id
    ON CONFLICT DO NOTHING
    """
).bindparams(_IMAGES)
_OUT_OF_POOL = text("DELETE FROM candidate WHERE image_id = ANY (:images)").bindparams(_IMAGES)
_UNMARK = text("DELETE FROM withdrawn_image WHERE image_id = ANY (:images)").bindparams(_IMAGES)
_MEMBERS = """
    SELECT mine.image_id FROM batch_image AS mine
    WHERE mine.batch_id = :batch AND mine.image_id IN (
        SELECT image_id FROM example WHERE project_id = :project AND to_version IS NULL
        UNION ALL
        SELECT image_id FROM hard_negative WHERE project_id = :project AND to_version IS NULL
    )
"""
_COUNTED = {"example": "examples", "hard_negative": "hard_negatives"}
_END = """
    UPDATE {table} SET to_version = :new FROM withdrawn_image AS gone
    WHERE {table}.project_id = :project AND gone.batch_id = :batch
      AND {table}.image_id = gone.image_id AND to_version IS NULL
"""
# Not from whom it was inherited: groups are found anew, and until then it is its own.
_COPIED = {
    "example": "project_id, image_id, category_id, split, round_id, decision_id",
    "hard_negative": "project_id, image_id, category_id, round_id, decision_id",
}
_OTHER = {"example": "hard_negative", "hard_negative": "example"}
# Those of categories that are retired by now stay ended, and so does what was decided otherwise
# since: no picture is an example of a category and refused for it.
_BEGIN = """
    INSERT INTO {table} ({copied}, from_version)
    SELECT {copied}, :new FROM {table} AS member
    WHERE member.project_id = :project AND member.to_version = :ended
      AND member.image_id IN (
        SELECT gone.image_id
        FROM withdrawn_image AS gone JOIN image ON image.id = gone.image_id
        WHERE gone.batch_id = :batch AND image.taken_down_at IS NULL
      )
      AND EXISTS (
        SELECT FROM category
        WHERE category.id = member.category_id AND category.retired_at IS NULL
      )
      AND NOT EXISTS (
        SELECT FROM {other} AS since
        WHERE since.image_id = member.image_id AND since.category_id = member.category_id
          AND since.to_version IS NULL
      )
    ON CONFLICT DO NOTHING
"""
_NO_EXAMPLE = """
    NOT EXISTS (SELECT FROM example WHERE example.image_id = gone.image_id AND to_version IS NULL)
"""
# To be screened anew. Rounds whose effect holds have seen them.
_INTO_POOL = text(
    f"""
    INSERT INTO candidate (image_id, project_id, bucket, last_round)
    SELECT image.id, image.project_id, ('x' || left(image.sha256, 4))::bit(16)::int,
           CASE WHEN gone.last_round = ANY (:in_force) THEN gone.last_round END
    FROM withdrawn_image AS gone JOIN image ON image.id = gone.image_id
    WHERE gone.image_id = ANY (:images)
      AND gone.to_pool AND image.taken_down_at IS NULL AND {_NO_EXAMPLE}
    ON CONFLICT DO NOTHING
    """  # noqa: S608 - a constant
).bindparams(_IMAGES, bindparam("in_force", type_=ARRAY(Integer)))
_GROUPED = text(
    f"""
    SELECT gone.image_id FROM unnest(:images) AS gone (image_id)
    WHERE {_NO_EXAMPLE}
      AND (EXISTS (SELECT FROM near_duplicate AS near WHERE near.image_id = gone.image_id)
           OR EXISTS (SELECT FROM near_duplicate AS near
                      WHERE near.representative_id = gone.image_id))
    """  # noqa: S608 - a constant
).bindparams(_IMAGES)
