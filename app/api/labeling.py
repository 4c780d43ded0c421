"""Proposals: lease, decide, undo."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.context import Unit
from app.db import queries
from app.db.session import database_now
from app.db.tables import Category, Image, Project, Proposal, Round
from app.domain.decision import Answer
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    NotUndoableError,
    RoundClosedError,
)
from app.usecases import label, projects
from app.usecases.people import Access

from . import answers, schemas
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
    labeling = label.round_in_labeling(session, project)
    if labeling is None:
        return schemas.LeaseAnswer(progress=None, proposals=[], categories=[])
    proposals = label.lease_proposals(
        session, labeling, _holder(access, body.client), body.count, database_now(session)
    )
    return schemas.LeaseAnswer(
        progress=_progress(session, labeling, access),
        proposals=_leased(session, project, proposals),
        categories=_categories(session, project, labeling.id, proposals),
    )


@router.post(
    "/projects/{project}/proposals/release",
    operation_id="releaseProposals",
    responses=responses(InvalidError),
)
def release(body: schemas.ClientBody, unit: UnitDep, access: Labeler) -> schemas.Released:
    """Give back what this client leased and did not answer."""
    released = label.release_leases(unit.session, access.project, _holder(access, body.client))
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
    if body.answer is Answer.UNDO:
        raise InvalidError(
            "answer", "Answer yes, no or unsure. To undo, post to the decision's undo."
        )
    saved = label.record_decision(
        unit.session,
        access.project,
        proposal_id,
        user_id=access.principal.user_id,
        answer=body.answer,
        lease_token=body.lease_token,
        key=key,
        seconds=body.seconds,
    )
    response.status_code = 200 if saved.replayed else 201
    return schemas.DecisionAnswer(
        decision=answers.decision_out(saved.decision),
        progress=_progress_of(unit, access, saved.proposal.round_id),
    )


@router.get("/projects/{project}/decisions", operation_id="listDecisions", responses=responses())
def list_decisions(
    unit: UnitDep,
    access: Labeler,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[schemas.PastDecision]:
    """The caller's newest decisions in force in the round that is being labeled."""
    session, project = unit.session, access.project
    labeling = label.round_in_labeling(session, project)
    if labeling is None:
        return []
    return [
        schemas.PastDecision(
            decision=answers.decision_out(decision),
            category_id=category.id,
            category=category.name,
            image=answers.image_out(project.slug, image),
        )
        for decision, category, image in queries.past_decisions(
            session, labeling.id, access.principal.user_id, limit
        )
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
    saved = label.undo_decision(
        session, project, decision_id, _holder(access, body.client), key, database_now(session)
    )
    return schemas.UndoAnswer(
        decision=answers.decision_out(saved.decision),
        progress=_progress_of(unit, access, saved.proposal.round_id),
        proposal=_leased(session, project, [saved.proposal])[0],
        category=_categories(session, project, saved.proposal.round_id, [saved.proposal])[0],
    )


def _holder(access: Access, client: str) -> label.Holder:
    return label.Holder(access.principal.user_id, client)


def _progress_of(unit: Unit, access: Access, round_id: int) -> schemas.Progress:
    return _progress(unit.session, unit.session.get_one(Round, round_id), access)


def _progress(session: Session, labeling: Round, access: Access) -> schemas.Progress:
    return schemas.Progress(
        round=labeling.number,
        decided=queries.decided(session, labeling.id),
        total=labeling.proposals or 0,
        mine=queries.decided_by(session, labeling.id, access.principal.user_id),
    )


def _leased(
    session: Session, project: Project, proposals: Sequence[Proposal]
) -> list[schemas.LeasedProposal]:
    ids = [proposal.image_id for proposal in proposals]
    images = {image.id: image for image in session.scalars(select(Image).where(Image.id.in_(ids)))}
    return [
        answers.leased_proposal(project.slug, proposal, images[proposal.image_id])
        for proposal in proposals
    ]


def _categories(
    session: Session, project: Project, round_id: int, proposals: Sequence[Proposal]
) -> list[schemas.LabelingCategory]:
    ids = list(dict.fromkeys(proposal.category_id for proposal in proposals))
    found = session.scalars(select(Category).where(Category.id.in_(ids)).order_by(Category.name))
    exemplars = queries.exemplars(session, round_id, ids)
    look_alikes = projects.look_alikes(session, project)
    return [
        answers.labeling_category(project.slug, category, look_alikes, exemplars)
        for category in found
    ]
