"""The port to the task engine: a job's id goes out, after the commit that made the job."""

from collections.abc import Iterable
from typing import Protocol

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from app.domain.job import QUEUE_OF, JobKind

log = structlog.get_logger()

RUN_JOB = "vetted.run_job"


class Jobs(Protocol):
    """Carries jobs to workers."""

    def send(self, job_id: int, kind: JobKind) -> bool:
        """Send the id; False when the broker cannot be reached (`reconcile` will send it again)."""
        ...


class CeleryJobs:
    """Sends through Celery. It knows tasks by name only: no worker code is imported."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    def send(self, job_id: int, kind: JobKind) -> bool:
        """See `Jobs.send`. The truth is in the job table, so a lost message costs seconds, not work."""
        try:
            self._celery.send_task(RUN_JOB, args=[job_id], queue=QUEUE_OF[kind].value, retry=False)
        except OperationalError as error:
            log.warning("job not sent; reconcile will send it", job_id=job_id, error=str(error))
            return False
        return True


def send_all(jobs: Jobs, queued: Iterable[tuple[int, JobKind]]) -> None:
    """Send each of the jobs."""
    for job_id, kind in queued:
        jobs.send(job_id, kind)


def make_celery(broker_url: str) -> Celery:
    """A Celery application without results: the job table tells what became of a job."""
    celery = Celery("vetted", broker=broker_url)
    celery.conf.update(
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,  # it would put a prefix before each line of JSON
        task_default_queue="light",
    )
    return celery
