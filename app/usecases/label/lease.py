"""Keep open proposals from others for a while: nobody is asked what somebody else is looking at."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, any_, func, literal, select, update
from sqlalchemy.orm import Session

from app.db.tables import Project, Proposal, Round
from app.domain.decision import Stage
from app.domain.errors import InvalidError
from app.domain.lease import FRESH, LEASE, MOST_LEASED
from app.domain.round import RoundState
from app.usecases.label.holder import Holder, check_key


def round_in_labeling(session: Session, project: Project) -> Round | None:
    """The round that is being labeled, if any."""
    return session.scalar(
        select(Round).where(Round.project_id == project.id, Round.state == RoundState.LABELING)
    )


def lease_proposals(
    session: Session, labeling: Round, holder: Holder, count: int, now: datetime
) -> Sequence[Proposal]:
    """What the holder holds, in labeling order, and open proposals up to `count` in all.

    A holder who asks again gets what they hold already, with a lease of four to five minutes: a reload shows
    the same picture, and a batch that was fetched ahead is not stranded.

    Raises:
        InvalidError: for a count outside 1..60 or a client name outside 1..200 characters.
    """
    if not 1 <= count <= MOST_LEASED:
        raise InvalidError("count", "Lease 1 to {most} proposals at a time.", most=MOST_LEASED)
    check_key("client", holder.client)
    found = list(lock_held(session, labeling, holder, now))
    # What waits for another labeler or the lead was asked before: it comes first.
    for wanted in (_later(holder), at(Stage.FIRST)):
        found += lock_free(session, labeling, holder, count - len(found), now, wanted)
    return keep(session, found, holder, now)


def keep(
    session: Session, locked: Sequence[Proposal], holder: Holder, now: datetime
) -> Sequence[Proposal]:
    """Lease locked proposals to the holder, or renew the lease; gives them in labeling order."""
    for proposal in locked:
        if not holds(holder, proposal) or _runs_low(proposal, now):
            _hand_over(proposal, holder)
            proposal.lease_expires_at = now + LEASE
    session.flush()
    return sorted(locked, key=lambda proposal: (proposal.position, proposal.id))


def _runs_low(proposal: Proposal, now: datetime) -> bool:
    return proposal.lease_expires_at is None or proposal.lease_expires_at < now + FRESH


def end_lease(proposal: Proposal) -> None:
    """Take a locked proposal out of its holder's hands; their token is worth nothing any more."""
    proposal.lease_token = None
    proposal.lease_user_id = None
    proposal.lease_client = None
    proposal.lease_expires_at = None


def holds(holder: Holder, proposal: Proposal) -> bool:
    """Whether an open proposal is in this holder's hands, be it that the lease ran out."""
    mine = (proposal.lease_user_id, proposal.lease_client) == (holder.user_id, holder.client)
    return mine and proposal.answer is None


def at(stage: Stage) -> ColumnElement[bool]:
    """That a proposal is at a stage, written out: indexes on a stage are found only so."""
    return Proposal.stage == literal(stage.value, literal_execute=True)


def _later(holder: Holder) -> ColumnElement[bool]:
    return ~at(Stage.FIRST) if holder.labeler.leads else at(Stage.SECOND)


def _hand_over(proposal: Proposal, holder: Holder) -> None:
    # Who takes back what ran out keeps the token: an answer of theirs may be on its way with it.
    if (proposal.lease_user_id, proposal.lease_client) != (holder.user_id, holder.client):
        proposal.lease_token = secrets.token_urlsafe(12)
        proposal.lease_user_id = holder.user_id
        proposal.lease_client = holder.client


def lock_held(
    session: Session, labeling: Round, holder: Holder, now: datetime
) -> Sequence[Proposal]:
    """What the holder holds in the round, locked."""
    return session.scalars(
        select(Proposal)
        .where(
            Proposal.round_id == labeling.id,
            Proposal.answer.is_(None),
            Proposal.lease_user_id == holder.user_id,
            Proposal.lease_client == holder.client,
            Proposal.lease_expires_at > now,
        )
        # Everybody locks several proposals in this order, so that none wait for each other.
        .order_by(Proposal.position, Proposal.id)
        .with_for_update()
    ).all()


def lock_free(
    session: Session,
    labeling: Round,
    holder: Holder,
    count: int,
    now: datetime,
    wanted: ColumnElement[bool],
) -> Sequence[Proposal]:
    """Up to `count` open proposals that the holder may be asked and nobody holds, locked."""
    if count <= 0:
        return []
    # Two labelers who lease at once skip each other's rows instead of waiting for or sharing them.
    return session.scalars(
        select(Proposal)
        .where(Proposal.round_id == labeling.id, wanted, *free(holder, now))
        .order_by(Proposal.position)
        .limit(count)
        .with_for_update(skip_locked=True)
    ).all()


def free(holder: Holder, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """That a proposal is open, that nobody holds it, and that the holder may be asked."""
    return (
        Proposal.answer.is_(None),
        (Proposal.lease_expires_at.is_(None)) | (Proposal.lease_expires_at <= now),
        may_be_asked(holder.user_id),
    )


def may_be_asked(user_id: int) -> ColumnElement[bool]:
    """That a user has not answered a proposal already, nor made it by a pick."""
    return ~(literal(user_id) == any_(Proposal.barred))


def release_leases(session: Session, project: Project, holder: Holder) -> int:
    """Give back what the holder leased and did not answer, so that others need not wait for it.

    Raises:
        InvalidError: for a client name outside 1..200 characters.
    """
    check_key("client", holder.client)
    held = session.scalars(
        select(Proposal.id)
        .where(
            Proposal.lease_user_id == holder.user_id,
            Proposal.lease_client == holder.client,
            Proposal.answer.is_(None),
            Proposal.lease_expires_at > func.now(),
            Proposal.round_id.in_(select(Round.id).where(Round.project_id == project.id)),
        )
        # Locked in the order in which leasing locks them: a page that is reloaded gives back and
        # asks again at the same moment, and the two must not wait for each other.
        .order_by(Proposal.position, Proposal.id)
        .with_for_update()
    ).all()
    # The lease ends; the token stays, so that a late answer counts if nobody else came.
    session.execute(
        update(Proposal).where(Proposal.id.in_(held)).values(lease_expires_at=func.now())
    )
    return len(held)
