"""What a labeler sees of proposals: the question, what stands beside it, and every image of both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import labeling_queries as queries
from app.db.tables import Category, Contrast, Decision, Image, Project, Proposal
from app.domain import grid
from app.domain.decision import Answer, Reason, Stage
from app.markdown import to_html

from . import answers
from .schemas.images import ImageOut
from .schemas.leases import (
    CategoryGrid,
    CategoryName,
    ConfusableOut,
    ContrastOut,
    EarlierOut,
    LabelingCategory,
    LeasedProposal,
)

NOTHING = Contrast(
    exemplars=[], confusable_id=None, confusable_exemplars=[], rejected=[], likely=[]
)


@dataclass(frozen=True)
class Beside:
    """Proposals of one round with all that is shown of them."""

    proposals: list[LeasedProposal]
    categories: list[LabelingCategory]
    images: dict[str, ImageOut]


def beside(
    session: Session,
    project: Project,
    round_id: int,
    proposals: Sequence[Proposal],
    user_id: int,
) -> Beside:
    """The details of proposals that are leased to the caller, in their order."""
    if not proposals:
        return Beside([], [], {})
    contrasts = queries.contrasts(session, [proposal.id for proposal in proposals])
    category_ids = list(dict.fromkeys(proposal.category_id for proposal in proposals))
    exemplars = queries.exemplars(session, round_id, category_ids)
    image_ids = {proposal.image_id for proposal in proposals}.union(
        *(of.images for of in exemplars.values()), *map(images_of, contrasts.values())
    )
    images = queries.images(session, image_ids)
    writer = Writer(
        project,
        images,
        queries.category_names(session, set().union(*map(categories_of, contrasts.values()))),
        queries.unsure_before(session, proposals) if project.show_others else {},
        {category_id: of.images for category_id, of in exemplars.items() if of.by_hand},
    )
    return Beside(
        proposals=[
            writer.proposal(proposal, contrasts.get(proposal.id, NOTHING)) for proposal in proposals
        ],
        categories=[
            writer.category(
                category, beside_it, of.images if (of := exemplars.get(category.id)) else ()
            )
            for category, beside_it in _categories(
                session, project, round_id, category_ids, user_id
            )
        ],
        images={image.sha256: answers.image_out(project.slug, image) for image in images.values()},
    )


def images_of(contrast: Contrast) -> Iterable[int]:
    """The ids of all images beside a proposal."""
    return (*contrast.exemplars, *contrast.confusable_exemplars, *contrast.rejected)


def categories_of(contrast: Contrast) -> Iterable[int]:
    """The ids of all categories that are named beside a proposal."""
    confusable = () if contrast.confusable_id is None else (contrast.confusable_id,)
    return (*confusable, *contrast.likely)


@dataclass(frozen=True)
class OfCategory:
    """What is known of a category beside its row."""

    look_alikes: list[str]
    grid: CategoryGrid | None


def _categories(
    session: Session,
    project: Project,
    round_id: int,
    category_ids: Sequence[int],
    user_id: int,
) -> Iterable[tuple[Category, OfCategory]]:
    look_alikes = queries.look_alikes(session, category_ids)
    expected = queries.expected_precisions(session, round_id, category_ids)
    rows = session.scalars(
        select(Category).where(Category.id.in_(category_ids)).order_by(Category.name)
    )
    for category in rows.all():
        mostly = None
        if category.id in expected:
            mostly = grid.mostly(expected[category.id], project.grid_above, project.grid_below)
        shown = None
        if mostly is not None:
            still_open = queries.open_of(session, round_id, category.id, user_id)
            shown = CategoryGrid(mostly=mostly, open=still_open)
        yield category, OfCategory(look_alikes.get(category.id, []), shown)


@dataclass(frozen=True)
class Writer:
    """Writes details out of rows that were loaded for all proposals at once."""

    project: Project
    images: dict[int, Image]
    names: dict[int, str]
    earlier: dict[int, list[Decision]]
    by_hand: dict[int, list[int]]

    def proposal(self, proposal: Proposal, contrast: Contrast) -> LeasedProposal:
        """A proposal in its holder's hands."""
        lease = answers.lease_out(proposal)
        return LeasedProposal(
            id=lease.id,
            lease_token=lease.lease_token,
            lease_expires_at=lease.lease_expires_at,
            category_id=proposal.category_id,
            image=self.images[proposal.image_id].sha256,
            stage=Stage(proposal.stage),
            contrast=self.contrast(contrast, self.by_hand.get(proposal.category_id)),
            likely=[
                CategoryName(category_id=category_id, name=self.names[category_id])
                for category_id in contrast.likely
            ],
            confidence=proposal.confidence if self.project.show_confidence else None,
            earlier=[
                EarlierOut(
                    answer=Answer(decision.answer),
                    reason=None if decision.reason is None else Reason(decision.reason),
                )
                for decision in self.earlier.get(proposal.id, ())
            ],
        )

    def contrast(self, contrast: Contrast, by_hand: list[int] | None) -> ContrastOut:
        """What stands beside a proposal; exemplars chosen by hand go before its own."""
        confusable = None
        if contrast.confusable_id is not None:
            confusable = ConfusableOut(
                category_id=contrast.confusable_id,
                name=self.names[contrast.confusable_id],
                exemplars=self._hashes(contrast.confusable_exemplars),
            )
        return ContrastOut(
            exemplars=self._hashes(by_hand or contrast.exemplars),
            confusable=confusable,
            rejected=self._hashes(contrast.rejected),
        )

    def category(
        self, category: Category, of: OfCategory, exemplars: Iterable[int]
    ) -> LabelingCategory:
        """A category with the examples that its round shows."""
        return LabelingCategory(
            id=category.id,
            name=category.name,
            scientific_name=category.scientific_name,
            definition_html=to_html(category.definition),
            look_alikes=of.look_alikes,
            exemplars=self._hashes(exemplars),
            grid=of.grid,
        )

    def _hashes(self, image_ids: Iterable[int]) -> list[str]:
        # What was taken down stands beside nothing any more.
        return [self.images[image_id].sha256 for image_id in image_ids if image_id in self.images]
