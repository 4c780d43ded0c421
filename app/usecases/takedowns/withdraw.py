"""Questions about pictures that are gone are withdrawn, whoever looks at them."""

from collections import Counter
from collections.abc import Collection

from sqlalchemy import and_, literal, or_, select, update
from sqlalchemy.orm import Session

from app.db.tables import Proposal, Round, RoundCategory
from app.domain.decision import WITHDRAWN
from app.domain.round import RoundState
from app.usecases.label.lease import end_lease
from app.usecases.label.tallies import Changes
from app.usecases.quality.count_quality import outdate


def withdraw_questions(session: Session, project_id: int, image_ids: Collection[int]) -> None:
    """Withdraw what the open round asks, and what waits for a lead; the log of decisions stays.

    Also what was answered: it would become part of the dataset when the round closes. All counts
    are as if it had not been asked. The project is locked; the rounds are as for their end, so
    that answers that are being written are waited for.
    """
    asked = select(Proposal.round_id).where(Proposal.image_id.in_(image_ids))
    rounds = session.scalars(
        select(Round)
        .where(Round.project_id == project_id, Round.id.in_(asked))
        .order_by(Round.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for each in rounds:
        _withdraw(session, each, image_ids)


def _withdraw(session: Session, of: Round, image_ids: Collection[int]) -> None:
    # An answer that contradicts an earlier one waits for a lead although its round is over.
    waits = and_(
        Proposal.audits.is_not(None), Proposal.answer != Proposal.gold, ~Proposal.adjudicated
    )
    open_round = literal(of.state == RoundState.LABELING)
    proposals = session.scalars(
        select(Proposal)
        .where(
            Proposal.round_id == of.id,
            Proposal.image_id.in_(image_ids),
            Proposal.answer.is_distinct_from(WITHDRAWN),
            or_(waits, open_round),
        )
        # Where labelers lock several, they do so in this order.
        .order_by(Proposal.position, Proposal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not proposals:
        return
    changes = Changes()
    by_category: Counter[int] = Counter()
    for proposal in proposals:
        with changes.of(proposal):
            proposal.answer, proposal.answered_by, proposal.in_force = WITHDRAWN, None, None
            end_lease(proposal)
        if proposal.gold is not None:
            of.gold -= 1
        elif proposal.picked_by is None:
            of.proposals = (of.proposals or 0) - 1
            by_category[proposal.category_id] += 1
    for category_id, number in sorted(by_category.items()):
        session.execute(
            update(RoundCategory)
            .where(RoundCategory.round_id == of.id, RoundCategory.category_id == category_id)
            .values(proposals=RoundCategory.proposals - number)
        )
    session.flush()
    changes.write(session, of.id)
    outdate(session, of.id)
