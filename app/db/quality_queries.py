"""How well labelers answer: what the lead's quality page and REST read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    ScalarSelect,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from app.db.tables import (
    Category,
    Decision,
    Image,
    Project,
    Proposal,
    Round,
    RoundQuality,
    Tally,
    User,
)
from app.domain.decision import Answer, Stage
from app.domain.quality import Vote
from app.domain.round import RoundState

MOST_VOTES = 20_000
JUDGED = (Answer.YES, Answer.NO)


@dataclass(frozen=True)
class LabelerCounts:
    """What one labeler answered in a round and nobody took back."""

    user_id: int
    yes: int
    no: int
    unsure: int
    median_seconds: float | None
    gold: int
    gold_right: int


def answers_of(round_id: ColumnElement[int]) -> ScalarSelect[int]:
    """How many answers of a round are in force, out of its users' counts."""
    every = Tally.yes + Tally.no + Tally.unsure + Tally.gold + Tally.passed
    return (
        select(func.coalesce(func.sum(every), 0))
        .where(Tally.round_id == round_id)
        .scalar_subquery()
    )


def round_to_judge(session: Session, project_id: int, number: int | None) -> Round | None:
    """The round with this number; without one, the newest with answers, or else the newest labeled."""
    query = select(Round).where(Round.project_id == project_id, Round.labeling_at.is_not(None))
    if number is not None:
        query = query.where(Round.number == number)
    answered = answers_of(Round.id) > 0  # type: ignore[arg-type]
    return session.scalar(query.order_by(answered.desc(), Round.number.desc()).limit(1))


def labeled_rounds(session: Session, project_id: int) -> Sequence[int]:
    """Numbers of the rounds that were or are labeled, the newest first."""
    return session.scalars(
        select(Round.number)
        .where(Round.project_id == project_id, Round.labeling_at.is_not(None))
        .order_by(Round.number.desc())
    ).all()


def people(session: Session, user_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """(login, name) by id."""
    rows = session.execute(select(User.id, User.login, User.name).where(User.id.in_(user_ids)))
    return {user_id: (login, name) for user_id, login, name in rows}


def labeler_counts(session: Session, round_id: int) -> list[LabelerCounts]:
    """Who answered in a round. Reads all its answers: for a worker, not for a page."""
    known = and_(Proposal.gold.is_not(None), Proposal.audits.is_(None), Decision.answer.in_(JUDGED))
    rows = session.execute(
        select(
            Decision.user_id,
            *(func.count().filter(Decision.answer == each) for each in (*JUDGED, Answer.UNSURE)),
            func.percentile_cont(0.5).within_group(Decision.seconds),
            func.count().filter(known),
            func.count().filter(known, Decision.answer == Proposal.gold),
        )
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .where(Proposal.round_id == round_id, *_in_force())
        .group_by(Decision.user_id)
        .order_by(Decision.user_id)
    )
    return [LabelerCounts(*row) for row in rows.all()]  # type: ignore[call-arg]


def votes(session: Session, round_id: int) -> list[Vote]:
    """The newest 20,000 to questions that several answered, or whose answer is known."""
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
        Vote(proposal_id, user_id, answer, None if audits else gold)
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


@dataclass(frozen=True)
class Audited:
    """What a round's questions about the answers of an earlier round came to.

    Attributes:
        round_id: The earlier round.
        answer: The earlier answer.
        asked: How many were asked again and answered.
        wrong: How many of them a lead found wrong.
        pending: How many are contradicted and wait for a lead.
    """

    round_id: int
    answer: str
    asked: int
    wrong: int
    pending: int


def audited(session: Session, round_id: int) -> list[Audited]:
    """What a round asked again. Reads all of that: for a worker, not for a page."""
    then = aliased(Proposal)
    contradicted = Proposal.answer != Proposal.gold
    rows = session.execute(
        select(
            then.round_id,
            Proposal.gold,
            func.count(),
            func.count().filter(contradicted, Proposal.adjudicated),
            func.count().filter(contradicted, ~Proposal.adjudicated),
        )
        .join(Decision, Decision.id == Proposal.audits)
        .join(then, then.id == Decision.proposal_id)
        .where(
            Proposal.round_id == round_id,
            Proposal.audits.is_not(None),
            Proposal.answer.in_(JUDGED),
        )
        .group_by(then.round_id, Proposal.gold)
        .order_by(then.round_id, Proposal.gold)
    )
    return [Audited(round_id, str(gold), *counts) for round_id, gold, *counts in rows.all()]


def figures_of(session: Session, project_id: int) -> Sequence[RoundQuality]:
    """What was counted of each round; the oldest first."""
    return session.scalars(
        select(RoundQuality)
        .join(Round, Round.id == RoundQuality.round_id)
        .where(Round.project_id == project_id, RoundQuality.counted_at.is_not(None))
        .order_by(Round.number)
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
        .where(Proposal.id.in_(_waiting_ids(project)))
        .order_by(Round.number, Proposal.position, Proposal.id)
        .limit(limit)
    ).all()


def waiting_count(session: Session, project: Project) -> int:
    """How many proposals wait for a lead."""
    ids = _waiting_ids(project).subquery()
    return session.scalars(select(func.count()).select_from(ids)).one()


def _waiting_ids(project: Project) -> CompoundSelect[int]:
    """What nobody settled in the open round, and what contradicts an answer of an earlier one.

    Each has an index of its own, whose condition is written out here: the planner finds it so.
    """
    of_project = select(Proposal.id).join(Round, Round.id == Proposal.round_id)
    of_project = of_project.where(Round.project_id == project.id)
    unsettled = of_project.where(
        Round.state == RoundState.LABELING,
        Proposal.answer.is_(None),
        Proposal.stage == literal(Stage.LEAD.value, literal_execute=True),
    )
    contradicting = of_project.where(
        Proposal.audits.is_not(None),
        Proposal.answer != Proposal.gold,
        ~Proposal.adjudicated,
        Proposal.answer.in_(JUDGED),
    )
    return union_all(unsettled, contradicting)


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
