"""What stands beside proposals, each in one query for all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from app.db.tables import (
    Category,
    ChosenExemplar,
    Contrast,
    Decision,
    Example,
    Exemplar,
    Image,
    LookAlike,
    Proposal,
    Round,
    RoundCategory,
)
from app.domain.dataset import Split
from app.domain.decision import Answer, Stage
from app.domain.round import RoundState

MOST_COUNTED = 1000


def contrasts(session: Session, proposal_ids: Collection[int]) -> dict[int, Contrast]:
    """The contrast of each proposal that has one, by proposal id."""
    rows = session.scalars(select(Contrast).where(Contrast.proposal_id.in_(proposal_ids)))
    return {row.proposal_id: row for row in rows}


@dataclass(frozen=True)
class Exemplars:
    """Ids of images that labelers are shown of a category, in their order."""

    images: list[int]
    by_hand: bool


def exemplars(
    session: Session, round_id: int, category_ids: Collection[int]
) -> dict[int, Exemplars]:
    """What labelers of a round are shown of categories, by category id.

    What a lead chose goes before what the model did, as far as it is still to be trained on, and
    the round does not ask about it.
    """
    chosen = (
        chosen_exemplars(category_ids)
        .where(~known_question(round_id, ChosenExemplar.image_id))
        .with_only_columns(
            ChosenExemplar.category_id,
            ChosenExemplar.image_id,
            ChosenExemplar.position,
            literal(value=True).label("by_hand"),
        )
    )
    models = select(
        Exemplar.category_id, Exemplar.image_id, Exemplar.position, literal(value=False)
    ).where(
        Exemplar.round_id == round_id, Exemplar.category_id.in_(category_ids), ~Exemplar.by_hand
    )
    both = chosen.union_all(models).subquery()
    rows = session.execute(
        select(both.c.category_id, both.c.image_id, both.c.by_hand).order_by(
            both.c.category_id, both.c.by_hand.desc(), both.c.position
        )
    )
    found: dict[int, Exemplars] = {}
    for category_id, image_id, by_hand in rows:
        of = found.setdefault(category_id, Exemplars([], by_hand))
        if of.by_hand == by_hand:
            of.images.append(image_id)
    return found


def chosen_exemplars(category_ids: Collection[int]) -> Select[ChosenExemplar]:
    """The exemplars chosen by hand that are examples of their category in the train split."""
    return (
        select(ChosenExemplar)
        .join(
            Example,
            and_(
                Example.image_id == ChosenExemplar.image_id,
                Example.category_id == ChosenExemplar.category_id,
                Example.to_version.is_(None),
                Example.split == Split.TRAIN,
            ),
        )
        .where(ChosenExemplar.category_id.in_(category_ids))
    )


def known_question(
    round_id: InstrumentedAttribute[int] | int, image_id: InstrumentedAttribute[int]
) -> ColumnElement[bool]:
    """Whether a round asks about an image although the answer is known."""
    return exists().where(
        Proposal.round_id == round_id, Proposal.image_id == image_id, Proposal.gold.is_not(None)
    )


def images(session: Session, image_ids: Collection[int]) -> dict[int, Image]:
    """Images by id; those that were taken down are left out."""
    rows = session.scalars(
        select(Image).where(Image.id.in_(image_ids), Image.taken_down_at.is_(None))
    )
    return {image.id: image for image in rows}


def category_names(session: Session, category_ids: Collection[int]) -> dict[int, str]:
    """Names by category id."""
    if not category_ids:
        return {}
    rows = session.execute(select(Category.id, Category.name).where(Category.id.in_(category_ids)))
    return dict(rows.all())


def look_alikes(session: Session, category_ids: Collection[int]) -> dict[int, list[str]]:
    """Names of look-alikes by category id."""
    rows = session.execute(
        select(LookAlike.category_id, Category.name)
        .join(Category, Category.id == LookAlike.other_id)
        .where(LookAlike.category_id.in_(category_ids), Category.retired_at.is_(None))
        .order_by(Category.name)
    )
    found: dict[int, list[str]] = {}
    for category_id, name in rows:
        found.setdefault(category_id, []).append(name)
    return found


def unsure_before(session: Session, proposals: Sequence[Proposal]) -> dict[int, list[Decision]]:
    """Why proposals wait for another labeler or the lead: the answers in force, by proposal id.

    Of several labelers each answers without knowing what the others said; the lead is told.
    """
    ids = [proposal.id for proposal in proposals if proposal.stage != Stage.FIRST]
    if not ids:
        return {}
    undo = aliased(Decision)
    rows = session.scalars(
        select(Decision)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .where(
            Decision.proposal_id.in_(ids),
            Decision.answer != Answer.UNDO,
            or_(Decision.answer == Answer.UNSURE, Proposal.stage == Stage.LEAD),
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
        )
        .order_by(Decision.id)
    )
    found: dict[int, list[Decision]] = {}
    for decision in rows:
        found.setdefault(decision.proposal_id, []).append(decision)
    return found


def expected_precisions(
    session: Session, round_id: int, category_ids: Collection[int]
) -> Mapping[int, float]:
    """What share of right proposals to expect, by category id; fixed when the round was scored."""
    rows = session.execute(
        select(RoundCategory.category_id, RoundCategory.expected_precision).where(
            RoundCategory.round_id == round_id, RoundCategory.category_id.in_(category_ids)
        )
    )
    return dict(rows.all())


def open_of(session: Session, round_id: int, category_id: int, user_id: int) -> int:
    """How many proposals of a category a user may be asked; at most 1000 are counted."""
    some = (
        select(Proposal.id)
        .where(
            Proposal.round_id == round_id,
            Proposal.category_id == category_id,
            Proposal.answer.is_(None),
            Proposal.stage == Stage.FIRST,
            ~(literal(user_id) == any_(Proposal.barred)),
        )
        .limit(MOST_COUNTED)
        .subquery()
    )
    return session.scalars(select(func.count()).select_from(some)).one()


def rounds_to_look_back_on(session: Session, project_id: int) -> list[int]:
    """Ids of the round that is being labeled and of the newest one that ended."""
    newest = select(Round.id).where(Round.project_id == project_id).order_by(Round.number.desc())
    found = []
    for states in ((RoundState.LABELING,), (RoundState.CLOSED, RoundState.CANCELLED)):
        round_id = session.scalar(newest.where(Round.state.in_(states)).limit(1))
        if round_id is not None:
            found.append(round_id)
    return found


def past_decisions(
    session: Session, round_ids: Collection[int], user_id: int, limit: int
) -> Sequence[Row[Decision, str, Proposal, Proposal, Image, str]]:
    """(decision, category name, proposal, picked proposal, image, state), the newest first.

    These are the user's decisions that they did not take back, without those that were written
    along with a pick or whose picture is gone; the state is the round's.
    """
    undo, picked = aliased(Decision), aliased(Proposal)
    return session.execute(
        select(Decision, Category.name, Proposal, picked, Image, Round.state)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(Round, Round.id == Proposal.round_id)
        .join(Category, Category.id == Proposal.category_id)
        .join(Image, Image.id == Proposal.image_id)
        .join(picked, picked.id == Decision.picked_id, isouter=True)
        .where(
            Decision.user_id == user_id,
            Proposal.picked_by.is_distinct_from(user_id),
            Decision.answer != Answer.UNDO,
            Image.taken_down_at.is_(None),
            Proposal.round_id.in_(round_ids),
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
        )
        .order_by(Decision.created_at.desc(), Decision.id.desc())
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Day:
    """What a labeler did since some time."""

    decisions: int
    last_hour: int
    median_seconds: float | None
    gold: int
    gold_right: int


def day(session: Session, project_id: int, user_id: int, since: datetime) -> Day:
    """What a user decided in a project and did not take back."""
    undo = aliased(Decision)
    hour_ago = func.now() - timedelta(hours=1)
    today = Decision.created_at >= since
    judged = Decision.answer.in_((Answer.YES, Answer.NO))
    # An earlier answer that is asked about again is no known one.
    known = today & Proposal.gold.is_not(None) & Proposal.audits.is_(None) & judged
    row = session.execute(
        select(
            func.count().filter(today),
            func.count().filter(Decision.created_at > hour_ago),
            func.percentile_cont(0.5).within_group(Decision.seconds).filter(today),
            func.count().filter(known),
            func.count().filter(known & (Decision.answer == Proposal.gold)),
        )
        .select_from(Decision)
        .join(Proposal, Proposal.id == Decision.proposal_id)
        .join(Round, Round.id == Proposal.round_id)
        .where(
            Decision.user_id == user_id,
            Decision.created_at >= func.least(since, hour_ago),
            Decision.answer != Answer.UNDO,
            Round.project_id == project_id,
            Proposal.picked_by.is_distinct_from(user_id),
            ~select(undo.id).where(undo.undoes_id == Decision.id).exists(),
        )
    ).one()
    return Day(*row)
