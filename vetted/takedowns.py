"""Takedowns on the whole server, at the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.blobs import Blobs
from app.db.session import Sessions, database_now, make_engine, make_sessions, transaction
from app.domain.takedown import Effect, Named
from app.usecases.takedowns.everywhere import (
    lift_everywhere,
    preview_everywhere,
    take_down_everywhere,
)
from app.usecases.takedowns.tombstones import Asked

_NOWHERE = "No project has it. It is kept out from now on."


def preview_on_server(url: str, what: Named) -> list[str]:
    """What would go, a line for each project that has any."""
    with _sessions(url) as sessions, transaction(sessions) as session:
        return _told(preview_everywhere(session, what))


def take_down_on_server(url: str, blobs: Blobs, asked: Asked) -> list[str]:
    """Take it down; what went, a line for each project that had any."""
    with _sessions(url) as sessions:
        done = take_down_everywhere(sessions, blobs, asked)
    return (
        ["Taken down.", *_told(done)] if done else ["Nothing was left to remove; it is kept out."]
    )


def lift_on_server(url: str, what: Named) -> str:
    """Let it come again.

    Raises:
        NotFoundError: when the operator has not taken it down.
    """
    with _sessions(url) as sessions, transaction(sessions) as session:
        lift_everywhere(session, what, database_now(session))
    return "It may come again. It does not come back by itself: send the pictures again."


def _told(found: list[tuple[str, Effect]]) -> list[str]:
    return [
        f"{slug}: {of.images} pictures ({of.candidates} in the pool, {of.examples} examples, "
        f"{of.hard_negatives} hard negatives, {of.questions} open questions, in {of.versions} "
        f"frozen versions); {of.near_duplicates} near-duplicates stay."
        for slug, of in found
    ] or [_NOWHERE]


@contextmanager
def _sessions(url: str) -> Iterator[Sessions]:
    engine = make_engine(url, connections=2)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()
