"""How a job runs: claim (transaction), compute (none open), publish (transaction)."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db.session import Sessions, database_now, transaction
from app.domain.errors import StaleAttemptError
from app.domain.job import JobKind
from app.jobs import Jobs, send_all
from app.parts import FOLDER, Parts
from app.pictures import PictureLimits
from app.settings import Settings
from app.usecases.imports.import_images import archives_to_forget
from app.usecases.pool.uploads import batch_blobs_to_forget, blob_key, uploads_to_forget
from app.usecases.run_jobs import (
    Claim,
    claim_job,
    fail_job,
    finish_job,
    lock_owner,
    put_back,
    queue_job,
    reap_jobs,
)
from app.usecases.takedowns.erase import erase_pending
from app.usecases.takedowns.find import taken_down_during
from workers.heart import Heart

log = structlog.get_logger()

# Imported when first needed: a light worker never loads torch.
MODULES = {
    JobKind.EMBED_POOL: "workers.embed_pool",
    JobKind.TRAIN_ROUND: "workers.train_round",
    JobKind.SCORE_POOL: "workers.score_pool",
    JobKind.DERIVE_PICTURES: "workers.derive_pictures",
    JobKind.DRAW_MAP: "workers.draw_map",
    JobKind.IMPORT_IMAGES: "workers.import_images",
    JobKind.SCREEN_POOL: "workers.screen_pool",
    JobKind.INGEST_ARCHIVE: "workers.ingest_archive",
    JobKind.FETCH_ADDRESSES: "workers.fetch_addresses",
    JobKind.TRAIN_FILTER: "workers.train_filter",
    JobKind.SYNC_LOCATION: "workers.sync_location",
    JobKind.MOVE_BATCH: "workers.move_batch",
}

NEXT = {
    JobKind.EMBED_POOL: (JobKind.TRAIN_ROUND,),
    JobKind.TRAIN_ROUND: (JobKind.SCORE_POOL,),
    # The labelers are at work then, and wait for neither of the two.
    JobKind.SCORE_POOL: (JobKind.DERIVE_PICTURES, JobKind.DRAW_MAP),
}


class JobFailedError(Exception):
    """The work cannot be done, and doing it again would not help. The text is for the lead."""


class GaveWayError(Exception):
    """Others wait for a worker, or there is nothing to do `until` then: this job is done later."""

    def __init__(self, until: datetime | None = None) -> None:
        super().__init__(until)
        self.until = until


@dataclass(frozen=True)
class Workbench:
    """What every job may use."""

    settings: Settings
    sessions: Sessions
    blobs: Blobs
    jobs: Jobs

    @property
    def limits(self) -> PictureLimits:
        """What the operator lets a picture have."""
        most = self.settings
        return PictureLimits(bytes=most.most_image_bytes, pixels=most.most_image_pixels)


@dataclass(frozen=True)
class Work:
    """One job in a worker's hands."""

    bench: Workbench
    claim: Claim
    heart: Heart


# A module of MODULES has `compute(work) -> Publish`; Publish writes inside the last transaction, and
# is given what the job belongs to: a round, an import, a batch or a project.
Publish = Callable[[Session, Any], None]


def worker_name() -> str:
    """Host and process: what the lead sees, and what an operator can find."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run_one(bench: Workbench, job_id: int) -> None:
    """Do one job. A message that came twice, or after a cancel, does nothing."""
    with transaction(bench.sessions) as session:
        claim = claim_job(session, job_id, worker_name(), database_now(session))
    if claim is None:
        return
    told = log.bind(job_id=claim.job_id, kind=claim.kind.value, attempt=claim.attempt)
    told.info("job claimed")
    try:
        with Heart(bench.sessions, claim) as heart:
            compute = import_module(MODULES[claim.kind]).compute
            publish = compute(Work(bench, claim, heart))
            _publish(bench, claim, publish)
    except StaleAttemptError:
        told.info("job was cancelled or taken over; its result is dropped")
    except OperationalError as error:
        # The database went away, not the work: the lease lapses and the job comes back.
        told.warning("database unavailable; the job will be tried again", error=str(error))
    except GaveWayError as way:
        told.info("job gives way to others", until=str(way.until))
        _put_back(bench, claim, way.until)
    except JobFailedError as error:
        told.warning("job failed", error=str(error))
        _fail_or_repeat(bench, claim, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the lead must see it
        told.exception("job failed unexpectedly")
        message = f"An unexpected error, told in full in the worker's log: {error!r}"
        _fail_or_repeat(bench, claim, message)
    else:
        told.info("job done")


def _publish(bench: Workbench, claim: Claim, publish: Publish) -> None:
    queued = []
    with transaction(bench.sessions) as session:
        owning, job = lock_owner(session, claim)
        publish(session, owning)
        finish_job(job, database_now(session))
        queued += [
            (queue_job(session, claim.round_id, kind).id, kind) for kind in NEXT.get(claim.kind, ())
        ]
    send_all(bench.jobs, queued)


def _put_back(bench: Workbench, claim: Claim, until: datetime | None = None) -> None:
    try:
        with transaction(bench.sessions) as session:
            put_back(session, claim, database_now(session), until)
    except StaleAttemptError:
        log.info("job that gave way was cancelled", job_id=claim.job_id)


def _fail_or_repeat(bench: Workbench, claim: Claim, message: str) -> None:
    """Fail, unless a picture went from under this job's feet: then it begins again without it."""
    with transaction(bench.sessions) as session:
        repeat = taken_down_during(session, claim.job_id)
    if not repeat:
        _fail(bench, claim, message)
        return
    log.info("job begins again after a takedown", job_id=claim.job_id)
    _put_back(bench, claim)
    send_all(bench.jobs, [(claim.job_id, claim.kind)])


def _fail(bench: Workbench, claim: Claim, message: str) -> None:
    try:
        with transaction(bench.sessions) as session:
            fail_job(session, claim, database_now(session), message)
    except StaleAttemptError:
        log.info("failure of a stale attempt is dropped", job_id=claim.job_id)


def reconcile_once(bench: Workbench) -> None:
    """See `reap_jobs`; send what it returns. Then delete what nobody needs or may have any more."""
    with transaction(bench.sessions) as session:
        waiting = [(job.id, JobKind(job.kind)) for job in reap_jobs(session, database_now(session))]
    for job_id, kind in waiting:
        log.info("job sent again", job_id=job_id, kind=kind.value)
    send_all(bench.jobs, waiting)
    forget_archives(bench)
    forget_uploads(bench)
    erase_pending(bench.sessions, bench.blobs)


def forget_archives(bench: Workbench) -> None:
    """Delete what was uploaded for imports that are over, or that nobody started for a day."""
    with transaction(bench.sessions) as session:
        keys = archives_to_forget(session, database_now(session))
    for key in keys:
        bench.blobs.delete(key)


def forget_uploads(bench: Workbench) -> None:
    """Delete uploads that nobody finished, and the archives of batches that are over."""
    parts = Parts(bench.settings.data_dir / FOLDER)
    with transaction(bench.sessions) as session:
        gone = uploads_to_forget(session, database_now(session))
        keys = batch_blobs_to_forget(session)
        # The bytes before the commit: whoever dies in between leaves rows that are found again.
        for upload_id, became_a_batch in gone:
            parts.remove(upload_id)
            if not became_a_batch:  # its process may have died between the bytes and the batch
                keys.append(blob_key(upload_id))
        for key in keys:
            bench.blobs.delete(key)
