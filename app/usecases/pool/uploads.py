"""Archives that come in pieces: begun, added to, turned into a batch exactly once, forgotten."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.orm import Session

from app.db.tables import Batch, Job, Project, ResumableUpload, User
from app.domain.batch import BatchKind, BatchState
from app.domain.errors import NotFoundError, TooManyUploadsError
from app.domain.event import Verb
from app.domain.job import JobKind, JobState
from app.domain.uploading import KEPT, MOST_OPEN, announced
from app.usecases.events import record
from app.usecases.people import Principal
from app.usecases.pool.batches import open_batch

_OVER = (BatchState.DONE, BatchState.FAILED, BatchState.CANCELLED)


def blob_key(upload_id: str) -> str:
    """Where a whole archive is stored."""
    return f"uploads/{upload_id}"


def begin_upload(
    session: Session,
    project: Project,
    caller: Principal,
    said: str | None,
    length: int,
    now: datetime,
) -> ResumableUpload:
    """Note an archive that will come; `said` is its `Upload-Metadata`.

    Raises:
        InvalidError: when that is not as documented.
        TooManyUploadsError: while the caller has too many unfinished ones.
    """
    filename = announced(said).filename
    # The caller's row is locked: two that begin at once are counted one after the other.
    session.execute(select(User.id).where(User.id == caller.user_id).with_for_update())
    unfinished = select(func.count()).where(
        ResumableUpload.user_id == caller.user_id,
        ResumableUpload.batch_id.is_(None),
        ResumableUpload.expires_at > now,
    )
    if session.scalars(unfinished).one() >= MOST_OPEN:
        raise TooManyUploadsError(MOST_OPEN)
    made = ResumableUpload(
        id=secrets.token_hex(16),
        project_id=project.id,
        user_id=caller.user_id,
        filename=filename,
        metadata_said=said,
        length=length,
        received=0,
        expires_at=now + KEPT,
    )
    session.add(made)
    session.flush()
    return made


def my_upload(
    session: Session, project: Project, caller: Principal, upload_id: str, now: datetime
) -> ResumableUpload:
    """An upload of the caller.

    Raises:
        NotFoundError: when there is none, it is somebody else's, or it has expired.
    """
    found = session.scalar(
        select(ResumableUpload).where(
            ResumableUpload.id == upload_id,
            ResumableUpload.project_id == project.id,
            ResumableUpload.user_id == caller.user_id,
            ResumableUpload.expires_at > now,
        )
    )
    if found is None:
        raise NotFoundError("upload", upload_id)
    return found


def my_uploads(
    session: Session, project: Project, caller: Principal, now: datetime
) -> Sequence[ResumableUpload]:
    """The caller's uploads that are unfinished, the oldest first."""
    return session.scalars(
        select(ResumableUpload)
        .where(
            ResumableUpload.project_id == project.id,
            ResumableUpload.user_id == caller.user_id,
            ResumableUpload.batch_id.is_(None),
            ResumableUpload.expires_at > now,
        )
        .order_by(ResumableUpload.created_at)
    ).all()


def note_received(session: Session, upload_id: str, received: int, now: datetime) -> datetime:
    """So many bytes are safe on the disk; gives when the upload expires now.

    Raises:
        NotFoundError: when it was ended meanwhile.
    """
    expires = now + KEPT
    noted = session.scalar(
        update(ResumableUpload)
        .where(ResumableUpload.id == upload_id, ResumableUpload.batch_id.is_(None))
        .values(received=received, expires_at=expires)
        .returning(ResumableUpload.id)
    )
    if noted is None:
        raise NotFoundError("upload", upload_id)
    return expires


def end_upload(
    session: Session, project: Project, caller: Principal, upload_id: str, now: datetime
) -> Job | None:
    """All bytes are stored under `blob_key`: make the batch and its job, once.

    Returns:
        The job, to be sent after the commit; None when it was made before.

    Raises:
        NotFoundError: when the upload was ended meanwhile.
    """
    # The row's lock: of two that end it at once, the second finds the batch of the first.
    locked = session.scalar(
        select(ResumableUpload)
        .where(ResumableUpload.id == upload_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if locked is None:
        raise NotFoundError("upload", upload_id)
    if locked.batch_id is not None:
        return None
    otherwise = announced(locked.metadata_said).source
    batch = open_batch(session, project, caller, BatchKind.ARCHIVE, locked.filename, otherwise)
    batch.blob_key = blob_key(upload_id)
    job = Job(kind=JobKind.INGEST_ARCHIVE, batch_id=batch.id, state=JobState.QUEUED)
    session.add(job)
    locked.received, locked.batch_id, locked.expires_at = locked.length, batch.id, now + KEPT
    session.flush()
    record(session, project.id, caller.user_id, Verb.SEND_ARCHIVE, locked.filename, batch=batch.id)
    return job


def uploads_to_forget(session: Session, now: datetime) -> list[tuple[str, bool]]:
    """Take out expired uploads; gives their ids, and whether their bytes belong to a batch."""
    gone = session.execute(
        delete(ResumableUpload)
        .where(ResumableUpload.expires_at <= now)
        .returning(ResumableUpload.id, ResumableUpload.batch_id)
    )
    return [(upload_id, batch_id is not None) for upload_id, batch_id in gone]


def batch_blobs_to_forget(session: Session) -> list[str]:
    """Keys of archives whose batches are over; nobody needs them any more."""
    found = session.scalars(
        select(Batch)
        .where(
            and_(Batch.blob_key.is_not(None), Batch.state.in_(_OVER)),
            Batch.kind == BatchKind.ARCHIVE,
        )
        .with_for_update(skip_locked=True)
    ).all()
    keys = [each.blob_key for each in found if each.blob_key is not None]
    for each in found:
        each.blob_key = None
    return keys
