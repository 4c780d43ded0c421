"""A lead takes a batch back: what it alone brought leaves the pool, until it comes back or again.

What is asked for holds at once; a worker moves the pictures (`move_batch`). Until it is done no
round begins.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from app.db.tables import Batch, Job, Project
from app.domain.batch import RESTORE, WITHDRAW, WITHDRAWN, BatchState, Members, Moving
from app.domain.errors import BatchInRoundError, RoundInProgressError, TransitionError
from app.domain.event import Verb
from app.domain.job import JobKind, JobState
from app.usecases.events import record
from app.usecases.pool.batches import lock_batch
from app.usecases.pool.move_batch import LEAVING
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
) -> tuple[Batch, Job]:
    """Have the pictures that only this batch brought taken out of the pool; the caller sends the job.

    A picture that another batch brought, or a lead by seeding, stays. Nothing is deleted but rows of
    candidates; the pictures become candidates again when somebody sends them again.

    Raises:
        NotFoundError: when the project has no such batch.
        BatchInRoundError: while a round is not finished.
        TransitionError: while a worker is at it, or when it is withdrawn already.
    """
    batch = _lock(session, project, batch_id)
    _check_withdrawal(batch)
    batch.withdrawn_at = now
    batch.withdrawal = {"members": members, "candidates": 0, "examples": 0, "hard_negatives": 0}
    if batch.state == BatchState.OPEN:
        batch.state, batch.finished_at = BatchState.DONE, now
    # What is uploaded later on the day is another batch.
    batch.day = None
    details = {"id": batch.id, "members": members}
    record(session, project.id, user_id, Verb.WITHDRAW_BATCH, batch.name, **details)
    return batch, _queue(session, batch, Moving.LEAVING)


def restore_batch(
    session: Session, project: Project, batch_id: int, user_id: int
) -> tuple[Batch, Job]:
    """Have `withdraw_batch` taken back: the pictures are new candidates, members members again.

    What was sent again meanwhile stays as it is by now. The caller sends the job.

    Raises:
        NotFoundError: when the project has no such batch.
        BatchInRoundError: while a round is not finished.
        TransitionError: when it is not withdrawn, or still leaving.
    """
    batch = _lock(session, project, batch_id)
    if batch.withdrawn_at is None or batch.moving is not None:
        raise TransitionError("batch", batch.moving or batch.state, RESTORE)
    batch.withdrawn_at = None
    record(session, project.id, user_id, Verb.RESTORE_BATCH, batch.name, id=batch.id)
    return batch, _queue(session, batch, Moving.RETURNING)


def _lock(session: Session, project: Project, batch_id: int) -> Batch:
    try:
        # For update: whoever stores pictures holds the row, too, and is waited for.
        lock_without_round(session, project)
    except RoundInProgressError as refusal:
        raise BatchInRoundError(refusal.number) from None
    return lock_batch(session, project, batch_id)


def _check_withdrawal(batch: Batch) -> None:
    if batch.moving is not None:
        raise TransitionError("batch", batch.moving, WITHDRAW)
    if batch.withdrawn_at is not None:
        raise TransitionError("batch", WITHDRAWN, WITHDRAW)
    if batch.state in (BatchState.QUEUED, BatchState.RUNNING):
        raise TransitionError("batch", batch.state, WITHDRAW)


def _queue(session: Session, batch: Batch, moving: Moving) -> Job:
    batch.moving = moving
    if batch.state != BatchState.FAILED:
        batch.error = None  # of a move before
    # What brought the pictures is over.
    session.execute(delete(Job).where(Job.batch_id == batch.id))
    job = Job(kind=JobKind.MOVE_BATCH, batch_id=batch.id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    return job


def _effect(session: Session, batch: Batch) -> Withdrawal:
    row = session.execute(text(LEAVING.format(among="") + _COUNTS), {"batch": batch.id}).one()
    return Withdrawal(
        pictures=row.pictures,
        stay=row.pictures - row.leaving,
        leave=row.leave,
        examples=row.examples,
        hard_negatives=row.hard_negatives,
    )


_COUNTS = """
    SELECT (SELECT count(*) FROM batch_image WHERE batch_id = :batch) AS pictures,
           (SELECT count(*) FROM leaving) AS leaving,
           (SELECT count(*) FROM leaving JOIN candidate USING (image_id)) AS leave,
           (SELECT count(*) FROM leaving JOIN example USING (image_id)
            WHERE to_version IS NULL) AS examples,
           (SELECT count(*) FROM leaving JOIN hard_negative USING (image_id)
            WHERE to_version IS NULL) AS hard_negatives
"""
