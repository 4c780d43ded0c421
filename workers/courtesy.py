"""Long work on the queue of the rounds' steps looks now and then whether one of them waits."""

from time import monotonic

from app.db.session import database_now
from app.usecases.run_jobs import step_waits
from workers.runner import GaveWayError, Work

_EVERY = 2.0  # seconds between two looks at who waits


class Courteous:
    """Tells the progress, and looks now and then whether somebody waits for this worker."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._next = 0.0

    def __call__(self, step: int, steps: int) -> None:
        """See `Heart.progress`.

        Raises:
            GaveWayError: when a step of a round waits.
        """
        self._work.heart.progress(step, steps)
        if monotonic() < self._next:
            return
        self._next = monotonic() + _EVERY
        with self._work.bench.sessions() as session:
            if step_waits(session, database_now(session)):
                raise GaveWayError
