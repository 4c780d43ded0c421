"""Proposals: lease, decide, undo."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.orm import Session

from app.context import Unit
from app.db import labeling_queries, queries
from app.db.session import database_now
from app.db.tables import Decision, Round
from app.domain.access import Role
from app.domain.decision import Verdict
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    NotUndoableError,
    RoundClosedError,
)
from app.domain.round import RoundState
from app.usecases.label.decide import record_decision
from app.usecases.label.holder import Holder
from app.usecases.label.lease import holds, lease_proposals, release_leases, round_in_labeling
from app.usecases.label.undo import undo_decision
from app.usecases.people import Access

from . import answers, schemas
from .beside import beside
from .dependencies import Labeler, UnitDep
from .problems import responses

router = APIRouter(tags=["labeling"])

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description="A new random text for each decision; the same one again for a retry",
        examples=["0f8fad5b-d9cb-469f-a165-70867728950e"],
    ),
]


@router.post(
    "/projects/{project}/proposals/lease",
    operation_id="leaseProposals",
    responses=responses(InvalidError),
)
def lease(body: schemas.LeaseRequest, unit: UnitDep, access: Labeler) -> schemas.LeaseAnswer:
    """The next open proposals, kept from others for five minutes. Ask again to renew the lease."""
    session, project = unit.session, access.project
    labeling = round_in_labeling(session, project)
    if labeling is None:
        return schemas.LeaseAnswer(
            progress=None, leases=[], proposals=[], categories=[], images={}, grid=None
        )
    holder = _holder(access, body.client)
    leased = lease_proposals(session, labeling, holder, body.count, database_now(session))
    have = set(body.have)
    shown = beside(session, project, labeling.id, [each for each in leased if each.id not in have])
    return schemas.LeaseAnswer(
        progress=_progress(session, labeling, access),
        leases=[answers.lease_out(proposal) for proposal in leased],
        proposals=shown.proposals,
        categories=shown.categories,
        images=shown.images,
        grid=None,
    )


@router.post(
    "/projects/{project}/proposals/release",
    operation_id="releaseProposals",
    responses=responses(InvalidError),
)
def release(body: schemas.ClientBody, unit: UnitDep, access: Labeler) -> schemas.Released:
    """Give back what this client leased and did not answer."""
    released = release_leases(unit.session, access.project, _holder(access, body.client))
    return schemas.Released(released=released)


@router.post(
    "/projects/{project}/proposals/{proposal_id}/decisions",
    operation_id="decideProposal",
    status_code=201,
    responses={
        200: {"model": schemas.DecisionAnswer, "description": "This key was answered before"},
        **responses(
            RoundClosedError, AlreadyDecidedError, LeaseLostError, KeyReusedError, InvalidError
        ),
    },
)
def decide(
    proposal_id: int,
    body: schemas.NewDecision,
    key: Key,
    unit: UnitDep,
    access: Labeler,
    response: Response,
) -> schemas.DecisionAnswer:
    """Answer a proposal, exactly once for each key. When this returns, the decision is on disk."""
    saved = record_decision(
        unit.session,
        access.project,
        proposal_id,
        Verdict(body.answer, body.reason, body.category_id),
        user_id=access.principal.user_id,
        lease_token=body.lease_token,
        key=key,
        seconds=body.seconds,
    )
    response.status_code = 200 if saved.replayed else 201
    return schemas.DecisionAnswer(
        decision=_decision(unit.session, saved.decision),
        progress=_progress_of(unit, access, saved.proposal.round_id),
    )


@router.get("/projects/{project}/decisions", operation_id="listDecisions", responses=responses())
def list_decisions(
    unit: UnitDep,
    access: Labeler,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[schemas.PastDecision]:
    """The caller's newest decisions that they did not take back.

    They are of the round that is being labeled and of the newest one that ended.
    """
    session, project = unit.session, access.project
    rounds = labeling_queries.rounds_to_look_back_on(session, project.id)
    rows = labeling_queries.past_decisions(session, rounds, access.principal.user_id, limit)
    named = [row[0].picked_category_id for row in rows]
    picked = {category_id for category_id in named if category_id is not None}
    names = labeling_queries.category_names(session, picked)
    return [
        schemas.PastDecision(
            decision=answers.decision_out(decision, names),
            category_id=proposal.category_id,
            category=category,
            image=answers.image_out(project.slug, image),
            undoable=state == RoundState.LABELING and decision.ordinal == proposal.decisions,
        )
        for decision, category, proposal, image, state in rows
    ]


@router.post(
    "/projects/{project}/decisions/{decision_id}/undo",
    operation_id="undoDecision",
    responses=responses(RoundClosedError, NotUndoableError, KeyReusedError, InvalidError),
)
def undo(
    decision_id: int, body: schemas.ClientBody, key: Key, unit: UnitDep, access: Labeler
) -> schemas.UndoAnswer:
    """Take one of one's own decisions back; its proposal is open again and leased to the caller."""
    session, project = unit.session, access.project
    holder = _holder(access, body.client)
    saved = undo_decision(session, project, decision_id, holder, key, database_now(session))
    proposal = saved.proposal
    # A repeated undo must not hand out what somebody else holds by now.
    held = [proposal] if holds(holder, proposal) else []
    shown = beside(session, project, proposal.round_id, held)
    return schemas.UndoAnswer(
        decision=_decision(session, saved.decision),
        progress=_progress_of(unit, access, proposal.round_id),
        proposal=next(iter(shown.proposals), None),
        category=next(iter(shown.categories), None),
        images=shown.images,
    )


def _holder(access: Access, client: str) -> Holder:
    return Holder(access.principal.user_id, client, leads=access.role is Role.LEAD)


def _decision(session: Session, decision: Decision) -> schemas.DecisionOut:
    picked = decision.picked_category_id
    names = labeling_queries.category_names(session, () if picked is None else (picked,))
    return answers.decision_out(decision, names)


def _progress_of(unit: Unit, access: Access, round_id: int) -> schemas.Progress:
    return _progress(unit.session, unit.session.get_one(Round, round_id), access)


def _progress(session: Session, labeling: Round, access: Access) -> schemas.Progress:
    return schemas.Progress(
        round=labeling.number,
        decided=queries.decided(session, labeling.id),
        total=labeling.proposals or 0,
        mine=queries.decided_by(session, labeling.id, access.principal.user_id),
        others=0,
    )
