"""How well labelers answer: what the lead's quality page and REST read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Category, Decision, Image, Project, Proposal, Round, Tally, User
from app.domain.decision import Answer, Stage
from app.domain.round import RoundState

MOST_VOTES = 20_000
JUDGED = (Answer.YES, Answer.NO)
_WAITS_FOR_LEAD = and_(
    Round.state == RoundState.LABELING, Proposal.answer.is_(None), Proposal.stage == Stage.LEAD
)
_CONTRADICTS = and_(
    Proposal.audits.is_not(None),
    Proposal.answer.in_(JUDGED),
    Proposal.answer != Proposal.gold,
    ~Proposal.adjudicated,
)


@dataclass(frozen=True)
class LabelerCounts:
    """What one labeler answered in a round and nobody took back."""

    user_id: int
    login: str
    name: str
    yes: int
    no: int
    unsure: int
    median_seconds: float | None
    gold: int
    gold_right: int


def round_to_judge(session: Session, project_id: int, number: int | None) -> Round | None:
    """The round with this number; without one, the newest that was or is labeled."""
    query = select(Round).where(Round.project_id == project_id, Round.labeling_at.is_not(None))
    if number is not None:
        query = query.where(Round.number == number)
    return session.scalar(query.order_by(Round.number.desc()).limit(1))


def labeler_counts(session: Session, round_id: int) -> list[LabelerCounts]:
    """Who answered in a round, by login."""
    known = and_(Proposal.gold.is_not(None), Proposal.audits.is_(None), Decision.answer.in_(JUDGED))
    rows = session.execute(
        select(
            User.id,
            User.login,
            User.name,
            *(func.count().filter(Decision.answer == each) for each in (*JUDGED, Answer.UNSURE)),
            func.percentile_cont(0.5).within_group(Decision.seconds),
            func.count().filter(known),
            func.count().filter(known, Decision.answer == Proposal.gold),
        )
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(User, User.id == Decision.user_id)
        .where(Proposal.round_id == round_id, *_in_force())
        .group_by(User.id)
        .order_by(User.login)
    )
    return [LabelerCounts(*row) for row in rows.all()]  # type: ignore[call-arg]


@dataclass(frozen=True)
class Voted:
    """A yes or no to a question that several answered, or whose answer is known."""

    proposal_id: int
    user_id: int
    answer: str
    known: str | None


def votes(session: Session, round_id: int) -> list[Voted]:
    """The newest 20,000, by proposal."""
    # What was answered once has one row in the log; an undo adds others.
    rows = session.execute(
        select(
            Proposal.id,
            Decision.user_id,
            Decision.answer,
            Proposal.gold,
            Proposal.audits,
        )
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .where(
            Proposal.round_id == round_id,
            or_(Proposal.decisions > 1, Proposal.gold.is_not(None)),
            Decision.answer.in_(JUDGED),
            *_in_force(),
        )
        .order_by(Proposal.id.desc(), Decision.ordinal)
        .limit(MOST_VOTES)
    )
    return [
        Voted(proposal_id, user_id, answer, None if audits else gold)
        for proposal_id, user_id, answer, gold, audits in rows
    ]


def answered_before(session: Session, project_id: int) -> dict[int, dict[str, int]]:
    """How many yes and no each closed round came to, by round id and answer; no gold, no audits."""
    rows = session.execute(
        select(Round.id, func.sum(Tally.yes), func.sum(Tally.no))
        .join(Tally, Tally.round_id == Round.id)
        .where(Round.project_id == project_id, Round.state == RoundState.CLOSED)
        .group_by(Round.id)
    )
    return {
        round_id: {Answer.YES.value: yes, Answer.NO.value: no} for round_id, yes, no in rows.all()
    }


def audited(session: Session, project_id: int) -> Sequence[Row[int, str | None, int, int, int]]:
    """(round of the earlier answer, that answer, asked again, found wrong, contradicted only)."""
    then = aliased(Proposal)
    contradicted = Proposal.answer != Proposal.gold
    return session.execute(
        select(
            then.round_id,
            Proposal.gold,
            func.count(),
            func.count().filter(contradicted, Proposal.adjudicated),
            func.count().filter(contradicted, ~Proposal.adjudicated),
        )
        .join(Round, Round.id == Proposal.round_id)
        .join(Decision, Decision.id == Proposal.audits)
        .join(then, then.id == Decision.proposal_id)
        .where(
            Round.project_id == project_id,
            Proposal.audits.is_not(None),
            Proposal.answer.in_(JUDGED),
        )
        .group_by(then.round_id, Proposal.gold)
    ).all()


def waiting(
    session: Session, project: Project, limit: int
) -> Sequence[Row[Proposal, Image, Category, int]]:
    """(proposal, image, category, round number) of what waits for a lead, the oldest round first."""
    return session.execute(
        select(Proposal, Image, Category, Round.number)
        .join(Round, Round.id == Proposal.round_id)
        .join(Image, Image.id == Proposal.image_id)
        .join(Category, Category.id == Proposal.category_id)
        .where(Round.project_id == project.id, or_(_WAITS_FOR_LEAD, _CONTRADICTS))
        .order_by(Round.number, Proposal.position, Proposal.id)
        .limit(limit)
    ).all()


def waiting_count(session: Session, project: Project) -> int:
    """How many proposals wait for a lead."""
    return session.scalars(
        select(func.count())
        .select_from(Proposal)
        .join(Round, Round.id == Proposal.round_id)
        .where(Round.project_id == project.id, or_(_WAITS_FOR_LEAD, _CONTRADICTS))
    ).one()


def said_of(
    session: Session, proposals: Collection[Proposal]
) -> dict[int, list[tuple[str, Decision]]]:
    """(name, decision) of all answers in force, by proposal id; an audited one has the earlier too."""
    again = {each.audits: each.id for each in proposals if each.audits is not None}
    rows = session.execute(
        select(User.name, Decision)
        .join(User, User.id == Decision.user_id)
        .where(
            or_(
                and_(Decision.proposal_id.in_([each.id for each in proposals]), *_in_force()),
                Decision.id.in_(again),
            ),
        )
        .order_by(Decision.id)
    )
    found: dict[int, list[tuple[str, Decision]]] = {}
    for name, decision in rows:
        proposal_id = again.get(decision.id, decision.proposal_id)
        found.setdefault(proposal_id, []).append((name, decision))
    return found


def _in_force() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    undo = aliased(Decision)
    return (
        Decision.answer != Answer.UNDO,
        ~exists().where(undo.undoes_id == Decision.id),
    )
