"""Proposals: lease, decide, undo."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.orm import Session

from app.context import Unit
from app.db import labeling_queries
from app.db.session import database_now
from app.db.tables import Decision, Round
from app.domain.access import Role
from app.domain.decision import Verdict
from app.domain.errors import (
    AlreadyDecidedError,
    AnsweredSinceError,
    CategoryRetiredError,
    GridNotAllowedError,
    InvalidError,
    KeyReusedError,
    LeaseLostError,
    NotUndoableError,
    PartOfPickError,
    PickAnsweredError,
    RoundClosedError,
    TakenDownError,
)
from app.domain.round import RoundState
from app.usecases.label.decide import Said, record_decision
from app.usecases.label.grid import grids, lease_grid, open_by_category, record_page
from app.usecases.label.holder import Holder
from app.usecases.label.holder import Labeler as Answering
from app.usecases.label.lease import holds, lease_proposals, release_leases, round_in_labeling
from app.usecases.label.log import Saved
from app.usecases.label.pick import untouched
from app.usecases.label.tallies import progress_of
from app.usecases.label.undo import undo_decision
from app.usecases.people import Access

from . import answers
from .beside import beside
from .dependencies import Labeler, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.decisions import (
    DecisionAnswer,
    DecisionOut,
    GoldOut,
    GridAnswer,
    GridOut,
    GridPage,
    GridResult,
    NewDecision,
    PastDecision,
    SessionOut,
    UndoAnswer,
)
from .schemas.leases import ClientBody, GridLease, LeaseAnswer, LeaseRequest, Progress, Released

router = APIRouter(tags=["labeling"], route_class=OneThreadRoute)

# A request must not count years of decisions.
LONGEST_DAY = timedelta(hours=48)

UNDO_REFUSALS = (
    RoundClosedError,
    TakenDownError,
    NotUndoableError,
    AnsweredSinceError,
    PickAnsweredError,
    PartOfPickError,
    KeyReusedError,
    InvalidError,
)

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
    responses=responses(InvalidError, GridNotAllowedError),
)
def lease(body: LeaseRequest, unit: UnitDep, access: Labeler) -> LeaseAnswer:
    """The next open proposals, kept from others for five minutes. Ask again to renew the lease."""
    session, project = unit.session, access.project
    labeling = round_in_labeling(session, project)
    if labeling is None:
        return LeaseAnswer(
            progress=None, leases=[], proposals=[], categories=[], images={}, grid=None
        )
    holder = _holder(access, body.client)
    now = database_now(session)
    page = None
    if body.grid is None:
        leased = lease_proposals(session, labeling, holder, body.count, now)
    else:
        wanted = body.grid.category_id
        page, leased = lease_grid(session, project, labeling, holder, wanted, body.count, now)
    have = set(body.have)
    new = [each for each in leased if each.id not in have]
    shown = beside(session, project, labeling.id, new, holder.user_id)
    return LeaseAnswer(
        progress=_progress(session, labeling, access),
        leases=[answers.lease_out(proposal) for proposal in leased],
        proposals=shown.proposals,
        categories=shown.categories,
        images=shown.images,
        grid=None if page is None else GridLease(category_id=page.category_id, mostly=page.mostly),
    )


@router.post(
    "/projects/{project}/proposals/release",
    operation_id="releaseProposals",
    responses=responses(InvalidError),
)
def release(body: ClientBody, unit: UnitDep, access: Labeler) -> Released:
    """Give back what this client leased and did not answer."""
    released = release_leases(unit.session, access.project, _holder(access, body.client))
    return Released(released=released)


@router.post(
    "/projects/{project}/proposals/{proposal_id}/decisions",
    operation_id="decideProposal",
    status_code=201,
    responses={
        200: {"model": DecisionAnswer, "description": "This key was answered before"},
        **responses(
            RoundClosedError,
            TakenDownError,
            AlreadyDecidedError,
            LeaseLostError,
            KeyReusedError,
            CategoryRetiredError,
            InvalidError,
        ),
    },
)
def decide(
    proposal_id: int,
    body: NewDecision,
    key: Key,
    unit: UnitDep,
    access: Labeler,
    response: Response,
) -> DecisionAnswer:
    """Answer a proposal, exactly once for each key. When this returns, the decision is on disk."""
    verdict = Verdict(body.answer, body.reason, body.category_id)
    said = Said(proposal_id, body.lease_token, verdict, key, body.seconds)
    saved = record_decision(unit.session, access.project, _labeler(access), said)
    response.status_code = 200 if saved.replayed else 201
    return DecisionAnswer(
        decision=_decision(unit.session, saved.decision),
        progress=_progress_of(unit, access, saved.proposal.round_id),
    )


@router.post(
    "/projects/{project}/decisions",
    operation_id="decidePage",
    responses=responses(InvalidError),
)
def decide_page(body: GridPage, unit: UnitDep, access: Labeler) -> GridAnswer:
    """Answer a page of a grid. Each answer is taken or refused on its own, exactly once a key."""
    session, project = unit.session, access.project
    page = [
        Said(each.proposal_id, each.lease_token, Verdict(each.answer), each.key, each.seconds)
        for each in body.decisions
    ]
    saved = record_page(session, project, _labeler(access), page)
    results = [
        GridResult(
            key=said.key,
            decision=answers.decision_out(result.decision, {})
            if isinstance(result, Saved)
            else None,
            problem=None if isinstance(result, Saved) else answers.item_problem(result),
        )
        for said, result in zip(page, saved, strict=True)
    ]
    labeling = round_in_labeling(session, project)
    return GridAnswer(
        results=results,
        progress=None if labeling is None else _progress(session, labeling, access),
    )


@router.get("/projects/{project}/grids", operation_id="listGrids", responses=responses())
def list_grids(unit: UnitDep, access: Labeler) -> list[GridOut]:
    """The categories that may be labeled a page at a time now, in labeling order."""
    session, project = unit.session, access.project
    labeling = round_in_labeling(session, project)
    if labeling is None:
        return []
    still_open = open_by_category(session, labeling, access.principal.user_id)
    return [
        GridOut(
            category_id=grid.category_id,
            name=grid.name,
            open=still_open[grid.category_id],
            mostly=grid.mostly,
        )
        for grid in grids(session, project, labeling)
        if still_open.get(grid.category_id)
    ]


@router.get(
    "/projects/{project}/session", operation_id="getSession", responses=responses(InvalidError)
)
def get_session(
    unit: UnitDep,
    access: Labeler,
    since: Annotated[
        datetime, Query(description="When the caller's day began; at most 48 hours are counted")
    ],
) -> SessionOut:
    """The caller's day: how many decisions, how quick, and how they did where that is known."""
    if since.tzinfo is None:
        raise InvalidError("since", "Give since with its time zone, as in 2026-01-31T00:00:00Z.")
    session, project = unit.session, access.project
    since = max(since, database_now(session) - LONGEST_DAY)
    day = labeling_queries.day(session, project.id, access.principal.user_id, since)
    return SessionOut(
        today=day.decisions,
        last_hour=day.last_hour,
        seconds_per_decision=day.median_seconds,
        gold=GoldOut(answered=day.gold, right=day.gold_right) if project.show_gold else None,
    )


