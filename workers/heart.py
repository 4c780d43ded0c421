"""A running job's heartbeat: renews the lease, shows the progress, hears of a cancel."""

import threading
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.domain.errors import StaleAttemptError
from app.domain.job import HEARTBEAT
from app.usecases.run_jobs import Claim, beat

log = structlog.get_logger()


class Heart:
    """Beats in a thread of its own for as long as the context lasts.

    The thread needs its own connection, and the GIL now and then: torch releases it in its kernels.
    """

    def __init__(self, sessions: sessionmaker[Session], claim: Claim) -> None:
        self._sessions = sessions
        self._claim = claim
        self._step = 0
        self._steps: int | None = None
        self._stale = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heart-{claim.job_id}", daemon=True)

    def progress(self, step: int, steps: int | None) -> None:
        """Tell how far the work is; shown at the next beat.

        Raises:
            StaleAttemptError: when the job was cancelled or taken over: stop working.
        """
        self._step, self._steps = step, steps
        self.check()

    def check(self) -> None:
        """Raise StaleAttemptError when the job was cancelled or taken over."""
        if self._stale.is_set():
            raise StaleAttemptError(self._claim.job_id, self._claim.attempt)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(HEARTBEAT.total_seconds()):
            try:
                with transaction(self._sessions) as session:
                    alive = beat(
                        session, self._claim, database_now(session), self._step, self._steps
                    )
            except SQLAlchemyError as error:
                # Missed beats are what the lease's length allows for.
                log.warning("heartbeat missed", job_id=self._claim.job_id, error=str(error))
                continue
            if not alive:
                self._stale.set()
                return
