"""The pictures of a batch that a lead withdraws or brings back, some in each transaction.

Whoever takes over from a worker that died passes over what is done.
"""

from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Batch
from app.domain.batch import Moving
from app.usecases.pool.move_batch import (
    count_pictures,
    lock_move,
    move_members,
    move_pictures,
    next_pictures,
)
from app.usecases.run_jobs import got_on
from workers.runner import Publish, Work

# A tenth of a second: so long waits who makes a version, screens, or sends one of these pictures.
SOME = 2000


def compute(work: Work) -> Publish:
    """Move members, then pictures."""
    sessions = work.bench.sessions
    with transaction(sessions) as session:
        batch, _ = lock_move(session, work.claim)
        move_members(session, batch)
        total = count_pictures(session, batch)
    done = after = 0
    while True:
        work.heart.progress(done, total)
        with transaction(sessions) as session:
            batch, job = lock_move(session, work.claim)
            some = next_pictures(session, batch, after, SOME)
            if not some:
                return _publish
            move_pictures(session, batch, some)
            got_on(job)
        done, after = done + len(some), some[-1]


def _publish(_session: Session, batch: Batch) -> None:
    if batch.moving == Moving.RETURNING:
        batch.withdrawal = None
    batch.moving = None
