"""A pooled connection is checked without a journey, and a dead one is never handed to a request."""

import pytest
from sqlalchemy import text

from app.db.session import Sessions, make_engine, make_sessions, transaction

IDENTITY = text("SELECT pg_backend_pid()")
NEWEST = text("SELECT query FROM pg_stat_activity WHERE pid = :pid")


def pid_at(sessions: Sessions) -> int:
    with sessions() as session:
        return int(session.scalars(IDENTITY).one())


def test_a_connection_that_the_server_closed_is_replaced(
    sessions: Sessions, database_url: str
) -> None:
    before = pid_at(sessions)
    engine = make_engine(database_url, connections=1)
    with transaction(make_sessions(engine)) as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
    engine.dispose()
    # The very next request, not the one after a failure.
    assert pid_at(sessions) != before


def test_a_connection_with_a_message_waiting_is_asked_and_kept(
    sessions: Sessions, database_url: str
) -> None:
    with transaction(sessions) as session:
        session.execute(text("LISTEN news"))
        before = session.scalars(IDENTITY).one()
    engine = make_engine(database_url, connections=1)
    with transaction(make_sessions(engine)) as other:
        other.execute(text("NOTIFY news"))
    engine.dispose()
    assert pid_at(sessions) == before


def test_only_a_connection_that_was_silent_for_long_is_asked(
    sessions: Sessions, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = pid_at(sessions)
    engine = make_engine(database_url, connections=1)
    watching = make_sessions(engine)

    def newest_statement() -> str:
        # As PostgreSQL saw it: the check does not pass through SQLAlchemy.
        with watching() as session:
            return str(session.scalars(NEWEST, {"pid": pid}).one())

    with sessions() as session:
        session.connection()
        assert newest_statement() == "ROLLBACK"
    monkeypatch.setattr("app.db.session.IDLE", 0.0)
    with sessions() as session:
        session.connection()
        assert newest_statement() == "SELECT 1"
    engine.dispose()


def test_reading_opens_no_transaction(sessions: Sessions) -> None:
    with sessions.reading() as session:
        first, second = (session.scalars(text("SELECT now()")).one() for _ in range(2))
        assert first < second
    with sessions() as session:
        first, second = (session.scalars(text("SELECT now()")).one() for _ in range(2))
        assert first == second
