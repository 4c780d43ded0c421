"""Reading batches, and where the pictures of one or of the whole pool stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Label, Row, Select, func, select
from sqlalchemy.orm import Session

from app.db.tables import (
    Batch,
    BatchImage,
    BatchRefusal,
    Candidate,
    Example,
    Image,
    Job,
    Negative,
    Project,
    User,
)
from app.domain.batch import Standing


@dataclass(frozen=True)
class Standings:
    """How many candidates stand where. Filtered ones would be new or open but for their domain score."""

    open: int = 0
    new: int = 0
    near_duplicate: int = 0
    quarantined: int = 0
    filtered: int = 0


@dataclass(frozen=True)
class BatchStandings(Standings):
    """The same of a batch, with its pictures that are examples or negatives by now."""

    examples: int = 0
    negatives: int = 0


@dataclass(frozen=True)
class Received:
    """What all batches of a project brought together."""

    received: int
    duplicate: int
    rejected: int


@dataclass(frozen=True)
class Owner:
    """Whose batches: of one user through one token (0 for the browser)."""

    user_id: int
    token_id: int


def batch_page(
    session: Session,
    project_id: int,
    owner: Owner | None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Row[Batch, str, str]]:
    """(batch, login, name) with an id below `before`, the newest first; of everybody without owner."""
    query = batches_of(project_id, owner).order_by(Batch.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Batch.id < before)
    return session.execute(query).all()


def one_batch(
    session: Session, project_id: int, owner: Owner | None, batch_id: int
) -> Row[Batch, str, str] | None:
    """A batch of the project and of this owner, if there is one."""
    query = batches_of(project_id, owner).where(Batch.id == batch_id)
    return session.execute(query).one_or_none()


def batches_of(project_id: int, owner: Owner | None) -> Select[Batch, str, str]:
    """(batch, login, name) of a project, or of what an owner brought to it."""
    query = (
        select(Batch, User.login, User.name)
        .join(User, User.id == Batch.user_id)
        .where(Batch.project_id == project_id)
    )
    if owner is None:
        return query
    return query.where(Batch.user_id == owner.user_id, Batch.token_id == owner.token_id)


def refusal_page(
    session: Session, batch_id: int, after: int | None = None, limit: int = 1000
) -> Sequence[BatchRefusal]:
    """The files that a batch rejected, in the order they came, as far as they are kept."""
    query = select(BatchRefusal).where(BatchRefusal.batch_id == batch_id)
    if after is not None:
        query = query.where(BatchRefusal.id > after)
    return session.scalars(query.order_by(BatchRefusal.id).limit(limit)).all()


def pool_standings(session: Session, project_id: int) -> Standings:
    """Where the candidates of a project stand."""
    counted = select(*_counts(project_id)).where(Candidate.project_id == project_id)
    return Standings(**session.execute(counted).mappings().one())


def batch_standings(session: Session, batch: Batch) -> BatchStandings:
    """Where the pictures stand that a batch brought, first or again."""
    brought = BatchImage.batch_id == batch.id
    # Each counts for itself, whatever the others join.
    of_batch = select(func.count()).select_from(BatchImage).where(brought).correlate(None)
    examples = of_batch.join(Example, Example.image_id == BatchImage.image_id).where(
        Example.to_version.is_(None)
    )
    negatives = of_batch.join(Negative, Negative.image_id == BatchImage.image_id)
    counted = (
        select(
            *_counts(batch.project_id),
            examples.scalar_subquery().label("examples"),
            negatives.scalar_subquery().label("negatives"),
        )
        .select_from(BatchImage)
        .join(Candidate, Candidate.image_id == BatchImage.image_id)
        .where(brought)
    )
    return BatchStandings(**session.execute(counted).mappings().one())


def batch_samples(session: Session, batch: Batch, limit: int) -> Sequence[str]:
    """The hashes of some pictures that a batch brought, the newest first."""
    newest = (
        select(BatchImage.image_id)
        .where(BatchImage.batch_id == batch.id)
        .order_by(BatchImage.image_id.desc())
        .limit(limit)
        .subquery()
    )
    found = select(Image.sha256).join(newest, newest.c.image_id == Image.id)
    return session.scalars(found.order_by(Image.id.desc())).all()


def moved_so_far(session: Session, batch: Batch) -> tuple[int, int | None]:
    """How many pictures of a batch a worker is done with that moves them, of how many."""
    row = session.execute(select(Job.step, Job.steps).where(Job.batch_id == batch.id)).one()
    return row.step, row.steps


def all_received(session: Session, project_id: int) -> Received:
    """What came to a project on every way in."""
    row = session.execute(
        select(
            *(
                func.coalesce(func.sum(column), 0)
                for column in (Batch.received, Batch.duplicate, Batch.rejected)
            )
        ).where(Batch.project_id == project_id)
    ).one()
    return Received(*map(int, row))


def _counts(project_id: int) -> list[Label[int]]:
    """Columns that count all at once: grouped by where they stand, nothing is counted in parallel."""
    threshold = select(Project.domain_threshold).where(Project.id == project_id).scalar_subquery()
    passes = func.coalesce(Candidate.domain_score, 1) >= threshold
    unsettled = Candidate.standing.in_((Standing.NEW, Standing.OPEN))
    where = {
        "open": (Candidate.standing == Standing.OPEN) & passes,
        "new": (Candidate.standing == Standing.NEW) & passes,
        "near_duplicate": Candidate.standing == Standing.NEAR_DUPLICATE,
        "quarantined": Candidate.standing == Standing.QUARANTINED,
        "filtered": unsettled & ~passes,
    }
    return [func.count().filter(condition).label(name) for name, condition in where.items()]
