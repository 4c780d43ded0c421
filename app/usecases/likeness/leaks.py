"""Candidates that nearly are pictures of the test split: released by a lead, and taken back."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.orm import Session

from app.db.tables import Candidate, Example, Image, Leak, Likeness, NearDuplicate, Project
from app.domain.batch import Standing
from app.domain.dataset import Split
from app.domain.errors import NotFoundError


def release_leak(
    session: Session, project: Project, sha256: str, user_id: int, now: datetime
) -> bool:
    """Say that a candidate is another photograph than the test picture; False when that was said.

    Rounds may ask about it again, or about the image that speaks for it.

    Raises:
        NotFoundError: when the project has no such leak.
    """
    leak = _locked(session, project, sha256)
    if leak.released_at is not None:
        return False
    leak.released_at, leak.released_by = now, user_id
    behind = session.scalar(
        select(NearDuplicate.image_id).where(
            NearDuplicate.image_id == leak.image_id, NearDuplicate.detached_at.is_(None)
        )
    )
    _stand(session, leak.image_id, Standing.OPEN if behind is None else Standing.NEAR_DUPLICATE)
    return True


def quarantine_leak(session: Session, project: Project, sha256: str) -> bool:
    """Take `release_leak` back; False when there is nothing to take back.

    Raises:
        NotFoundError: when the project has no such leak.
    """
    leak = _locked(session, project, sha256)
    if leak.released_at is None:
        return False
    leak.released_at, leak.released_by = None, None
    _stand(session, leak.image_id, Standing.QUARANTINED)
    return True


def forget_likenesses(session: Session, image_ids: Collection[int]) -> None:
    """Images are gone for good: nothing is found by them, or kept back because of them, any more.

    What was quarantined because of them is screened again.
    """
    _screen_again(session, Leak.test_image_id.in_(image_ids))
    session.execute(delete(Leak).where(Leak.image_id.in_(image_ids)))
    session.execute(delete(Likeness).where(Likeness.image_id.in_(image_ids)))


def forget_old_leaks(session: Session, project_id: int) -> None:
    """Screen again what was quarantined because of pictures that are in the test split no more.

    What a lead has released stays so, should the test picture come back. The caller holds the
    project for update.
    """
    tested = exists().where(
        Example.image_id == Leak.test_image_id,
        Example.split == Split.TEST,
        Example.to_version.is_(None),
    )
    _screen_again(session, Leak.project_id == project_id, Leak.released_at.is_(None), ~tested)


def _screen_again(session: Session, *leaks: ColumnElement[bool]) -> None:
    freed = session.scalars(delete(Leak).where(*leaks).returning(Leak.image_id)).all()
    session.execute(
        update(Candidate)
        .where(Candidate.image_id.in_(freed), Candidate.standing == Standing.QUARANTINED)
        .values(standing=Standing.NEW)
    )


def _locked(session: Session, project: Project, sha256: str) -> Leak:
    # The project first, as everywhere: nothing is published meanwhile.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    leak = session.scalar(
        select(Leak)
        .join(Image, Image.id == Leak.image_id)
        .join(Candidate, Candidate.image_id == Leak.image_id)
        .where(Image.project_id == project.id, Image.sha256 == sha256)
    )
    if leak is None:
        raise NotFoundError("leak", sha256)
    return leak


def _stand(session: Session, image_id: int, standing: Standing) -> None:
    session.execute(
        update(Candidate).where(Candidate.image_id == image_id).values(standing=standing)
    )
