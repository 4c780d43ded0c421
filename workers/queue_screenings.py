"""Now and then: whoever has something new to screen gets a job for it."""

from app.db.session import database_now, transaction
from app.domain.job import JobKind
from app.jobs import send_all
from app.usecases.pool.screen_pool import projects_to_screen, queue_screening
from app.usecases.run_jobs import step_waits
from workers.runner import Workbench


def queue_screenings(bench: Workbench) -> int:
    """Queue a job for each project that needs one, unless a round waits; gives how many."""
    with bench.sessions.reading() as session:
        now = database_now(session)
        due = [] if step_waits(session, now) else projects_to_screen(session, now)
    queued = []
    for project_id in due:
        with transaction(bench.sessions) as session:
            job = queue_screening(session, project_id, now)
            if job is not None:
                queued.append((job.id, JobKind.SCREEN_POOL))
    send_all(bench.jobs, queued)
    return len(queued)
