"""Engines and transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session, sessionmaker


def make_engine(database_url: str, *, connections: int) -> Engine:
    """An engine with at most `connections` connections, each checked before use."""
    return create_engine(
        database_url, pool_size=connections, max_overflow=0, pool_pre_ping=True, pool_timeout=10
    )


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """A factory of sessions. Rows stay readable after the commit: answers are built from them."""
    return sessionmaker(engine, expire_on_commit=False)


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
