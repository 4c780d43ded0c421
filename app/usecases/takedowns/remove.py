"""Remove pictures from everything that shows them or computes with them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db.tables import Exemplar, Image, Project, Round, Table
from app.domain.dataset import Cause
from app.domain.takedown import Effect
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.likeness.leaks import forget_likenesses
from app.usecases.likeness.near_duplicates import leave_groups
from app.usecases.takedowns.erase import erase_later
from app.usecases.takedowns.find import effect_on
from app.usecases.takedowns.unmap import forget_on_maps
from app.usecases.takedowns.withdraw import withdraw_questions

# The columns of what would go with the row of an image, were that deleted: its candidate, its
# sources, its place in batches and groups.
_BELONGS = tuple(
    key.parent
    for table in Table.metadata.sorted_tables
    for key in table.foreign_keys
    if key.column is Image.__table__.c.id and key.ondelete == "CASCADE"
)


def lock_project(session: Session, project_id: int) -> None:
    """As whoever makes a version; whoever stores pictures holds the row, too: see `admit`."""
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())


def remove_images(
    session: Session, blobs: Blobs, project: Project, image_ids: Collection[int], now: datetime
) -> Effect:
    """Make pictures of a project gone; their bytes are erased after the commit.

    The rows of the images stay, and with them what frozen versions and the log of decisions say.
    What was a member of the dataset leaves it with a new version. The caller holds the project
    for update, which also keeps publishing workers out.
    """
    if not image_ids:
        return Effect()
    effect = effect_on(session, project.id, image_ids)
    hashes = session.scalars(
        update(Image)
        .where(Image.id.in_(image_ids))
        .values(taken_down_at=now)
        .returning(Image.sha256)
    ).all()
    leave_groups(session, image_ids)
    forget_likenesses(session, image_ids)
    withdraw_questions(session, project.id, image_ids)
    _forget(session, project, image_ids)
    forget_on_maps(session, blobs, project.id, image_ids)
    if _end_memberships(session, project, image_ids):
        session.flush()
        freeze_dataset(session, project, Cause.TAKEDOWN)
    erase_later(session, hashes)
    return effect


def _forget(session: Session, project: Project, image_ids: Collection[int]) -> None:
    for column in _BELONGS:
        session.execute(delete(column.table).where(column.in_(image_ids)))
    rounds = select(Round.id).where(Round.project_id == project.id)
    session.execute(
        delete(Exemplar).where(Exemplar.round_id.in_(rounds), Exemplar.image_id.in_(image_ids))
    )


def _end_memberships(session: Session, project: Project, image_ids: Collection[int]) -> bool:
    """Whether anything was in the dataset. What no version has seen leaves no trace."""
    where = {"new": next_version(session, project), "images": list(image_ids)}
    ended = 0
    for table in ("example", "hard_negative"):
        unseen = text(
            f"DELETE FROM {table} WHERE image_id = ANY (:images) AND to_version IS NULL "  # noqa: S608
            "AND from_version = :new"
        )
        seen = text(
            f"UPDATE {table} SET to_version = :new "  # noqa: S608 - one of two names above
            "WHERE image_id = ANY (:images) AND to_version IS NULL"
        )
        session.execute(unseen, where)
        ended += session.execute(seen, where).rowcount  # type: ignore[attr-defined]
    return ended > 0
