"""What a lead sees of one category."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import (
    Category,
    Confusion,
    Decision,
    Example,
    HardNegative,
    Image,
    LookAlike,
    ModelVersion,
    Proposal,
    Round,
)
from app.domain.decision import WITHDRAWN, Answer, Tally
from app.domain.round import RoundState


def look_alikes(session: Session, category_id: int) -> Sequence[Row[int, str]]:
    """(id, name) of what a category is easily taken for and is not retired, by name."""
    return session.execute(
        select(Category.id, Category.name)
        .join(LookAlike, LookAlike.other_id == Category.id)
        .where(LookAlike.category_id == category_id, Category.retired_at.is_(None))
        .order_by(Category.name)
    ).all()


@dataclass(frozen=True)
class RoundAnswers:
    """What a round asked about a category, and the answers in force; known questions are left out."""

    number: int
    state: RoundState
    threshold: float
    proposals: int
    open: int
    answers: Tally


def round_answers(session: Session, category: Category) -> list[RoundAnswers]:
    """The rounds that asked about a category and count, the newest first.

    For each round of the project it reads a few entries of one index (`ix_proposal_answer`).
    """
    rows = session.execute(
        select(
            Round.number,
            Round.state,
            Round.threshold,
            func.count().label("proposals"),
            func.count().filter(Proposal.answer.is_(None)).label("open"),
            *(
                func.count().filter(Proposal.answer == answer).label(answer.value)
                for answer in (Answer.YES, Answer.NO, Answer.UNSURE)
            ),
        )
        .join(Proposal, Proposal.round_id == Round.id)
        .where(
            Round.project_id == category.project_id,
            Round.state.in_((RoundState.LABELING, RoundState.CLOSED)),
            Proposal.category_id == category.id,
            Proposal.gold.is_(None),
            Proposal.answer.is_distinct_from(WITHDRAWN),
        )
        .group_by(Round.id)
        .order_by(Round.number.desc())
    )
    return [
        RoundAnswers(
            number=row.number,
            state=RoundState(row.state),
            threshold=row.threshold,
            proposals=row.proposals,
            open=row.open if row.state == RoundState.LABELING else 0,
            answers=Tally(row.yes, row.no, row.unsure),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Tested:
    """What the newest model version took test pictures for.

    Attributes:
        round: The round that trained it.
        measured: Whether it took any test pictures, of whatever category, and that was kept.
        right: Of this category, those that it knew.
        taken_for: Pictures of this category, by the id of the one that they were taken for.
        taken_from: Pictures taken for this category, by the id of theirs.
    """

    round: int
    measured: bool
    right: int
    taken_for: dict[int, int]
    taken_from: dict[int, int]

    @property
    def pictures(self) -> int:
        """Test pictures of this category."""
        return self.right + sum(self.taken_for.values())


def newest_test(session: Session, category: Category) -> Tested | None:
    """How the newest model version of the project did; None before the first."""
    model = session.execute(
        select(ModelVersion.id, Round.number)
        .join(Round, Round.id == ModelVersion.round_id)
        .where(ModelVersion.project_id == category.project_id)
        .order_by(ModelVersion.id.desc())
        .limit(1)
    ).one_or_none()
    if model is None:
        return None
    model_id, number = model
    pairs = select(Confusion.category_id, Confusion.taken_for_id, Confusion.pictures).where(
        Confusion.model_id == model_id
    )
    both = pairs.where(Confusion.category_id == category.id).union(
        pairs.where(Confusion.taken_for_id == category.id)
    )
    rows = session.execute(both).all()
    measured = bool(rows) or session.scalar(pairs.limit(1)) is not None
    return Tested(
        round=number,
        measured=measured,
        right=sum(pictures for of, other, pictures in rows if of == other),
        taken_for={other: n for of, other, n in rows if of == category.id != other},
        taken_from={of: n for of, other, n in rows if other == category.id != of},
    )


def picked_instead(session: Session, category: Category) -> dict[int, int]:
    """How often labelers refused a category and named another, by the id of that."""
    rows = session.execute(
        select(Decision.picked_category_id, func.count())
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(Round, Round.id == Proposal.round_id)
        .where(
            Round.project_id == category.project_id,
            Proposal.category_id == category.id,
            Decision.picked_category_id.is_not(None),
            _stands(),
        )
        .group_by(Decision.picked_category_id)
    )
    return dict(rows.all())  # type: ignore[arg-type]


def picked_here(session: Session, category: Category) -> dict[int, int]:
    """How often labelers refused another category and named this one, by the id of that other."""
    rows = session.execute(
        select(Proposal.category_id, func.count())
        .join(Decision, Decision.proposal_id == Proposal.id)
        .where(Decision.picked_category_id == category.id, _stands())
        .group_by(Proposal.category_id)
    )
    return dict(rows.all())


def _stands() -> ColumnElement[bool]:
    """Nobody took the decision back."""
    undo = aliased(Decision)
    return ~select(undo.id).where(undo.undoes_id == Decision.id).exists()


def example_pictures(
    session: Session, category: Category, *, skip: int, limit: int
) -> Sequence[Row[str, str, int | None]]:
    """(sha256, split, round) of the examples in force, the newest first; a seed has no round."""
    return session.execute(
        select(Image.sha256, Example.split, Round.number)
        .join(Image, Image.id == Example.image_id)
        .join(Round, Round.id == Example.round_id, isouter=True)
        .where(
            Example.project_id == category.project_id,
            Example.category_id == category.id,
            Example.to_version.is_(None),
        )
        .order_by(Example.id.desc())
        .offset(skip)
        .limit(limit)
    ).all()


def refused_pictures(
    session: Session, category: Category, *, skip: int, limit: int
) -> Sequence[Row[str, int, str | None]]:
    """(sha256, round, name of the category picked instead) of the hard negatives, the newest first."""
    picked = aliased(Category)
    return session.execute(
        select(Image.sha256, Round.number, picked.name)
        .select_from(HardNegative)
        .join(Image, Image.id == HardNegative.image_id)
        .join(Round, Round.id == HardNegative.round_id)
        .join(Decision, Decision.id == HardNegative.decision_id)
        .join(picked, picked.id == Decision.picked_category_id, isouter=True)
        .where(
            HardNegative.project_id == category.project_id,
            HardNegative.category_id == category.id,
            HardNegative.to_version.is_(None),
        )
        .order_by(HardNegative.id.desc())
        .offset(skip)
        .limit(limit)
    ).all()


def open_pictures(
    session: Session, category: Category, *, skip: int, limit: int
) -> Sequence[Row[str, float | None]]:
    """(sha256, confidence) of the questions that wait for an answer, the surest first."""
    return session.execute(
        select(Image.sha256, Proposal.confidence)
        .join(Image, Image.id == Proposal.image_id)
        .join(Round, Round.id == Proposal.round_id)
        .where(
            Round.project_id == category.project_id,
            Round.state == RoundState.LABELING,
            Proposal.category_id == category.id,
            Proposal.answer.is_(None),
            Proposal.gold.is_(None),
        )
        .order_by(Proposal.confidence.desc().nulls_last(), Proposal.id)
        .offset(skip)
        .limit(limit)
    ).all()
