"""Rounds: start, watch, close, cancel."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.context import Unit
from app.db import queries
from app.db.session import database_now, transaction
from app.domain.errors import (
    NotFoundError,
    NotReplayableError,
    RoundInProgressError,
    RoundNotReadyError,
    TransitionError,
)
from app.domain.event import Verb
from app.export.members import spooled
from app.usecases.dataset.export_model import model_to_export, model_zip
from app.usecases.events import record
from app.usecases.people import Access
from app.usecases.rounds.end_round import cancel_round, close_round
from app.usecases.rounds.round_manifest import manifest_chunks, round_to_tell
from app.usecases.rounds.start_round import start_round

from . import answers
from .dependencies import ContextDep, Lead, Reader, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.rounds import RoundOut

router = APIRouter(tags=["rounds"], route_class=OneThreadRoute)


@router.get("/projects/{project}/rounds", operation_id="listRounds", responses=responses())
def list_rounds(unit: UnitDep, access: Reader) -> list[RoundOut]:
    """All rounds, the newest first."""
    now = database_now(unit.session)
    return [
        answers.round_out(each, now) for each in queries.rounds(unit.session, access.project.id)
    ]


@router.post(
    "/projects/{project}/rounds",
    operation_id="startRound",
    status_code=201,
    responses=responses(RoundInProgressError, RoundNotReadyError),
)
def start(unit: UnitDep, access: Lead) -> RoundOut:
    """Start the next round: workers embed, train and score; then its proposals can be leased."""
    started, job = start_round(unit.session, access.project, access.principal.user_id)
    _log(unit, access, Verb.START_ROUND, started.number, trained_on=started.trained_on)
    unit.send_after_commit(job)
    return _one(unit, access, started.number)


@router.get("/projects/{project}/rounds/{number}", operation_id="getRound", responses=responses())
def get_round(number: int, unit: UnitDep, access: Reader) -> RoundOut:
    """A round with the progress of its work."""
    return _one(unit, access, number)


@router.post(
    "/projects/{project}/rounds/{number}/close",
    operation_id="closeRound",
    responses=responses(TransitionError),
)
def close(number: int, unit: UnitDep, access: Lead) -> RoundOut:
    """Close a round: every yes joins the dataset, every no becomes a hard negative."""
    closed = close_round(unit.session, access.project, number, database_now(unit.session))
    answer = _one(unit, access, number)
    details = {"version": closed.made_version, "yes": answer.yes, "no": answer.no}
    _log(unit, access, Verb.CLOSE_ROUND, number, **details)
    return answer


@router.post(
    "/projects/{project}/rounds/{number}/cancel",
    operation_id="cancelRound",
    responses=responses(TransitionError),
)
def cancel(number: int, unit: UnitDep, access: Lead) -> RoundOut:
    """End a round without effect on the dataset. Its decisions stay in the log."""
    cancel_round(unit.session, access.project, number, database_now(unit.session))
    _log(unit, access, Verb.CANCEL_ROUND, number)
    return _one(unit, access, number)


def _log(unit: Unit, access: Access, verb: Verb, number: int, **details: Any) -> None:
    record(unit.session, access.project.id, access.principal.user_id, verb, number, **details)


def _one(unit: Unit, access: Access, number: int) -> RoundOut:
    unit.session.flush()
    found = queries.rounds(unit.session, access.project.id, number)
    if not found:
        raise NotFoundError("round", number)
    return answers.round_out(found[0], database_now(unit.session))


@router.get(
    "/projects/{project}/rounds/{number}/model",
    operation_id="exportModel",
    response_class=StreamingResponse,
    responses=responses() | {200: {"content": {"application/zip": {}}, "description": "The zip"}},
)
def export_model(
    unit: UnitDep, context: ContextDep, access: Lead, number: int
) -> StreamingResponse:
    """What the round trained: head.safetensors, and config.json with the names of its outputs.

    The backbone is named and not included; `vetted model export` adds it, with ONNX and a script.
    """
    model = model_to_export(unit.session, access.project, number)
    unit.release_connection()
    content = model_zip(model, context.blobs)
    with transaction(context.sessions) as session:
        user_id = access.principal.user_id
        record(session, access.project.id, user_id, Verb.EXPORT_MODEL, number)
    name = f"{access.project.slug}-round-{number}-model.zip"
    return StreamingResponse(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(
    "/projects/{project}/rounds/{number}/manifest",
    operation_id="exportManifest",
    response_class=StreamingResponse,
    responses=responses(NotReplayableError)
    | {200: {"content": {"application/json": {}}, "description": "The manifest"}},
)
def export_manifest(context: ContextDep, access: Lead, number: int) -> StreamingResponse:
    """What the round was computed from, and all that was asked and answered.

    `vetted round replay` trains and scores again from it and compares the proposals.
    """
    name = f"{access.project.slug}-round-{number}.json"
    # At once: while a slow client reads, no connection is held.
    with transaction(context.sessions) as session:
        of = round_to_tell(session, access.project, number)
        manifest = spooled(name, manifest_chunks(session, access.project, of))
    return StreamingResponse(
        manifest.pieces(),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
