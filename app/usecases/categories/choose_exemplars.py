"""Which examples of a category labelers are shown: the model's choice, or a lead's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db.labeling_queries import chosen_exemplars, known_question
from app.db.tables import Category, ChosenExemplar, Example, Exemplar, Image, Round
from app.domain.dataset import Split
from app.domain.errors import InvalidError
from app.domain.round import RoundState

MOST: Final = 9
"""So many have a place and a digit on the labeler's page."""


@dataclass(frozen=True)
class Shown:
    """The exemplars of a category in their order; `asked` are hashes of the open round's questions."""

    by_hand: bool
    images: tuple[Image, ...]
    asked: frozenset[str]


def exemplars_of(session: Session, category: Category) -> Shown:
    """What a lead chose, as far as it is still to be trained on; else the newest model's choice."""
    chosen = session.scalars(
        select(Image)
        .join(ChosenExemplar, ChosenExemplar.image_id == Image.id)
        .where(
            ChosenExemplar.category_id == category.id,
            Image.id.in_(
                chosen_exemplars([category.id]).with_only_columns(ChosenExemplar.image_id)
            ),
        )
        .order_by(ChosenExemplar.position)
    ).all()
    if chosen:
        return Shown(True, tuple(chosen), _asked(session, category))
    newest = (
        select(Exemplar.round_id)
        .where(Exemplar.category_id == category.id)
        .order_by(Exemplar.round_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    models = session.scalars(
        select(Image)
        .join(Exemplar, Exemplar.image_id == Image.id)
        .where(Exemplar.round_id == newest, Exemplar.category_id == category.id, ~Exemplar.by_hand)
        .order_by(Exemplar.position)
    )
    return Shown(False, tuple(models), frozenset())


def _asked(session: Session, category: Category) -> frozenset[str]:
    """Hashes of chosen exemplars that the open round asks about: it does not show them."""
    return frozenset(
        session.scalars(
            select(Image.sha256)
            .join(ChosenExemplar, ChosenExemplar.image_id == Image.id)
            .join(Round, Round.project_id == category.project_id)
            .where(
                ChosenExemplar.category_id == category.id,
                Round.state == RoundState.LABELING,
                known_question(Round.id, ChosenExemplar.image_id),
            )
        )
    )


def choose_exemplars(session: Session, category: Category, hashes: Sequence[str]) -> None:
    """Show labelers these examples from their next questions on, in this order.

    They stay through rounds until `reset_exemplars`; one that leaves the dataset is not shown.

    Args:
        session: Its transaction.
        category: Whose exemplars.
        hashes: Content hashes of examples of the category in the train split, from 1 to MOST.

    Raises:
        InvalidError: for none, too many, one twice, or what is no such example.
    """
    if not hashes:
        raise InvalidError("exemplars", "Choose at least one exemplar, or let the model choose.")
    if len(hashes) > MOST:
        raise InvalidError("exemplars", "Choose at most {most} exemplars.", most=MOST)
    if len(set(hashes)) < len(hashes):
        raise InvalidError("exemplars", "Name each exemplar once.")
    # Two leads at once: the second waits here, and then replaces all of the first's.
    session.execute(select(Category.id).where(Category.id == category.id).with_for_update())
    rows = session.execute(
        select(Image.sha256, Image.id)
        .join(Example, Example.image_id == Image.id)
        .where(
            Image.project_id == category.project_id,
            Image.sha256.in_(hashes),
            Example.category_id == category.id,
            Example.split == Split.TRAIN,
            Example.to_version.is_(None),
        )
    )
    found = dict(rows.all())
    for each in hashes:
        if each not in found:
            raise InvalidError(
                "exemplars",
                "The picture {sha256} is no example of {category} in the train split.",
                sha256=each[:12],
                category=category.name,
            )
    reset_exemplars(session, category)
    session.add_all(
        ChosenExemplar(category_id=category.id, position=place, image_id=found[each])
        for place, each in enumerate(hashes)
    )
    session.flush()


def reset_exemplars(session: Session, category: Category) -> None:
    """Show labelers what the model chose: the examples nearest to its anchors, one for each first."""
    session.execute(delete(ChosenExemplar).where(ChosenExemplar.category_id == category.id))