@router.get("/projects/{project}/decisions", operation_id="listDecisions", responses=responses())
def list_decisions(
    unit: UnitDep,
    access: Labeler,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[PastDecision]:
    """The caller's newest decisions that they did not take back.

    They are of the round that is being labeled and of the newest one that ended.
    """
    session, project = unit.session, access.project
    rounds = labeling_queries.rounds_to_look_back_on(session, project.id)
    rows = labeling_queries.past_decisions(session, rounds, access.principal.user_id, limit)
    named = [row[0].picked_category_id for row in rows]
    names = labeling_queries.category_names(session, {each for each in named if each is not None})
    return [
        PastDecision(
            decision=answers.decision_out(decision, names),
            category_id=proposal.category_id,
            category=category,
            image=answers.image_out(project.slug, image),
            undoable=state == RoundState.LABELING
            and decision.ordinal == proposal.decisions
            and not proposal.adjudicated
            and (picked is None or untouched(picked)),
        )
        for decision, category, proposal, picked, image, state in rows
    ]


@router.post(
    "/projects/{project}/decisions/{decision_id}/undo",
    operation_id="undoDecision",
    responses=responses(*UNDO_REFUSALS),
)
def undo(
    decision_id: int, body: ClientBody, key: Key, unit: UnitDep, access: Labeler
) -> UndoAnswer:
    """Take one of one's own decisions back; its proposal is open again and leased to the caller."""
    session, project = unit.session, access.project
    holder = _holder(access, body.client)
    saved = undo_decision(session, project, decision_id, holder, key, database_now(session))
    proposal = saved.proposal
    # A repeated undo must not hand out what somebody else holds by now.
    held = [proposal] if holds(holder, proposal) else []
    shown = beside(session, project, proposal.round_id, held, holder.user_id)
    return UndoAnswer(
        decision=_decision(session, saved.decision),
        progress=_progress_of(unit, access, proposal.round_id),
        proposal=next(iter(shown.proposals), None),
        category=next(iter(shown.categories), None),
        images=shown.images,
    )


def _holder(access: Access, client: str) -> Holder:
    return Holder(_labeler(access), client)


def _labeler(access: Access) -> Answering:
    return Answering(access.principal.user_id, leads=access.role is Role.LEAD)


def _decision(session: Session, decision: Decision) -> DecisionOut:
    picked = decision.picked_category_id
    names = labeling_queries.category_names(session, () if picked is None else (picked,))
    return answers.decision_out(decision, names)


def _progress_of(unit: Unit, access: Access, round_id: int) -> Progress:
    return _progress(unit.session, unit.session.get_one(Round, round_id), access)


def _progress(session: Session, labeling: Round, access: Access) -> Progress:
    labeler = _labeler(access)
    found = progress_of(session, labeling, labeler.user_id, leads=labeler.leads)
    return Progress(round=labeling.number, **asdict(found))
