"""A lead asks for a coarse filter: to be trained, or out of a file. A worker makes it."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db import filter_queries
from app.db.tables import CoarseFilter, Job, ModelVersion, Project
from app.domain.errors import (
    FilterAtWorkError,
    FilterNotReadyError,
    InvalidError,
    NotFoundError,
    Sentence,
)
from app.domain.event import Verb
from app.domain.filtering import LEAST, FilterOrigin, facts_in
from app.domain.job import JobEvent, JobKind, JobState, next_state
from app.usecases.events import record


def ask_for_training(session: Session, project: Project, user_id: int) -> Job:
    """Have a filter trained on what the project holds; the caller sends the job after the commit.

    Raises:
        FilterAtWorkError: while one is being made.
        FilterNotReadyError: with every reason why it cannot be trained.
    """
    _lock(session, project)
    positives = filter_queries.positives(session, project.id)
    negatives = sum(filter_queries.negatives(session, project.id).values())
    reasons = []
    if positives < LEAST:
        reasons.append(
            Sentence(
                "A coarse filter needs at least {least} examples in the train split; there are {got}. "
                "Seed more.",
                {"least": LEAST, "got": positives},
            )
        )
    if negatives < LEAST:
        reasons.append(
            Sentence(
                "A coarse filter needs at least {least} negatives; there are {got}. Add pictures that "
                "are out of the domain.",
                {"least": LEAST, "got": negatives},
            )
        )
    if reasons:
        raise FilterNotReadyError(reasons)
    record(
        session,
        project.id,
        user_id,
        Verb.TRAIN_FILTER,
        project.slug,
        positives=positives,
        negatives=negatives,
    )
    return _queue(session, project, CoarseFilter(origin=FilterOrigin.TRAINED, created_by=user_id))


def cancel_training(session: Session, project: Project, user_id: int, now: datetime) -> Job:
    """End the work on a filter. One that is in force by now stays so, with the scores it has given.

    Raises:
        NotFoundError: when nobody has asked for a filter yet.
        TransitionError: when the work is over.
    """
    _hold(session, project)
    job = filter_queries.newest_filter_job(session, project.id)
    if job is None:
        raise NotFoundError("job", project.slug)
    # Against a worker that takes or ends it at this moment.
    session.refresh(job, with_for_update=True)
    job.state = next_state(JobState(job.state), JobEvent.CANCEL)
    job.lease_expires_at, job.finished_at = None, now
    _forget_unready(session, project)
    record(session, project.id, user_id, Verb.CANCEL_FILTER, project.slug)
    return job


def store_file(blobs: Blobs, content: bytes) -> str:
    """Keep the bytes of a filter under their hash, which is returned."""
    digest = hashlib.sha256(content).hexdigest()
    blobs.put(filter_key(digest), content)
    return digest


def filter_key(digest: str) -> str:
    """Where the filter is stored that has this SHA-256."""
    return f"filters/{digest}.safetensors"


def take_file(session: Session, project: Project, user_id: int, content: bytes, digest: str) -> Job:
    """Have an uploaded filter take over; its bytes are stored under `digest`.

    A worker looks at its numbers, and at the backbone where that is not known here yet.

    Raises:
        FilterAtWorkError: while one is being made.
        InvalidError: when it is no filter, or reads the features of another backbone.
    """
    facts = facts_in(content)
    _lock(session, project)
    known = _fingerprint(session, project)
    if known is not None and facts["fingerprint"] != known:
        raise InvalidError(
            "file",
            "This coarse filter was trained on the features of another backbone, other weights or "
            "another image size. Train one here, or take the file of a project with the same.",
        )
    asked = CoarseFilter(
        origin=FilterOrigin.UPLOADED,
        blob_key=filter_key(digest),
        sha256=digest,
        fingerprint=facts["fingerprint"],
        facts=facts,
        created_by=user_id,
    )
    record(
        session,
        project.id,
        user_id,
        Verb.UPLOAD_FILTER,
        project.slug,
        sha256=digest,
        positives=facts["positives"],
        negatives=facts["negatives"],
    )
    return _queue(session, project, asked)


def filter_to_download(session: Session, project: Project) -> CoarseFilter:
    """The filter in force; raises NotFoundError where there is none."""
    found = filter_queries.filter_in_force(session, project.id)
    if found is None:
        raise NotFoundError("coarse filter", project.slug)
    return found


def move_threshold(
    session: Session, project: Project, user_id: int, threshold: float
) -> dict[str, Any]:
    """Let more or less of the pool pass; candidates come and go without being written."""
    before = session.scalars(
        select(Project.domain_threshold)
        .where(Project.id == project.id)
        .with_for_update(key_share=True)
    ).one()
    found = session.get_one(Project, project.id)
    found.domain_threshold = threshold
    details = {"before": before, "after": threshold}
    record(session, project.id, user_id, Verb.MOVE_THRESHOLD, project.slug, **details)
    return details


def _hold(session: Session, project: Project) -> None:
    session.execute(
        select(Project.id).where(Project.id == project.id).with_for_update(key_share=True)
    )


def _lock(session: Session, project: Project) -> None:
    # Two leads who ask at once: the second waits here, and is told that one is at work.
    _hold(session, project)
    job = filter_queries.newest_filter_job(session, project.id)
    if job is not None and job.state in (JobState.QUEUED, JobState.RUNNING):
        raise FilterAtWorkError


def _fingerprint(session: Session, project: Project) -> str | None:
    """Of the project's backbone, as far as a worker has told it."""
    in_force = filter_queries.filter_in_force(session, project.id)
    if in_force is not None:
        return in_force.fingerprint
    return session.scalar(
        select(ModelVersion.fingerprint)
        .where(ModelVersion.project_id == project.id)
        .order_by(ModelVersion.id.desc())
        .limit(1)
    )


def _forget_unready(session: Session, project: Project) -> None:
    """What was asked for before and never became ready."""
    session.execute(
        delete(CoarseFilter).where(
            CoarseFilter.project_id == project.id, CoarseFilter.ready_at.is_(None)
        )
    )


def _queue(session: Session, project: Project, asked: CoarseFilter) -> Job:
    _forget_unready(session, project)
    asked.project_id = project.id
    job = Job(kind=JobKind.TRAIN_FILTER, project_id=project.id, state=JobState.QUEUED)
    session.add_all((asked, job))
    session.flush()
    return job
