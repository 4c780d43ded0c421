"""The operator takes pictures down on the whole server, and lifts a takedown that was a mistake."""

from dataclasses import asdict, astuple
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import Blobs
from app.db.session import database_now, transaction
from app.db.tables import Project, Takedown, Tombstone
from app.domain.errors import NotFoundError
from app.domain.event import Verb
from app.domain.takedown import Effect, Kind, Named
from app.usecases.events import record
from app.usecases.takedowns.erase import erase_pending
from app.usecases.takedowns.find import effect_on, images_named, images_with
from app.usecases.takedowns.remove import lock_project, remove_images
from app.usecases.takedowns.tombstones import (
    SHORT,
    Asked,
    in_force,
    keep_out,
    keep_out_images,
    lift,
    record_takedown,
    write_takedown,
)


def preview_everywhere(session: Session, what: Named) -> list[tuple[str, Effect]]:
    """What `take_down_everywhere` would do now, by the slugs of the projects that have any."""
    found = []
    hashes = _hashes(session, what)
    for project in session.scalars(select(Project).order_by(Project.id)).all():
        ids = [row.id for row in images_with(session, project.id, hashes)]
        if ids:
            found.append((project.slug, effect_on(session, project.id, ids)))
    return found


def take_down_everywhere(
    sessions: sessionmaker[Session], blobs: Blobs, asked: Asked
) -> list[tuple[str, Effect]]:
    """Remove the named pictures from all projects, keep them out of all, and erase them.

    The tombstones are committed first; the projects follow one by one, each in a transaction of its
    own. Called again after it broke off, it goes on where it was.

    Returns:
        What it did to each project that had any, by slug.
    """
    with transaction(sessions) as session:
        takedown = in_force(session, None, asked.what) or write_takedown(session, None, asked)
        takedown_id = takedown.id
        keep_out(session, takedown, _hashes(session, asked.what))
        projects = session.scalars(select(Project.id).order_by(Project.id)).all()
    done = []
    for project_id in projects:
        with transaction(sessions) as session:
            found = _take_down(session, blobs, project_id, takedown_id, asked.what)
        if found is not None:
            done.append(found)
    erase_pending(sessions, blobs)
    return done


def lift_everywhere(session: Session, what: Named, now: datetime) -> Takedown:
    """The operator lets it come again.

    Raises:
        NotFoundError: when the operator has not taken it down.
    """
    takedown = in_force(session, None, what)
    if takedown is None:
        raise NotFoundError("takedown", what.key)
    lift(session, takedown, None, now)
    for project_id in session.scalars(select(Project.id).order_by(Project.id)).all():
        record(session, project_id, None, Verb.LIFT_TAKEDOWN, takedown.key[:SHORT], id=takedown.id)
    return takedown


def _take_down(
    session: Session, blobs: Blobs, project_id: int, takedown_id: int, what: Named
) -> tuple[str, Effect] | None:
    lock_project(session, project_id)
    project = session.get_one(Project, project_id)
    # Another process may be at the next project with the same takedown.
    takedown = session.get_one(Takedown, takedown_id, with_for_update=True)
    keys = session.scalars(select(Tombstone.key).where(Tombstone.takedown_id == takedown_id)).all()
    # What is named, and what has the bytes of what is named elsewhere.
    rows = [*images_named(session, project_id, what), *images_with(session, project_id, keys)]
    ids = sorted({row.id for row in rows})
    if not ids:
        return None
    keep_out_images(session, takedown, ids)
    effect = remove_images(session, blobs, project, ids, database_now(session))
    before = Effect(**takedown.effect)
    takedown.effect = asdict(
        Effect(*(one + other for one, other in zip(astuple(before), astuple(effect), strict=True)))
    )
    record_takedown(session, project, takedown, effect)
    return project.slug, effect


def _hashes(session: Session, what: Named) -> set[str]:
    """The hashes of all pictures that are named, in whatever project."""
    if what.kind is Kind.PICTURE:
        return {what.key}
    projects = session.scalars(select(Project.id)).all()
    return {row.sha256 for each in projects for row in images_named(session, each, what)}
