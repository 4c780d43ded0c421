"""Two transactions at once, in an order that the test decides.

The first one does its work and stays open. The second one is let go and either ends or waits for a
lock of the first, which PostgreSQL itself tells. Then the first commits. Nothing sleeps for luck.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

Step = Callable[[Session], Any]
PATIENCE = 20.0  # seconds

_BLOCKED = text("SELECT cardinality(pg_blocking_pids(:pid)) > 0")


@dataclass(frozen=True)
class Finish:
    """How a race ended: what each side gave, an exception being a result like any other."""

    first: Any
    second: Any
    waited: bool


class Race:
    """Runs races on one database."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def run(self, first: Step, second: Step, *, first_commits: bool = True) -> Finish:
        """`first` acts and stays open, `second` runs until it ends or waits, `first` ends."""
        with ThreadPoolExecutor(1) as pool, self._sessions() as ahead:
            one = _result(first, ahead)
            if isinstance(one, Exception):
                raise one
            pids: list[int] = []
            behind = pool.submit(self._behind, second, pids)
            waited = self._ends_or_waits(behind, pids)
            (ahead.commit if first_commits else ahead.rollback)()
            return Finish(one, behind.result(PATIENCE), waited)

    def _behind(self, step: Step, pids: list[int]) -> Any:
        with self._sessions() as session:
            pids.append(session.scalars(text("SELECT pg_backend_pid()")).one())
            result = _result(step, session)
            if not isinstance(result, Exception):
                session.commit()
            return result

    def _ends_or_waits(self, behind: Future[Any], pids: list[int]) -> bool:
        deadline = time.monotonic() + PATIENCE
        with self._sessions() as watcher:
            while not behind.done():
                if pids and watcher.scalars(_BLOCKED, {"pid": pids[0]}).one():
                    return True
                assert time.monotonic() < deadline, "it neither ends nor waits for a lock"
                time.sleep(0.005)
        return False


def _result(step: Step, session: Session) -> Any:
    try:
        return step(session)
    except Exception as error:  # noqa: BLE001 - a refusal is a result here
        session.rollback()
        return error
