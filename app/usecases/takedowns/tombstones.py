"""The rows that keep pictures out: written by a takedown, and lifted."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Image, Project, SyncedObject, Takedown, Tombstone
from app.domain.event import Verb
from app.domain.takedown import Effect, Kind, Named
from app.usecases.events import record
from app.usecases.takedowns.erase import erase_later
from app.usecases.takedowns.find import own_addresses

SHORT = 12
"""Digits of a key that are shown: an address may tell what must not be told any more."""


@dataclass(frozen=True)
class Asked:
    """Who wants what gone, and why. Without a user it is the operator."""

    what: Named
    reason: str
    user_id: int | None = None


def in_force(session: Session, project_id: int | None, what: Named) -> Takedown | None:
    """The takedown that names this in a project, or (None) on the whole server; locked."""
    scope = (
        Takedown.project_id.is_(None) if project_id is None else Takedown.project_id == project_id
    )
    return session.scalar(
        select(Takedown)
        .where(scope, Takedown.key == what.key, Takedown.lifted_at.is_(None))
        .with_for_update()
        .limit(1)
    )


def write_takedown(session: Session, project_id: int | None, asked: Asked) -> Takedown:
    """The takedown with the tombstone of what it names; nothing is removed yet."""
    takedown = Takedown(
        project_id=project_id,
        kind=asked.what.kind,
        key=asked.what.key,
        reason=asked.reason,
        made_by=asked.user_id,
    )
    session.add(takedown)
    session.flush()
    keep_out(session, takedown, {asked.what.key})
    if asked.what.kind is Kind.PICTURE:
        # Bytes may lie there without a row: those of an upload that broke off.
        erase_later(session, {asked.what.key})
    return takedown


def keep_out(session: Session, takedown: Takedown, keys: Collection[str]) -> None:
    """Tombstones for more of what a takedown took."""
    rows = [
        {"takedown_id": takedown.id, "key": key, "project_id": takedown.project_id}
        for key in sorted(keys)
    ]
    if rows:
        session.execute(insert(Tombstone).values(rows).on_conflict_do_nothing())


def keep_out_images(session: Session, takedown: Takedown, image_ids: Collection[int]) -> None:
    """Tombstones for pictures and the addresses that only these came from. Call it before they go."""
    hashes = session.scalars(select(Image.sha256).where(Image.id.in_(image_ids)))
    keep_out(session, takedown, {*hashes, *own_addresses(session, image_ids)})


def lift(session: Session, takedown: Takedown, user_id: int | None, now: datetime) -> None:
    """Nothing is kept out any more by this takedown; the next sync reads its pictures again."""
    takedown.lifted_by, takedown.lifted_at = user_id, now
    keys = select(Tombstone.key).where(Tombstone.takedown_id == takedown.id)
    again = delete(SyncedObject).where(SyncedObject.sha256.in_(keys))
    if takedown.project_id is not None:
        again = again.where(SyncedObject.project_id == takedown.project_id)
    session.execute(again)
    session.execute(
        update(Tombstone).where(Tombstone.takedown_id == takedown.id).values(lifted=True)
    )
    # A sync passes over what it has read before: now it is to read these again.
    keys = select(Tombstone.key).where(Tombstone.takedown_id == takedown.id)
    read = delete(SyncedObject).where(SyncedObject.sha256.in_(keys))
    if takedown.project_id is not None:
        read = read.where(SyncedObject.project_id == takedown.project_id)
    session.execute(read)


def record_takedown(session: Session, project: Project, takedown: Takedown, effect: Effect) -> None:
    """Write the event of a project."""
    record(
        session,
        project.id,
        takedown.made_by,
        Verb.TAKE_DOWN,
        takedown.key[:SHORT],
        id=takedown.id,
        kind=takedown.kind,
        reason=takedown.reason,
        **asdict(effect),
    )
