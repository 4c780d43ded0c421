"""A lead takes a batch back: what it alone brought leaves the pool, until it comes back or again."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Integer, bindparam, delete, select, text
from sqlalchemy.orm import Session

from app.db.tables import Batch, BatchImage, Project, WithdrawnImage
from app.domain.batch import RESTORE, WITHDRAW, WITHDRAWN, BatchState, Members
from app.domain.dataset import Cause
from app.domain.errors import BatchInRoundError, RoundInProgressError, TransitionError
from app.domain.event import Verb
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.dataset.version_history import rounds_in_force
from app.usecases.events import record
from app.usecases.likeness.near_duplicates import leave_groups
from app.usecases.pool.batches import lock_batch
from app.usecases.rounds.start_round import lock_without_round, unfinished_round


@dataclass(frozen=True)
class Withdrawal:
    """What withdrawing a batch does.

    Attributes:
        pictures: Pictures of the batch.
        stay: Those among them that came by another way, too; nothing happens to them.
        leave: Candidates that leave the pool.
        examples: Examples that experts made of the others.
        hard_negatives: Hard negatives that experts made of them.
    """

    pictures: int
    stay: int
    leave: int
    examples: int
    hard_negatives: int


@dataclass(frozen=True)
class Preview:
    """The effect as things are now; while `round` is at work, the withdrawal itself is refused."""

    effect: Withdrawal
    round: int | None


def preview_withdrawal(session: Session, project: Project, batch: Batch) -> Preview:
    """What `withdraw_batch` would do.

    Raises:
        TransitionError: while a worker is at it, or when it is withdrawn already.
    """
    _check_withdrawal(batch)
    return Preview(_effect(session, batch), unfinished_round(session, project))


def withdraw_batch(
    session: Session, project: Project, batch_id: int, user_id: int, members: Members, now: datetime
) -> tuple[Batch, Withdrawal]:
    """Take the pictures that only this batch brought out of the pool.

    A picture that another batch brought, or a lead by seeding, stays. Nothing is deleted but rows of
    candidates; the pictures become candidates again when somebody sends them again.

    Raises:
        NotFoundError: when the project has no such batch.
        BatchInRoundError: while a round is not finished.
        TransitionError: while a worker is at it, or when it is withdrawn already.
    """
    batch = _lock(session, project, batch_id)
    _check_withdrawal(batch)
    effect = _effect(session, batch)
    where = {"batch": batch.id, "project": project.id}
    ends = members is Members.END and bool(effect.examples or effect.hard_negatives)
    if ends:
        freeze_dataset(session, project)
    session.execute(text(_LEAVING + _MARK), where)
    session.execute(text(_OUT_OF_POOL), where)
    if ends:
        version = {**where, "new": next_version(session, project)}
        for table in _COPIED:
            session.execute(text(_END.format(table=table)), version)
        session.flush()
        made = freeze_dataset(session, project, Cause.WITHDRAWAL)
        batch.withdrawn_version = made.number
    _ungroup(session, batch)
    batch.withdrawn_at = now
    if batch.state == BatchState.OPEN:
        batch.state, batch.finished_at = BatchState.DONE, now
    # What is uploaded later on the day is another batch.
    batch.day = None
    details = {"id": batch.id, "members": members, **asdict(effect)}
    record(session, project.id, user_id, Verb.WITHDRAW_BATCH, batch.name, **details)
    return batch, effect


def restore_batch(
    session: Session, project: Project, batch_id: int, user_id: int
) -> tuple[Batch, int]:
    """Take `withdraw_batch` back: the pictures are new candidates, members members again.

    What was sent again meanwhile stays as it is by now.

    Returns:
        The batch, and how many pictures are candidates again.

    Raises:
        NotFoundError: when the project has no such batch.
        BatchInRoundError: while a round is not finished.
        TransitionError: when it is not withdrawn.
    """
    batch = _lock(session, project, batch_id)
    if batch.withdrawn_at is None:
        raise TransitionError("batch", batch.state, RESTORE)
    where = {"batch": batch.id, "project": project.id}
    if batch.withdrawn_version is not None:
        freeze_dataset(session, project)
        version = {**where, "ended": batch.withdrawn_version, "new": next_version(session, project)}
        for table, copied in _COPIED.items():
            session.execute(text(_BEGIN.format(table=table, copied=copied)), version)
        session.flush()
        freeze_dataset(session, project, Cause.RESTORE)
    in_force = [each.number for each in rounds_in_force(session, project)]
    back = session.execute(_INTO_POOL, {**where, "in_force": in_force}).all()
    brought = select(BatchImage.image_id).where(BatchImage.batch_id == batch.id)
    session.execute(delete(WithdrawnImage).where(WithdrawnImage.image_id.in_(brought)))
    batch.withdrawn_at, batch.withdrawn_version = None, None
    details = {"id": batch.id, "pictures": len(back)}
    record(session, project.id, user_id, Verb.RESTORE_BATCH, batch.name, **details)
    return batch, len(back)


def _lock(session: Session, project: Project, batch_id: int) -> Batch:
    try:
        # For update: whoever stores pictures holds the row, too, and is waited for.
        lock_without_round(session, project)
    except RoundInProgressError as refusal:
        raise BatchInRoundError(refusal.number) from None
    return lock_batch(session, project, batch_id)


def _check_withdrawal(batch: Batch) -> None:
    if batch.withdrawn_at is not None:
        raise TransitionError("batch", WITHDRAWN, WITHDRAW)
    if batch.state in (BatchState.QUEUED, BatchState.RUNNING):
        raise TransitionError("batch", batch.state, WITHDRAW)


def _effect(session: Session, batch: Batch) -> Withdrawal:
    row = session.execute(text(_LEAVING + _COUNTS), {"batch": batch.id}).one()
    return Withdrawal(
        pictures=row.pictures,
        stay=row.pictures - row.leaving,
        leave=row.leave,
        examples=row.examples,
        hard_negatives=row.hard_negatives,
    )


def _ungroup(session: Session, batch: Batch) -> None:
    """Near-duplicates of what goes get another representative. Examples that are kept stay one."""
    gone = session.scalars(text(_GROUPED), {"batch": batch.id}).all()
    if gone:
        leave_groups(session, gone)


# The pictures that only this batch brought: some batch was the first to bring them, all others that
# did are withdrawn, and no lead has seeded them.
_LEAVING = """
    WITH leaving AS MATERIALIZED (
        SELECT mine.image_id FROM batch_image AS mine
        WHERE mine.batch_id = :batch
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
_COUNTS = """
    SELECT (SELECT count(*) FROM batch_image WHERE batch_id = :batch) AS pictures,
           (SELECT count(*) FROM leaving) AS leaving,
           (SELECT count(*) FROM leaving JOIN candidate USING (image_id)) AS leave,
           (SELECT count(*) FROM leaving JOIN example USING (image_id)
            WHERE to_version IS NULL) AS examples,
           (SELECT count(*) FROM leaving JOIN hard_negative USING (image_id)
            WHERE to_version IS NULL) AS hard_negatives
"""
_MARK = """
    INSERT INTO withdrawn_image (image_id, batch_id, to_pool, last_round)
    SELECT leaving.image_id, :batch,
           candidate.image_id IS NOT NULL OR EXISTS (
             SELECT FROM example
             WHERE example.image_id = leaving.image_id AND to_version IS NULL
           ),
           candidate.last_round
    FROM leaving LEFT JOIN candidate ON candidate.image_id = leaving.image_id
    ON CONFLICT DO NOTHING
"""
_OUT_OF_POOL = """
    DELETE FROM candidate USING withdrawn_image AS gone
    WHERE candidate.project_id = :project AND gone.batch_id = :batch
      AND candidate.image_id = gone.image_id
"""
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
# Those of categories that are retired by now stay ended.
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
    FROM withdrawn_image AS gone
    JOIN batch_image AS mine ON mine.image_id = gone.image_id AND mine.batch_id = :batch
    JOIN image ON image.id = gone.image_id
    WHERE gone.to_pool AND image.taken_down_at IS NULL AND {_NO_EXAMPLE}
    ON CONFLICT DO NOTHING
    RETURNING image_id
    """  # noqa: S608 - a constant
).bindparams(bindparam("in_force", type_=ARRAY(Integer)))
_GROUPED = f"""
    SELECT gone.image_id FROM withdrawn_image AS gone
    WHERE gone.batch_id = :batch AND {_NO_EXAMPLE}
      AND (EXISTS (SELECT FROM near_duplicate AS near WHERE near.image_id = gone.image_id)
           OR EXISTS (SELECT FROM near_duplicate AS near
                      WHERE near.representative_id = gone.image_id))
"""  # noqa: S608 - a constant
