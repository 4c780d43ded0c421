"""What waits for a lead, with all that is needed to decide it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db import labeling_queries, quality_queries
from app.db.tables import Decision, Project, Proposal
from app.domain.decision import Answer, Reason

from . import answers
from .beside import NOTHING, OfCategory, Writer, categories_of, images_of
from .schemas.leases import CategoryName
from .schemas.quality import AdjudicationOut, AdjudicationsOut, SaidOut


def adjudications(session: Session, project: Project, limit: int) -> AdjudicationsOut:
    """The first of what waits, the oldest round first."""
    rows = quality_queries.waiting(session, project, limit)
    said = quality_queries.said_of(session, [row[0] for row in rows])
    contrasts = labeling_queries.contrasts(session, [row[0].id for row in rows])
    categories = {category.id: category for _, _, category, _ in rows}
    exemplars = _exemplars(session, [row[0] for row in rows])
    beside = set().union(
        *(of.images for of in exemplars.values()), *map(images_of, contrasts.values())
    )
    images = labeling_queries.images(session, beside) | {image.id: image for _, image, *_ in rows}
    picked = [decision.picked_category_id for of in said.values() for _, decision in of]
    named = {each for each in picked if each is not None}
    names = labeling_queries.category_names(
        session, named.union(*map(categories_of, contrasts.values()))
    )
    look_alikes = labeling_queries.look_alikes(session, categories)
    by_hand = {category_id: of.images for category_id, of in exemplars.items() if of.by_hand}
    writer = Writer(project, images, names, {}, by_hand)
    return AdjudicationsOut(
        waiting=quality_queries.waiting_count(session, project),
        proposals=[
            AdjudicationOut(
                proposal_id=proposal.id,
                round=number,
                category_id=category.id,
                image=image.sha256,
                contrast=writer.contrast(
                    contrasts.get(proposal.id, NOTHING), by_hand.get(category.id)
                ),
                earlier=None if proposal.audits is None else Answer(str(proposal.gold)),
                said=_said(said.get(proposal.id, ()), names),
            )
            for proposal, image, category, number in rows
        ],
        categories=[
            writer.category(
                each,
                OfCategory(look_alikes.get(each.id, []), None),
                of.images if (of := exemplars.get(each.id)) else (),
            )
            for each in categories.values()
        ],
        images={image.sha256: answers.image_out(project.slug, image) for image in images.values()},
    )


def _exemplars(
    session: Session, proposals: Sequence[Proposal]
) -> dict[int, labeling_queries.Exemplars]:
    """What is shown of each category; of several rounds that ask about it the newest counts."""
    by_round: dict[int, set[int]] = {}
    for proposal in proposals:
        by_round.setdefault(proposal.round_id, set()).add(proposal.category_id)
    found: dict[int, labeling_queries.Exemplars] = {}
    for round_id, categories in sorted(by_round.items()):
        found |= labeling_queries.exemplars(session, round_id, categories)
    return found


def _said(of: Sequence[tuple[str, Decision]], names: dict[int, str]) -> list[SaidOut]:
    return [
        SaidOut(
            name=name,
            answer=Answer(decision.answer),
            reason=None if decision.reason is None else Reason(decision.reason),
            picked=None
            if decision.picked_category_id is None
            else CategoryName(
                category_id=decision.picked_category_id, name=names[decision.picked_category_id]
            ),
        )
        for name, decision in of
    ]
