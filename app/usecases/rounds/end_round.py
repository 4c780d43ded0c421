"""A round ends: closed, so that the dataset grows, or cancelled, so that nothing changes."""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app.db.round_queries import effort_of
from app.db.tables import (
    Candidate,
    Decision,
    Example,
    HardNegative,
    Job,
    Project,
    Proposal,
    Round,
    RoundEffort,
)
from app.domain.dataset import Cause, Split
from app.domain.decision import Answer
from app.domain.errors import NotFoundError
from app.domain.job import JobState
from app.domain.round import RoundEvent, RoundState, next_state
from app.usecases.dataset.freeze_dataset import freeze_dataset, next_version
from app.usecases.likeness.inherit import inherit
from app.usecases.quality.count_quality import outdate
from app.usecases.rounds.tell_round import tell_round


def lock_round(session: Session, project: Project, number: int) -> Round:
    """The round, locked for update, and its project too: the order in which all lock them.

    Raises:
        NotFoundError: when the project has no such round.
    """
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    found = session.scalar(
        select(Round)
        .where(Round.project_id == project.id, Round.number == number)
        .with_for_update()
    )
    if found is None:
        raise NotFoundError("round", number)
    return found


def close_round(session: Session, project: Project, number: int, now: datetime) -> Round:
    """S_i = S(i-1) + T_i and H_i = H(i-1) + F_i (step 4 of the loop), frozen as a dataset version.

    Waits for decisions that are being written and refuses later ones. Proposals without a yes or
    no stay candidates; those never answered count as not visited. An image never becomes an example
    of two categories: with a yes for each, it becomes one of none.

    Raises:
        NotFoundError: when the project has no such round.
        TransitionError: unless the round is being labeled.
    """
    ending = lock_round(session, project, number)
    ending.state = next_state(RoundState(ending.state), RoundEvent.CLOSE)
    ending.ended_at = now
    version = next_version(session, project)
    _grow_examples(session, ending, version)
    _grow_hard_negatives(session, ending, version)
    inherit(session, project.id, version)
    _release_unanswered(session, ending)
    _keep_effort(session, ending)
    outdate(session, ending.id)
    session.flush()
    made = freeze_dataset(session, project, Cause.ROUND, round_id=ending.id)
    ending.made_version = made.number
    tell_round(session, ending)
    return ending


def _keep_effort(session: Session, ending: Round) -> None:
    """Its decisions change no more: nobody need count them again."""
    effort = effort_of(session, ending.id)
    session.add(
        RoundEffort(
            round_id=ending.id,
            decisions=effort.decisions,
            timed=effort.timed,
            seconds=effort.seconds,
            median_seconds=effort.median,
        )
    )


def cancel_round(session: Session, project: Project, number: int, now: datetime) -> Round:
    """End a round without effect. Its decisions stay in the log; its candidates count as not visited.

    A worker that computes for it notices at its next heartbeat and stops; it can no longer publish.

    Raises:
        NotFoundError: when the project has no such round.
        TransitionError: when the round is over already.
    """
    ending = lock_round(session, project, number)
    ending.state = next_state(RoundState(ending.state), RoundEvent.CANCEL)
    ending.ended_at = now
    session.execute(
        update(Job)
        .where(Job.round_id == ending.id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .values(state=JobState.CANCELLED, finished_at=now)
    )
    session.execute(
        update(Candidate)
        .where(Candidate.project_id == project.id, Candidate.last_round == ending.number)
        .values(last_round=None)
    )
    outdate(session, ending.id)
    tell_round(session, ending)
    return ending


def _latest_decision(answer: Answer, round_id: int) -> tuple[ColumnElement[bool], ...]:
    """Joins proposals to the decision in force; a question with a known answer teaches nothing."""
    return (
        Proposal.round_id == round_id,
        Proposal.gold.is_(None),
        Proposal.answer == answer,
        Decision.proposal_id == Proposal.id,
        Decision.ordinal == func.coalesce(Proposal.in_force, Proposal.decisions),
    )


def _grow_examples(session: Session, ending: Round, version: int) -> None:
    accepted = select(
        literal(ending.project_id),
        Proposal.image_id,
        Proposal.category_id,
        literal(Split.TRAIN.value),
        literal(ending.id),
        Decision.id,
        literal(version),
    ).where(
        *_latest_decision(Answer.YES, ending.id),
        Proposal.image_id.not_in(_contradicted(ending)),
    )
    columns = [
        "project_id", "image_id", "category_id", "split", "round_id", "decision_id", "from_version",
    ]  # fmt: skip
    session.execute(upsert(Example).from_select(columns, accepted).on_conflict_do_nothing())
    session.execute(
        delete(Candidate).where(
            Candidate.image_id.in_(
                select(Proposal.image_id).where(
                    Proposal.round_id == ending.id,
                    Proposal.gold.is_(None),
                    Proposal.answer == Answer.YES,
                    Proposal.image_id.not_in(_contradicted(ending)),
                )
            )
        )
    )


def _contradicted(ending: Round) -> Select[int]:
    """Images with a yes for two categories: one of the two is wrong, and nobody can tell which.

    Neither joins the dataset. The image stays a candidate and is asked about again.
    """
    return (
        select(Proposal.image_id)
        .where(
            Proposal.round_id == ending.id,
            Proposal.answer == Answer.YES,
            Proposal.gold.is_(None),
        )
        .group_by(Proposal.image_id)
        .having(func.count() > 1)
    )


def _grow_hard_negatives(session: Session, ending: Round, version: int) -> None:
    rejected = select(
        literal(ending.project_id),
        Proposal.image_id,
        Proposal.category_id,
        literal(ending.id),
        Decision.id,
        literal(version),
    ).where(*_latest_decision(Answer.NO, ending.id))
    columns = ["project_id", "image_id", "category_id", "round_id", "decision_id", "from_version"]
    session.execute(upsert(HardNegative).from_select(columns, rejected).on_conflict_do_nothing())


def _release_unanswered(session: Session, ending: Round) -> None:
    session.execute(
        update(Candidate)
        .where(
            Candidate.image_id.in_(
                select(Proposal.image_id).where(
                    Proposal.round_id == ending.id,
                    Proposal.gold.is_(None),
                    Proposal.answer.is_(None),
                )
            )
            | Candidate.image_id.in_(_contradicted(ending))
        )
        .values(last_round=None)
    )
