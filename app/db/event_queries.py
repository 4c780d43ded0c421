"""Reading the log of a project, the newest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from app.db.tables import Event, User
from app.domain.event import Verb

_BATCH = 1000


@dataclass(frozen=True)
class EventFilter:
    """Which events; None is all. `login` is of the person who did it."""

    verb: Verb | None = None
    login: str | None = None


def event_page(
    session: Session, project_id: int, wanted: EventFilter, before: int | None, limit: int
) -> Sequence[Row[Event, str, str]]:
    """(event, login, name) with an id below `before`; the person is None for the operator."""
    query = _query(project_id, wanted).limit(limit)
    if before is not None:
        query = query.where(Event.id < before)
    return session.execute(query).all()


def all_events(
    session: Session, project_id: int, wanted: EventFilter
) -> Iterator[Row[Event, str, str]]:
    """The same without an end, by batches from a cursor of the server's; needs a transaction."""
    query = _query(project_id, wanted)
    yield from session.execute(query, execution_options={"yield_per": _BATCH})


def event_people(session: Session, project_id: int) -> Sequence[Row[str, str]]:
    """(login, name) of everybody who has done something, by login."""
    did = select(Event.user_id).where(Event.project_id == project_id)
    return session.execute(
        select(User.login, User.name).where(User.id.in_(did)).order_by(User.login)
    ).all()


def _query(project_id: int, wanted: EventFilter) -> Select[Event, str, str]:
    query = (
        select(Event, User.login, User.name)
        .join(User, User.id == Event.user_id, isouter=True)
        .where(Event.project_id == project_id)
        .order_by(Event.id.desc())
    )
    if wanted.verb is not None:
        query = query.where(Event.verb == wanted.verb)
    if wanted.login is not None:
        query = query.where(User.login == wanted.login)
    return query
