"""A lead starts the next round."""

from collections.abc import Sequence

from sqlalchemy import Select, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Batch, Candidate, Category, Example, Job, Project, Round
from app.domain.batch import Standing
from app.domain.dataset import Split
from app.domain.errors import RoundInProgressError, RoundNotReadyError, Sentence
from app.domain.job import JobKind, JobState
from app.domain.round import UNFINISHED, Policy, RoundState, buckets_visited
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.dataset.version_history import rounds_in_force
from app.usecases.likeness.inherit import inherit
from app.usecases.rounds.tell_round import tell_round


def start_round(session: Session, project: Project, user_id: int) -> tuple[Round, Job]:
    """Create the round and its first job; the caller sends the job after the commit.

    Raises:
        RoundInProgressError: while another round is not finished.
        RoundNotReadyError: with every reason why it cannot start.
    """
    lock_without_round(session, project)
    # 1 for the first round that is not cancelled, failed or rolled back, 2 for the second, ...
    ordinal = len(rounds_in_force(session, project)) + 1
    buckets = buckets_visited(Policy(project.policy), project.subsets, ordinal)
    reasons = _what_moves(session, project) or _what_is_missing(session, project, buckets)
    if reasons:
        raise RoundNotReadyError(reasons)
    inherit(session, project.id, next_version(session, project))
    version = freeze_dataset(session, project)
    newest = session.scalar(select(func.max(Round.number)).where(Round.project_id == project.id))
    started = Round(
        project_id=project.id,
        number=(newest or 0) + 1,
        state=RoundState.EMBEDDING,
        policy=project.policy,
        threshold=project.threshold,
        backbone=project.backbone,
        weights=project.weights,
        image_size=project.image_size,
        seed=project.seed,
        buckets=buckets,
        trained_on=version.number,
        gold_share=project.gold_share,
        audit_share=project.audit_share,
        redundancy=project.redundancy,
        redundancy_for=project.redundancy_for,
        started_by=user_id,
    )
    session.add(started)
    try:
        session.flush()
    except IntegrityError:
        raise RoundInProgressError(started.number) from None
    job = Job(kind=JobKind.EMBED_POOL, round_id=started.id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    tell_round(session, started)
    return started, job


def candidates_of(
    project_id: int,
    policy: Policy,
    buckets: int,
    standings: Sequence[Standing] = (Standing.OPEN,),
) -> Select[int]:
    """Ids of the images that a round scores, in order of id: of those that passed the coarse filter."""
    threshold = select(Project.domain_threshold).where(Project.id == project_id).scalar_subquery()
    query = select(Candidate.image_id).where(
        Candidate.project_id == project_id,
        Candidate.bucket < buckets,
        Candidate.standing.in_(standings),
        # Null where no filter has scored it: it passes.
        func.coalesce(Candidate.domain_score, 1) >= threshold,
    )
    if policy is Policy.DISJOINT:
        query = query.where(Candidate.last_round.is_(None))
    return query.order_by(Candidate.image_id)


def unfinished_round(session: Session, project: Project) -> int | None:
    """The number of the round at work, if there is one."""
    return session.scalar(
        select(Round.number).where(Round.project_id == project.id, Round.state.in_(UNFINISHED))
    )


def lock_without_round(session: Session, project: Project) -> None:
    """Lock the project for update: no round may be at work, and none begins before the commit.

    Raises:
        RoundInProgressError: while a round is not finished.
    """
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    number = unfinished_round(session, project)
    if number is not None:
        raise RoundInProgressError(number)


def _what_moves(session: Session, project: Project) -> list[Sentence]:
    """A round would ask about pictures that are leaving the pool, or miss what comes back."""
    names = session.scalars(
        select(Batch.name).where(Batch.project_id == project.id, Batch.moving.is_not(None))
    )
    return [
        Sentence(
            "The batch {name} is being withdrawn or brought back. Start when that is done.",
            {"name": name},
        )
        for name in names
    ]


def _what_is_missing(session: Session, project: Project, buckets: int) -> list[Sentence]:
    names = session.scalars(
        select(Category.name)
        .where(Category.project_id == project.id, Category.retired_at.is_(None))
        .order_by(Category.name)
    ).all()
    if len(names) < 2:  # noqa: PLR2004 - soft voting needs something to vote between
        return [
            Sentence(
                "A round needs at least two categories. Create them and give each a seed example."
            )
        ]
    seeded = set(
        session.scalars(
            select(Category.name)
            .join(Example, Example.category_id == Category.id)
            .where(
                Category.project_id == project.id,
                Category.retired_at.is_(None),
                Example.split == Split.TRAIN,
                Example.to_version.is_(None),
            )
        )
    )
    if not seeded:
        return [
            Sentence("There is no seed example yet. Upload at least one picture for each category.")
        ]
    reasons = []
    unseeded = [name for name in names if name not in seeded]
    if unseeded:
        reasons.append(
            Sentence(
                "These categories have no example in the train split: {names}. "
                "Seed, retire or delete them.",
                {"names": _few(unseeded)},
            )
        )
    # What is new is screened by the round's first step.
    standings = (Standing.NEW, Standing.OPEN)
    pool = candidates_of(project.id, Policy(project.policy), buckets, standings)
    if not session.scalar(select(exists(pool.order_by(None)))):
        reasons.append(
            Sentence(
                "No candidate is left to score. Ingest more images, or set the policy to 'rescore'."
            )
            if project.policy == Policy.DISJOINT
            else Sentence("No candidate is left to score. Ingest more images.")
        )
    return reasons


def _few(names: list[str], most: int = 10) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
