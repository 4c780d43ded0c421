"""Which pictures are on a round's map, and what they are."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, exists, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.tables import Candidate, Example, HardNegative, Image, Proposal, Round
from app.domain.dataset import Split
from app.domain.embedding_map import MOST_POINTS, PointKind, quotas

# Of columns as `Pictured` has them after the first.
Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Pictured:
    """A picture on the map.

    Attributes:
        round: The number of the round that it comes from; 0 for a seed, or for none.
        category_id: What it shows, does not show, or was proposed for; None is for the model to say.
    """

    kind: PointKind
    image_id: int
    sha256: str
    round: int
    category_id: int | None
    confidence: float | None


@dataclass(frozen=True)
class Chosen:
    """Pictures in the order in which they are drawn, and how many there are of each kind."""

    pictures: list[Pictured]
    counts: dict[PointKind, int]


def choose(session: Session, of: Round, most: int = MOST_POINTS) -> Chosen:
    """The pictures of a scored round: what it trained on, what it proposed, what was rejected before.

    Where room is left, other candidates join them. Of too many the first by content hash are taken:
    a sample that stays the same. Pictures of the test split are left out; what nearly equals one
    is for the caller to leave out.
    """
    # What lies beneath is drawn first: the dataset is to be seen above the pool.
    queries = {
        PointKind.OTHER: _others(of),
        PointKind.OPEN: _proposed(of),
        PointKind.REJECTED: _rejected(of),
        PointKind.TRAINING: _training(of),
    }
    counts = {kind: _count(session, query) for kind, query in queries.items()}
    main = [kind for kind in queries if kind is not PointKind.OTHER]
    room: dict[PointKind, int] = dict(
        zip(main, quotas([counts[kind] for kind in main], most), strict=True)
    )
    room[PointKind.OTHER] = most - sum(room.values())
    pictures = [
        Pictured(kind, *tuple(row))
        for kind, query in queries.items()
        for row in session.execute(query.limit(room[kind]))
    ]
    return Chosen(pictures, counts)


def _count(session: Session, query: Query) -> int:
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


# Of the round that made a row, which the query joins; 0 for a seed.
_NUMBER = func.coalesce(Round.number, 0)


def _training(of: Round) -> Query:
    return (
        select(Image.id, Image.sha256, _NUMBER, Example.category_id, null())
        .join(Example, Example.image_id == Image.id)
        .outerjoin(Round, Round.id == Example.round_id)
        .where(Example.split == Split.TRAIN, Image.taken_down_at.is_(None), *_in_force(Example, of))
        .order_by(Image.sha256)
    )


def _proposed(of: Round) -> Query:
    number = literal(of.number)
    return (
        select(Image.id, Image.sha256, number, Proposal.category_id, Proposal.confidence)
        .join(Proposal, Proposal.image_id == Image.id)
        .where(*_by_the_model(of), ~_example(of), Image.taken_down_at.is_(None))
        .order_by(Image.sha256)
    )


def _rejected(of: Round) -> Query:
    """Once for each picture: of several refusals, the newest says what it was last taken for."""
    return (
        select(Image.id, Image.sha256, _NUMBER, HardNegative.category_id, null())
        .join(HardNegative, HardNegative.image_id == Image.id)
        .join(Round, Round.id == HardNegative.round_id)
        .where(
            *_in_force(HardNegative, of),
            ~_proposal(of),
            ~_example(of),
            Image.taken_down_at.is_(None),
        )
        .order_by(Image.sha256, HardNegative.id.desc())
        .ext(distinct_on(Image.sha256))
    )


def _others(of: Round) -> Query:
    refused = exists().where(HardNegative.image_id == Image.id, *_in_force(HardNegative, of))
    return (
        select(Image.id, Image.sha256, literal(0), null(), null())
        .join(Candidate, Candidate.image_id == Image.id)
        .where(
            Candidate.project_id == of.project_id,
            Candidate.last_round == of.number,
            ~_proposal(of),
            ~refused,
        )
        .order_by(Image.sha256)
    )


def _in_force(table: type[Example | HardNegative], of: Round) -> tuple[ColumnElement[bool], ...]:
    """In the dataset version that the round trained on."""
    return (
        table.project_id == of.project_id,
        table.from_version <= of.trained_on,
        or_(table.to_version.is_(None), table.to_version > of.trained_on),
    )


def _by_the_model(of: Round) -> tuple[ColumnElement[bool], ...]:
    """The model's questions, without those whose answer is known and those that labelers picked."""
    return (Proposal.round_id == of.id, Proposal.gold.is_(None), Proposal.picked_by.is_(None))


def _proposal(of: Round) -> Exists:
    return exists().where(Proposal.image_id == Image.id, *_by_the_model(of))


def _example(of: Round) -> Exists:
    """Of either split: a picture that was rejected for one category may be an example of another."""
    return exists().where(Example.image_id == Image.id, *_in_force(Example, of))
