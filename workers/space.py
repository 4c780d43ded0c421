"""The floor under the disk holds for workers, too: they bring nothing in while it is nearly full."""

from datetime import timedelta

import structlog

from app.db.session import database_now
from app.disk import free_bytes
from app.settings import Settings
from workers.runner import GaveWayError, Work

log = structlog.get_logger()

WHILE_FULL = timedelta(minutes=1)
"""After so long a job looks again whether there is space."""


def is_full(settings: Settings) -> bool:
    """Whether less is free than has to be; pictures that go into a bucket take nothing."""
    return settings.blobs is None and free_bytes(settings.data_dir) < settings.least_free_bytes


def need_space(work: Work) -> None:
    """Put a job that brings pictures off while the disk is nearly full; it goes on where it was.

    Raises:
        GaveWayError: when it is.
    """
    if not is_full(work.bench.settings):
        return
    log.warning("nothing comes in while the disk is nearly full", job_id=work.claim.job_id)
    with work.bench.sessions() as session:
        raise GaveWayError(database_now(session) + WHILE_FULL)
