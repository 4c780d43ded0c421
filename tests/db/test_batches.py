"""What becomes of pictures is counted into their batch, whoever counts at the same moment."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import database_now, transaction
from app.db.tables import Batch, BatchImage, BatchRefusal, Job, Project
from app.domain.batch import BatchKind, BatchState
from app.domain.job import JobKind, JobState
from app.usecases.people import Principal
from app.usecases.pool.batches import end_batch, open_batch, start_batch
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.run_jobs import claim_job, fail_job, lock_owner, reap_jobs
from tests import factories
from tests.db.racing import Race

Sessions = sessionmaker[Session]
NEW, OTHER = factories.paint(5, 900), factories.paint(5, 901)


def push(blobs: FolderBlobs, project: Project, *pictures: bytes) -> Callable[[Session], int]:
    files = factories.taken(blobs, *pictures)

    def step(session: Session) -> int:
        batch_id = factories.batch_of_today(session, project)
        ingest_images(session, project, batch_id, files)
        return batch_id

    return step


def test_two_first_uploads_of_a_day_make_one_batch_that_counts_both(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    end = race.run(
        push(blobs, unstarted, NEW, b"<html>"), push(blobs, unstarted, NEW, OTHER, b"", b"GIF89a")
    )
    assert end.waited
    assert end.first == end.second
    with sessions() as session:
        batch = session.scalars(select(Batch)).one()
        assert (batch.kind, batch.state) == (BatchKind.UPLOAD, BatchState.OPEN)
        counts = (batch.received, batch.stored, batch.duplicate, batch.rejected)
        assert counts == (6, 2, 1, 3)
        assert batch.reasons == {"not_an_image": 1, "empty": 1, "truncated": 1}
        outcomes = session.scalars(select(BatchImage.outcome).order_by(BatchImage.image_id))
        assert outcomes.all() == ["stored", "stored"]
        assert len(session.scalars(select(BatchRefusal)).all()) == 3


def test_the_job_of_a_batch_is_claimed_failed_and_taken_over(
    sessions: Sessions, unstarted: Project
) -> None:
    lead = Principal(unstarted.created_by, "", "", False, frozenset())
    with transaction(sessions) as session:
        batch = open_batch(session, unstarted, lead, BatchKind.ARCHIVE, "flowers.tar")
        jobs = [
            Job(kind=JobKind.INGEST_ARCHIVE, batch_id=batch.id, state=JobState.QUEUED),
            Job(kind=JobKind.SCREEN_POOL, project_id=unstarted.id, state=JobState.QUEUED),
        ]
        session.add_all(jobs)
        session.flush()
        now = database_now(session)
        claims = [claim_job(session, job.id, "worker", now) for job in jobs]
    owners = (Batch, Project)
    for claim, owner in zip(claims, owners, strict=True):
        assert claim is not None
        with transaction(sessions) as session:
            owning, job = lock_owner(session, claim)
            assert isinstance(owning, owner)
            if isinstance(owning, Batch):
                start_batch(owning, now)
            job.lease_expires_at = now
    with transaction(sessions) as session:
        assert [job.attempt for job in reap_jobs(session, now)] == [1, 1]
    again = []
    with transaction(sessions) as session:
        again = [claim_job(session, claim.job_id, "other", now) for claim in claims if claim]
    with transaction(sessions) as session:
        for claim in again:
            assert claim is not None
            fail_job(session, claim, now, "The archive is gone.")
        batch = session.scalars(select(Batch)).one()
        assert (batch.state, batch.error) == (BatchState.FAILED, "The archive is gone.")


def test_a_batch_begins_once_more_with_another_worker_and_ends(
    sessions: Sessions, unstarted: Project
) -> None:
    lead = Principal(unstarted.created_by, "", "", False, frozenset())
    with transaction(sessions) as session:
        batch = open_batch(session, unstarted, lead, BatchKind.SYNC, "seeds")
        now = database_now(session)
        start_batch(batch, now)
        start_batch(batch, now)
        end_batch(batch, now)
        assert (batch.state, batch.started_at) == (BatchState.DONE, now)
