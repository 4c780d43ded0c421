"""A lead takes pictures down in a project, and lifts a takedown that was a mistake."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db.tables import Project, Takedown
from app.domain.errors import InvalidError, NotFoundError
from app.domain.event import Verb
from app.domain.takedown import Effect, Named
from app.usecases.events import record
from app.usecases.takedowns.find import effect_on, images_named
from app.usecases.takedowns.remove import lock_project, remove_images
from app.usecases.takedowns.tombstones import (
    SHORT,
    Asked,
    in_force,
    keep_out_images,
    lift,
    record_takedown,
    write_takedown,
)


def preview_takedown(session: Session, project: Project, what: Named) -> Effect:
    """What `take_down` would do now."""
    found = images_named(session, project.id, what)
    return effect_on(session, project.id, [row.id for row in found])


def take_down(
    session: Session, blobs: Blobs, project: Project, asked: Asked, now: datetime
) -> Takedown:
    """Remove the named pictures from a project, and keep them out from now on.

    In whatever state a round is: the law does not wait. Bytes that no other project holds are
    erased after the commit. What is not here (yet) is kept out, too.

    Raises:
        InvalidError: when it is taken down already.
    """
    lock_project(session, project.id)
    if any(in_force(session, scope, asked.what) for scope in (project.id, None)):
        raise InvalidError("what", "This is taken down already, and nothing of it can come back.")
    takedown = write_takedown(session, project.id, asked)
    ids = [row.id for row in images_named(session, project.id, asked.what)]
    keep_out_images(session, takedown, ids)
    effect = remove_images(session, blobs, project, ids, now)
    takedown.effect = asdict(effect)
    record_takedown(session, project, takedown, effect)
    return takedown


def lift_takedown(
    session: Session, project: Project, takedown_id: int, user_id: int, now: datetime
) -> Takedown:
    """Let what was taken down come again. It does not come back by itself: the bytes are gone.

    Raises:
        NotFoundError: when the project has no such takedown (the operator's are the operator's).
        InvalidError: when it was lifted already.
    """
    takedown = session.scalar(
        select(Takedown)
        .where(Takedown.project_id == project.id, Takedown.id == takedown_id)
        .with_for_update()
    )
    if takedown is None:
        raise NotFoundError("takedown", takedown_id)
    if takedown.lifted_at is not None:
        raise InvalidError("takedown", "This takedown was lifted already.")
    lift(session, takedown, user_id, now)
    record(session, project.id, user_id, Verb.LIFT_TAKEDOWN, takedown.key[:SHORT], id=takedown.id)
    return takedown
