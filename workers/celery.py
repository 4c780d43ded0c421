"""The Celery application: `celery -A workers.celery worker -Q compute --pool=solo` and the other queues.

Delivery is at least once and a message may be lost; the job table makes both harmless. The light
worker's beat runs `reconcile`, which queues again what died and sends again what was lost,
`count_quality`, and `queue_screenings` for what is new in a pool.
"""

import logging
import os
from functools import cache

from app.blobs import open_blobs
from app.db.session import make_engine, make_sessions
from app.domain.outbound import PrivateHosts
from app.jobs import RUN_JOB, CeleryJobs, make_celery
from app.logs import configure_logs
from app.outbound import Outbound
from app.settings import Settings
from workers.count_quality import count_once
from workers.deliver_webhooks import deliver_once
from workers.queue_screenings import queue_screenings
from workers.runner import Workbench, reconcile_once, run_one

# A beat every three seconds is no news; what happens to jobs is told by the runner.
for name in ("celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(name).setLevel(logging.WARNING)

RECONCILE = "vetted.reconcile"
RECONCILE_EVERY = 3.0  # seconds
COUNT_QUALITY = "vetted.count_quality"
COUNT_QUALITY_EVERY = 10.0  # seconds
DELIVER = "vetted.deliver_webhooks"
DELIVER_EVERY = 3.0  # seconds
SCREEN = "vetted.queue_screenings"
SCREEN_EVERY = 5.0  # seconds

# Torch's threads wait asleep, not spinning: on cores that are shared with a database and a browser,
# spinning made the forward pass three times slower. Read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

configure_logs()
settings = Settings()  # type: ignore[call-arg]
app = make_celery(settings.broker_url)
app.conf.beat_schedule = {
    RECONCILE: {
        "task": RECONCILE,
        "schedule": RECONCILE_EVERY,
        # A tick that waited behind others is worthless.
        "options": {"queue": "light", "expires": RECONCILE_EVERY},
    },
    COUNT_QUALITY: {
        "task": COUNT_QUALITY,
        "schedule": COUNT_QUALITY_EVERY,
        "options": {"queue": "light", "expires": COUNT_QUALITY_EVERY},
    },
    DELIVER: {
        "task": DELIVER,
        "schedule": DELIVER_EVERY,
        "options": {"queue": "light", "expires": DELIVER_EVERY},
    },
    SCREEN: {
        "task": SCREEN,
        "schedule": SCREEN_EVERY,
        "options": {"queue": "light", "expires": SCREEN_EVERY},
    },
}


@cache
def _bench() -> Workbench:
    engine = make_engine(settings.database_url, connections=10)
    return Workbench(
        settings=settings,
        sessions=make_sessions(engine),
        blobs=open_blobs(settings, settings.data_dir),
        jobs=CeleryJobs(app),
    )


@app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
def run_job(job_id: int) -> None:
    """Do one job, unless it is taken or done."""
    run_one(_bench(), job_id)


@app.task(name=RECONCILE)  # type: ignore[untyped-decorator]
def reconcile() -> None:
    """Queue again the jobs of dead workers and send again lost messages."""
    reconcile_once(_bench())


@app.task(name=COUNT_QUALITY)  # type: ignore[untyped-decorator]
def count_quality() -> None:
    """Count how well rounds are labeled, where that has changed."""
    count_once(_bench().sessions)


@cache
def _outbound() -> Outbound:
    return Outbound(PrivateHosts.of(settings.private_hosts or ""))


@app.task(name=DELIVER)  # type: ignore[untyped-decorator]
def deliver_webhooks() -> None:
    """Try the webhooks that are due."""
    deliver_once(_bench().sessions, _outbound(), settings)


@app.task(name=SCREEN)  # type: ignore[untyped-decorator]
def screen() -> None:
    """Queue the screening of what is new in the pools."""
    queue_screenings(_bench())
