"""The life of jobs, as workers and the reaper drive it. Every step is guarded by the attempt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, exists, func, select, update
from sqlalchemy.orm import Session

from app.db.tables import Batch, Import, Job, Project, Round
from app.domain.batch import BatchEvent, BatchState
from app.domain.batch import next_state as next_batch_state
from app.domain.errors import StaleAttemptError
from app.domain.importing import ImportEvent, ImportState
from app.domain.importing import next_state as next_import_state
from app.domain.job import (
    LEASE,
    MAX_ATTEMPTS,
    OWNER_OF,
    PATIENCE,
    RESEND_AFTER,
    STEPS,
    JobEvent,
    JobKind,
    JobState,
    Owner,
    next_state,
)
from app.domain.round import RoundEvent, RoundState
from app.domain.round import next_state as next_round_state
from app.usecases.rounds.tell_round import tell_round


@dataclass(frozen=True)
class Claim:
    """A job that one worker works on, and the attempt that lets it publish."""

    job_id: int
    kind: JobKind
    owner_id: int
    attempt: int

    @property
    def owner(self) -> Owner:
        """What `owner_id` is the id of."""
        return OWNER_OF[self.kind]

    @property
    def round_id(self) -> int:
        """Whose step it is, where the owner is a round."""
        return self.owner_id


# What a job belongs to; see domain.job.Owner.
Owning = Round | Import | Batch | Project


def claim_job(session: Session, job_id: int, worker: str, now: datetime) -> Claim | None:
    """Take a queued job; None when there is nothing to take: a message that came twice, or too late."""
    job = session.scalar(
        select(Job).where(Job.id == job_id, Job.state == JobState.QUEUED).with_for_update()
    )
    if job is None:
        return None
    job.state = next_state(JobState(job.state), JobEvent.CLAIM)
    job.attempt += 1
    job.worker = worker
    job.heartbeat_at = now
    job.lease_expires_at = now + LEASE
    job.started_at = now
    job.step, job.steps = 0, None
    return Claim(job.id, JobKind(job.kind), _owner_id(job), job.attempt)


def _owner_id(job: Job) -> int:
    owners = (job.round_id, job.import_id, job.batch_id, job.project_id)
    return next(owner for owner in owners if owner is not None)  # the database sees to one


def beat(session: Session, claim: Claim, now: datetime, step: int, steps: int | None) -> bool:
    """Renew the lease and show the progress; False when the attempt is no longer the one in force."""
    renewed = session.execute(
        update(Job)
        .where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.state == JobState.RUNNING)
        .values(heartbeat_at=now, lease_expires_at=now + LEASE, step=step, steps=steps)
    )
    return cast("CursorResult[Any]", renewed).rowcount == 1


def lock_owner(session: Session, claim: Claim) -> tuple[Owning, Job]:
    """What the job belongs to and the job, locked, for a transaction that publishes.

    Raises:
        StaleAttemptError: when the job was cancelled or another attempt took it over.
    """
    return _LOCKS[claim.owner](session, claim.owner_id), _lock_job(session, claim)


def lock_claim(session: Session, claim: Claim) -> tuple[Round, Job]:
    """The round of a step and the job, as `lock_owner`."""
    return _lock_round(session, claim.owner_id), _lock_job(session, claim)


def lock_import_claim(session: Session, claim: Claim) -> tuple[Import, Job]:
    """The import and the job, as `lock_owner`."""
    return _lock_import(session, claim.owner_id), _lock_job(session, claim)


def lock_batch_claim(session: Session, claim: Claim) -> tuple[Batch, Job]:
    """The batch and the job, as `lock_owner`."""
    return _lock_batch(session, claim.owner_id), _lock_job(session, claim)


def lock_project_claim(session: Session, claim: Claim) -> tuple[Project, Job]:
    """The project and the job, as `lock_owner`."""
    return _lock_project(session, claim.owner_id), _lock_job(session, claim)


# Project, owner, job: the order in which all lock them.


def _lock_round(session: Session, round_id: int) -> Round:
    # The project's lock keeps seeding out, so that a candidate cannot become an example while it
    # becomes a proposal.
    project_id = select(Round.project_id).where(Round.id == round_id).scalar_subquery()
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    return session.scalars(select(Round).where(Round.id == round_id).with_for_update()).one()


def _lock_import(session: Session, import_id: int) -> Import:
    # Not against everybody: a crawler that pushes pictures at the same moment refers to the
    # project's row, and must not have to wait for it.
    project_id = select(Import.project_id).where(Import.id == import_id).scalar_subquery()
    session.execute(
        select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)
    )
    return session.scalars(select(Import).where(Import.id == import_id).with_for_update()).one()


def _lock_batch(session: Session, batch_id: int) -> Batch:
    # As weak as what a crawler's own insertions take: batches do not wait for one another.
    project_id = select(Batch.project_id).where(Batch.id == batch_id).scalar_subquery()
    session.execute(
        select(Project.id)
        .where(Project.id == project_id)
        .with_for_update(read=True, key_share=True)
    )
    return session.scalars(
        select(Batch).where(Batch.id == batch_id).with_for_update(key_share=True)
    ).one()


def _lock_project(session: Session, project_id: int) -> Project:
    return session.scalars(
        select(Project).where(Project.id == project_id).with_for_update(key_share=True)
    ).one()


_LOCKS: dict[Owner, Callable[[Session, int], Owning]] = {
    Owner.ROUND: _lock_round,
    Owner.IMPORT: _lock_import,
    Owner.BATCH: _lock_batch,
    Owner.PROJECT: _lock_project,
}


def _lock_job(session: Session, claim: Claim) -> Job:
    job = session.scalar(select(Job).where(Job.id == claim.job_id).with_for_update())
    # None where another job was made for its owner meanwhile.
    if job is None or job.attempt != claim.attempt or job.state != JobState.RUNNING:
        raise StaleAttemptError(claim.job_id, claim.attempt)
    return job


def finish_job(job: Job, now: datetime) -> None:
    """Mark the job done, inside the transaction that publishes its result."""
    job.state = next_state(JobState(job.state), JobEvent.FINISH)
    job.finished_at = now
    job.lease_expires_at = None
    if job.steps is not None:
        job.step = job.steps


def queue_job(session: Session, round_id: int, kind: JobKind) -> Job:
    """Add the next job of a round; the caller sends it after the commit."""
    job = Job(kind=kind, round_id=round_id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    return job


def step_waits(session: Session, now: datetime) -> bool:
    """Whether a step of a round has waited for a worker longer than it should."""
    waiting = exists().where(
        Job.state == JobState.QUEUED, Job.kind.in_(STEPS), Job.created_at <= now - PATIENCE
    )
    return bool(session.scalar(select(waiting)))


def got_on(job: Job) -> None:
    """A part of a long job is published: deaths of workers are counted anew from here."""
    job.lapses = 0


def put_back(session: Session, claim: Claim, now: datetime, until: datetime | None = None) -> None:
    """Queue a job again that gives way; `reap_jobs` sends it after a while, or once `until` is there.

    Raises:
        StaleAttemptError: when the attempt is no longer the one in force.
    """
    _, job = lock_owner(session, claim)
    job.state = next_state(JobState(job.state), JobEvent.GIVE_WAY)
    job.lease_expires_at = None
    job.sent_at = now if until is None else until - RESEND_AFTER


def fail_job(session: Session, claim: Claim, now: datetime, message: str) -> None:
    """Record that the work itself went wrong (not the worker): trying again would not help.

    Raises:
        StaleAttemptError: when the attempt is no longer the one in force.
    """
    owning, job = lock_owner(session, claim)
    _fail(session, owning, job, now, message)


def _fail(session: Session, owning: Owning, job: Job, now: datetime, message: str) -> None:
    job.state = next_state(JobState(job.state), JobEvent.FAIL)
    job.finished_at = now
    job.lease_expires_at = None
    job.error = message
    match owning:
        case Round():
            _fail_round(session, owning, now, message)
        case Import():
            owning.state = next_import_state(ImportState(owning.state), ImportEvent.FAIL)
            owning.finished_at = now
            owning.error = message
        case Batch() if owning.moving is not None:
            owning.moving = None  # what was moved stays where it is
            owning.error = message
        case Batch():
            owning.state = next_batch_state(BatchState(owning.state), BatchEvent.FAIL)
            owning.finished_at = now
            owning.error = message
        case Project():
            pass  # the job's own error tells it


def _fail_round(session: Session, running: Round, now: datetime, message: str) -> None:
    # A round that is already with the labelers does not fail for want of thumbnails.
    if running.state in (RoundState.EMBEDDING, RoundState.TRAINING, RoundState.SCORING):
        running.state = next_round_state(RoundState(running.state), RoundEvent.FAIL)
        running.ended_at = now
        running.error = message
        tell_round(session, running)


def reap_jobs(session: Session, now: datetime) -> Sequence[Job]:
    """Queue again the jobs of dead workers, and return every queued job whose message must be sent.

    A job whose workers died MAX_ATTEMPTS times before it got on fails: its data or the machine kills
    them.
    """
    lapsed = session.scalars(
        select(Job)
        .where(Job.state == JobState.RUNNING, Job.lease_expires_at <= now)
        # Two reapers at once lock in one order and cannot deadlock.
        .order_by(Job.round_id, Job.import_id, Job.batch_id, Job.project_id, Job.id)
    )
    for job in lapsed.all():
        _lapse(session, job, now)
    session.flush()
    waiting = session.scalars(
        select(Job)
        .where(
            Job.state == JobState.QUEUED,
            func.coalesce(Job.sent_at, Job.created_at) <= now - RESEND_AFTER,
        )
        .order_by(Job.id)
        .with_for_update(skip_locked=True)
    ).all()
    for job in waiting:
        job.sent_at = now
    return waiting


def _lapse(session: Session, found: Job, now: datetime) -> None:
    # The owner before the job, as everywhere; then look again: the worker may have come back.
    owning = _LOCKS[OWNER_OF[JobKind(found.kind)]](session, _owner_id(found))
    job = session.scalars(
        select(Job)
        .where(Job.id == found.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if job.state != JobState.RUNNING or job.lease_expires_at is None or job.lease_expires_at > now:
        return
    job.lapses += 1
    if job.lapses >= MAX_ATTEMPTS:
        message = (
            f"The worker died {job.lapses} times during this step. Look at its log for the reason "
            f"(often memory), then {_then(JobKind(job.kind))}."
        )
        _fail(session, owning, job, now, message)
        return
    job.state = next_state(JobState(job.state), JobEvent.LAPSE)
    job.lease_expires_at = None
    job.sent_at = now - RESEND_AFTER  # due at once


def _then(kind: JobKind) -> str:
    if kind is JobKind.MOVE_BATCH:
        return "bring the batch back or withdraw it, which begins anew"
    return _THEN[OWNER_OF[kind]]


_THEN = {
    Owner.ROUND: "start another round",
    Owner.IMPORT: "import the rest again",
    Owner.BATCH: "send the rest again",
    Owner.PROJECT: "start it again",
}
