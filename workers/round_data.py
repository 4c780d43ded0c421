"""What a round is computed from, each read in a short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.db.tables import Example, Exemplar, HardNegative, Image, ModelVersion, Proposal, Round
from app.domain.audit import Earlier
from app.domain.dataset import Split
from app.domain.decision import Answer
from app.domain.round import Policy
from app.usecases.dataset.export_model import model_outputs
from app.usecases.rounds.start_round import candidates_of


@dataclass(frozen=True)
class Labeled:
    """An image and a category: the one it shows (example) or the one it does not (hard negative)."""

    image_id: int
    sha256: str
    category_id: int


def category_ids(session: Session, of: Round) -> list[int]:
    """The categories in the order of the model's outputs."""
    return [output.category_id for output in model_outputs(session, of)]


def examples(session: Session, of: Round, split: Split) -> list[Labeled]:
    """One split of the dataset version that the round trains on, in order of image."""
    rows = session.execute(
        select(Example.image_id, Image.sha256, Example.category_id)
        .join(Image, Image.id == Example.image_id)
        .where(
            Example.project_id == of.project_id,
            Example.split == split,
            Example.from_version <= of.trained_on,
            or_(Example.to_version.is_(None), Example.to_version > of.trained_on),
            Image.taken_down_at.is_(None),
        )
        .order_by(Image.sha256)
    )
    return [Labeled(*row) for row in rows]


def hard_negatives(session: Session, of: Round) -> list[Labeled]:
    """H(i-1): the images that labelers refused, each with the category that it is not."""
    rows = session.execute(
        select(HardNegative.image_id, Image.sha256, HardNegative.category_id)
        .join(Image, Image.id == HardNegative.image_id)
        .where(
            HardNegative.project_id == of.project_id,
            HardNegative.from_version <= of.trained_on,
            or_(HardNegative.to_version.is_(None), HardNegative.to_version > of.trained_on),
            Image.taken_down_at.is_(None),
        )
        .order_by(Image.sha256, HardNegative.category_id)
    )
    return [Labeled(*row) for row in rows]


def spare_seeds(session: Session, of: Round) -> frozenset[int]:
    """Images that a lead uploaded for training and that the round shows nobody as exemplars."""
    shown = select(Exemplar.image_id).where(Exemplar.round_id == of.id)
    return frozenset(
        session.scalars(
            select(Example.image_id).where(
                Example.project_id == of.project_id,
                Example.split == Split.TRAIN,
                Example.round_id.is_(None),
                Example.from_version <= of.trained_on,
                or_(Example.to_version.is_(None), Example.to_version > of.trained_on),
                Example.image_id.not_in(shown),
            )
        )
    )


def earlier_answers(session: Session, of: Round) -> list[Earlier]:
    """What labelers answered in rounds that ended and nobody was asked about again before the round.

    Pictures that the round shows as exemplars are left out. A replay finds the same.
    """
    shown = select(Exemplar.image_id).where(Exemplar.round_id == of.id)
    found = []
    for table, answer in ((Example, Answer.YES), (HardNegative, Answer.NO)):
        rows = session.execute(
            select(table.decision_id, table.image_id, table.category_id)
            .where(
                table.project_id == of.project_id,
                table.from_version <= of.trained_on,
                or_(table.to_version.is_(None), table.to_version > of.trained_on),
                table.decision_id.is_not(None),
                # Its labeler was asked about another picture.
                table.inherited_from.is_(None),
                table.image_id.not_in(shown),
                ~select(Proposal.id)
                .where(Proposal.audits == table.decision_id, Proposal.round_id < of.id)
                .exists(),
            )
            .order_by(table.decision_id)
        )
        for decision_id, image_id, category_id in rows:
            assert decision_id is not None  # noqa: S101 - the query says so
            found.append(Earlier(decision_id, image_id, category_id, answer.value))
    return found


def candidates(session: Session, of: Round) -> list[tuple[int, str]]:
    """(image id, content hash) of C_i, in order of id."""
    pool = candidates_of(of.project_id, Policy(of.policy), of.buckets).order_by(None).subquery()
    rows = session.execute(
        select(Image.id, Image.sha256).join(pool, pool.c.image_id == Image.id).order_by(Image.id)
    )
    return [(image_id, sha256) for image_id, sha256 in rows]


def parent_model(session: Session, of: Round) -> int | None:
    """The model version before this round's, if any."""
    return session.scalar(
        select(ModelVersion.id)
        .where(ModelVersion.project_id == of.project_id)
        .order_by(ModelVersion.id.desc())
        .limit(1)
    )


def hashes(rows: Sequence[Labeled]) -> list[str]:
    """The content hashes, in order."""
    return [row.sha256 for row in rows]
