"""Batches: opened by a way in, counted into by every picture that comes."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.db.batch_queries import Owner
from app.db.many_rows import insert_rows
from app.db.tables import Batch, BatchImage, BatchRefusal, Job, Project
from app.domain.batch import MOST_TOLD, TAKE, BatchEvent, BatchKind, BatchState, next_state
from app.domain.errors import NotFoundError, TransitionError
from app.domain.event import Verb
from app.domain.ingestion import NOTHING_SAID, ImageOutcome, SourceFacts
from app.domain.job import JobEvent, JobState
from app.domain.job import next_state as next_job_state
from app.usecases.events import record
from app.usecases.people import Principal
from app.usecases.pool.store_images import ImageAnswer


def open_batch(
    session: Session,
    project: Project,
    principal: Principal,
    kind: BatchKind,
    name: str,
    otherwise: SourceFacts = NOTHING_SAID,
) -> Batch:
    """A new batch: open for an upload, queued for what a worker will do.

    `otherwise` holds for pictures that say nothing themselves.
    """
    state = BatchState.OPEN if kind is BatchKind.UPLOAD else BatchState.QUEUED
    batch = Batch(
        project_id=project.id,
        user_id=principal.user_id,
        token_id=principal.token_id,
        kind=kind,
        name=name,
        state=state,
        source=otherwise.as_json,
    )
    session.add(batch)
    session.flush()
    return batch


def hold_project(session: Session, project: Project) -> datetime:
    """Lock the project as weakly as a picture's row does, and tell the time.

    The project comes before its batches, as everywhere. Meanwhile none of them is withdrawn.
    """
    now: datetime = session.scalars(
        select(func.now())
        .select_from(Project)
        .where(Project.id == project.id)
        .with_for_update(read=True, key_share=True)
    ).one()
    return now


def batch_of_the_day(
    session: Session, project: Project, principal: Principal, now: datetime
) -> int:
    """The id of the batch for uploads that name none: one for each caller and UTC day.

    The caller holds the project (`hold_project`), so that it is not withdrawn meanwhile.
    """
    whose = {
        "project_id": project.id,
        "user_id": principal.user_id,
        "token_id": principal.token_id,
        "day": now.date(),
    }
    find = select(Batch.id).filter_by(**whose)
    found = session.scalar(find)
    if found is not None:
        return found
    made = session.scalar(
        upsert(Batch)
        .values(**whose, kind=BatchKind.UPLOAD, name=now.date().isoformat(), state=BatchState.OPEN)
        .on_conflict_do_nothing(index_elements=["project_id", "user_id", "token_id", "day"])
        .returning(Batch.id)
    )
    # Nothing where another request was faster: its batch is there now.
    return made if made is not None else session.scalars(find).one()


def batch_for_upload(
    session: Session, project: Project, principal: Principal, batch_id: int
) -> int:
    """The id of a batch that the caller has opened; as `batch_of_the_day`.

    Raises:
        NotFoundError: when there is none of this caller in the project.
        TransitionError: when it is finished, or is no upload.
    """
    found = session.scalar(
        select(Batch).where(
            Batch.id == batch_id,
            Batch.project_id == project.id,
            Batch.user_id == principal.user_id,
            Batch.token_id == principal.token_id,
        )
    )
    if found is None:
        raise NotFoundError("batch", batch_id)
    if found.state != BatchState.OPEN:
        raise TransitionError("batch", found.state, TAKE)
    return found.id


def lock_batch(
    session: Session, project: Project, batch_id: int, owner: Owner | None = None
) -> Batch:
    """A batch of the project (and of this owner) for update: who counts into it is waited for.

    Raises:
        NotFoundError: when there is none.
    """
    hold_project(session, project)
    query = select(Batch).where(Batch.project_id == project.id, Batch.id == batch_id)
    if owner is not None:
        query = query.where(Batch.user_id == owner.user_id, Batch.token_id == owner.token_id)
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFoundError("batch", batch_id)
    return found


def finish_batch(session: Session, batch: Batch, user_id: int, now: datetime) -> None:
    """No more pictures come to an upload.

    Raises:
        TransitionError: unless it is open.
    """
    if batch.state != BatchState.OPEN:
        raise TransitionError("batch", batch.state, BatchEvent.FINISH)
    end_batch(batch, now)
    # What is uploaded on this day without naming a batch begins another one.
    batch.day = None
    record(session, batch.project_id, user_id, Verb.FINISH_BATCH, batch.name, id=batch.id)


def cancel_batch(session: Session, batch: Batch, user_id: int, now: datetime) -> None:
    """End what a worker does, where it is: what is stored stays.

    Raises:
        TransitionError: when no worker has to do with it, or not any more.
    """
    batch.state = next_state(BatchState(batch.state), BatchEvent.CANCEL)
    batch.finished_at = now
    job = session.scalar(
        select(Job)
        .where(Job.batch_id == batch.id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .with_for_update()
    )
    if job is not None:
        job.state = next_job_state(JobState(job.state), JobEvent.CANCEL)
        job.finished_at = now
    record(session, batch.project_id, user_id, Verb.CANCEL_BATCH, batch.name, id=batch.id)


def count_in(
    session: Session, batch_id: int, answers: Sequence[ImageAnswer], ids: dict[str, int]
) -> None:
    """Write down what became of the files of a batch; `ids` are image ids by content hash.

    Comes last in its transaction: requests that count into one batch wait for one another from
    here on.
    """
    _link(session, batch_id, answers, ids)
    rejected = [each for each in answers if each.outcome is ImageOutcome.REJECTED]
    counted = Counter(each.outcome for each in answers)
    batch = session.scalars(
        select(Batch)
        .where(Batch.id == batch_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    told = batch.rejected
    batch.received += len(answers)
    batch.stored += counted[ImageOutcome.STORED]
    batch.duplicate += counted[ImageOutcome.DUPLICATE]
    batch.rejected += len(rejected)
    batch.reasons = dict(Counter(batch.reasons) + Counter(str(each.reason) for each in rejected))
    keep = rejected[: max(0, MOST_TOLD - told)]
    if keep:
        rows = [
            {
                "batch_id": batch_id,
                "filename": each.filename,
                "reason": each.reason,
                "detail": each.detail,
            }
            for each in keep
        ]
        session.execute(insert(BatchRefusal), rows)


def _link(
    session: Session, batch_id: int, answers: Sequence[ImageAnswer], ids: dict[str, int]
) -> None:
    rows: dict[int, ImageOutcome] = {}
    for each in answers:
        # The same picture may be refused from one address and welcome from another.
        if each.sha256 in ids and each.outcome is not ImageOutcome.REJECTED:
            # What was stored first and sent again stays "stored".
            rows.setdefault(ids[each.sha256], each.outcome)
    if not rows:
        return
    values = [
        {"batch_id": batch_id, "image_id": image_id, "outcome": outcome}
        for image_id, outcome in sorted(rows.items())
    ]
    session.execute(insert_rows(BatchImage, values).on_conflict_do_nothing())


def start_batch(batch: Batch, now: datetime) -> None:
    """A worker begins, or takes over."""
    batch.state = next_state(BatchState(batch.state), BatchEvent.START)
    batch.started_at = batch.started_at or now


def end_batch(batch: Batch, now: datetime) -> None:
    """All of it was looked at."""
    batch.state = next_state(BatchState(batch.state), BatchEvent.FINISH)
    batch.finished_at = now
