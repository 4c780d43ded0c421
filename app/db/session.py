"""Engines and transactions."""

import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

# Poll takes any number of open files; where there is none (Windows), select does.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


IDLE = 30.0
"""Seconds after which a connection may have died without a word, as behind a firewall."""


def make_engine(database_url: str, *, connections: int) -> Engine:
    """An engine with at most `connections` connections, each checked before use."""
    engine = create_engine(
        database_url, pool_size=connections, max_overflow=0, pool_use_lifo=True, pool_timeout=10
    )
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", _check)
    return engine


def _note_idle(_: object, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _check(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
    """Refuse a dead connection; the pool then opens another.

    A ping before each use would be a journey to the database for each request. A server that
    stops or fails over closes its connections, which is seen here for nothing; only after a
    while of silence, or when the server has said something, is it asked.
    """
    idle = time.monotonic() - record.info.get("idle_since", time.monotonic())
    if idle < IDLE and not _has_news(connection):
        return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError from error


def _has_news(connection: Any) -> bool:
    """Whether there is something to read at a connection that waits for nothing: often its end."""
    if connection.closed:
        return True
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


class Sessions(sessionmaker[Session]):
    """Makes sessions. Rows stay readable after the commit: answers are built from them."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> Session:
        """A session for reading, without a transaction: each statement sees what is committed.

        That is what PostgreSQL's default isolation shows inside a transaction too, but BEGIN and
        COMMIT would be two more journeys. Whoever locks rows or writes takes a `transaction`.
        """
        return self(bind=self._autocommit)


def make_sessions(engine: Engine) -> Sessions:
    """A factory of sessions."""
    return Sessions(engine)


@contextmanager
def transaction(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction: committed at the end, rolled back on any exception."""
    with sessions() as session:
        yield session
        session.commit()


def database_now(session: Session) -> datetime:
    """The database's clock: leases of many machines must be compared on one clock."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now
