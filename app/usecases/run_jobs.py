"""The life of jobs, as workers and the reaper drive it. Every step is guarded by the attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, exists, func, select, update
from sqlalchemy.orm import Session

from app.db.tables import Import, Job, Project, Round
from app.domain.errors import StaleAttemptError
from app.domain.importing import ImportEvent, ImportState
from app.domain.importing import next_state as next_import_state
from app.domain.job import (
    LEASE,
    MAX_ATTEMPTS,
    PATIENCE,
    RESEND_AFTER,
    STEPS,
    JobEvent,
    JobKind,
    JobState,
    next_state,
)
from app.domain.round import RoundEvent, RoundState
from app.domain.round import next_state as next_round_state
from app.usecases.tell_round import tell_round


@dataclass(frozen=True)
class Claim:
    """A job that one worker works on, and the attempt that lets it publish."""

    job_id: int
    kind: JobKind
    owner_id: int
    attempt: int

    @property
    def round_id(self) -> int:
        """Whose step it is; of an import, `owner_id` is the import."""
        return self.owner_id


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
    return cast("int", job.import_id if job.round_id is None else job.round_id)


def beat(session: Session, claim: Claim, now: datetime, step: int, steps: int | None) -> bool:
    """Renew the lease and show the progress; False when the attempt is no longer the one in force."""
    renewed = session.execute(
        update(Job)
        .where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.state == JobState.RUNNING)
        .values(heartbeat_at=now, lease_expires_at=now + LEASE, step=step, steps=steps)
    )
    return cast("CursorResult[Any]", renewed).rowcount == 1


def lock_claim(session: Session, claim: Claim) -> tuple[Round, Job]:
    """The round and the job, locked, for the transaction that publishes.

    Raises:
        StaleAttemptError: when the job was cancelled or another attempt took it over.
    """
    # Project, round, job: the order in which cancelling locks them. The project's lock keeps
    # seeding out, so that a candidate cannot become an example while it becomes a proposal.
    project_id = select(Round.project_id).where(Round.id == claim.round_id).scalar_subquery()
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    running = session.scalars(
        select(Round).where(Round.id == claim.round_id).with_for_update()
    ).one()
    return running, _lock_job(session, claim)


def lock_import_claim(session: Session, claim: Claim) -> tuple[Import, Job]:
    """The import and the job, locked, for a transaction that publishes a part of it.

    Raises:
        StaleAttemptError: when the import was cancelled or another attempt took it over.
    """
    # The project first, as everywhere. Not against everybody: a crawler that pushes pictures at the
    # same moment refers to the project's row, and must not have to wait for it.
    project_id = select(Import.project_id).where(Import.id == claim.owner_id).scalar_subquery()
    session.execute(
        select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)
    )
    running = session.scalars(
        select(Import).where(Import.id == claim.owner_id).with_for_update()
    ).one()
    return running, _lock_job(session, claim)


def _lock_job(session: Session, claim: Claim) -> Job:
    job = session.scalars(select(Job).where(Job.id == claim.job_id).with_for_update()).one()
    if job.attempt != claim.attempt or job.state != JobState.RUNNING:
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


def put_back(session: Session, claim: Claim, now: datetime) -> None:
    """Queue a job again that gives way to a step of a round; `reap_jobs` sends it after a while.

    Raises:
        StaleAttemptError: when the attempt is no longer the one in force.
    """
    _, job = lock_claim(session, claim)
    job.state = next_state(JobState(job.state), JobEvent.GIVE_WAY)
    job.lease_expires_at = None
    job.sent_at = now


def fail_job(session: Session, claim: Claim, now: datetime, message: str) -> None:
    """Record that the work itself went wrong (not the worker): trying again would not help.

    Raises:
        StaleAttemptError: when the attempt is no longer the one in force.
    """
    lock = lock_import_claim if claim.kind is JobKind.IMPORT_IMAGES else lock_claim
    running, job = lock(session, claim)
    _fail(session, running, job, now, message)


def _fail(session: Session, running: Round | Import, job: Job, now: datetime, message: str) -> None:
    job.state = next_state(JobState(job.state), JobEvent.FAIL)
    job.finished_at = now
    job.lease_expires_at = None
    job.error = message
    if isinstance(running, Import):
        running.state = next_import_state(ImportState(running.state), ImportEvent.FAIL)
        running.finished_at = now
        running.error = message
        return
    # A round that is already with the labelers does not fail for want of thumbnails.
    if running.state in (RoundState.EMBEDDING, RoundState.TRAINING, RoundState.SCORING):
        running.state = next_round_state(RoundState(running.state), RoundEvent.FAIL)
        running.ended_at = now
        running.error = message
        tell_round(session, running)


def reap_jobs(session: Session, now: datetime) -> Sequence[Job]:
    """Queue again the jobs of dead workers, and return every queued job whose message must be sent.

    A job whose workers died MAX_ATTEMPTS times fails: its data or the machine kills them.
    """
    lapsed = session.execute(
        select(Job.id, Job.round_id, Job.import_id)
        .where(Job.state == JobState.RUNNING, Job.lease_expires_at <= now)
        # Two reapers at once lock in one order and cannot deadlock.
        .order_by(Job.round_id, Job.import_id, Job.id)
    )
    for job_id, round_id, import_id in lapsed.all():
        _lapse(session, job_id, round_id, import_id, now)
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


def _lapse(
    session: Session, job_id: int, round_id: int | None, import_id: int | None, now: datetime
) -> None:
    # The owner before the job, as everywhere; then look again: the worker may have come back.
    running: Round | Import
    if round_id is not None:
        of_round = select(Round).where(Round.id == round_id)
        running = session.scalars(of_round.with_for_update()).one()
    else:
        of_import = select(Import).where(Import.id == import_id)
        running = session.scalars(of_import.with_for_update()).one()
    job = session.scalars(select(Job).where(Job.id == job_id).with_for_update()).one()
    if job.state != JobState.RUNNING or job.lease_expires_at is None or job.lease_expires_at > now:
        return
    if job.attempt >= MAX_ATTEMPTS:
        then = "start another round" if isinstance(running, Round) else "import the rest again"
        message = (
            f"The worker died {job.attempt} times during this step. Look at its log for the reason "
            f"(often memory), then {then}."
        )
        _fail(session, running, job, now, message)
        return
    job.state = next_state(JobState(job.state), JobEvent.LAPSE)
    job.lease_expires_at = None
    job.sent_at = now - RESEND_AFTER  # due at once
