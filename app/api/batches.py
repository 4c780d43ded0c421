"""Batches: opened, followed, finished, cancelled, withdrawn."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.db import batch_queries
from app.db.batch_queries import Owner
from app.db.session import database_now
from app.db.tables import Batch
from app.domain.access import Scope
from app.domain.batch import BatchKind
from app.domain.errors import BatchInRoundError, InvalidError, NotFoundError, TransitionError
from app.domain.event import Verb
from app.domain.names import check_name
from app.usecases.events import record
from app.usecases.people import Access
from app.usecases.pool import batches, withdraw_batch

from .dependencies import Crawler, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.batches import (
    BatchOut,
    BatchPage,
    BatchRefusalOut,
    BatchReport,
    LeftOut,
    NewBatch,
    RefusalPage,
    StandingsOut,
    WithdrawalAnswer,
    WithdrawalIn,
    WithdrawalOut,
)

router = APIRouter(tags=["batches"], route_class=OneThreadRoute)

DryRun = Annotated[bool, Query(description="Only say what it would do")]
_ALL = "/projects/{project}/batches"
_ONE = f"{_ALL}/{{batch_id}}"


@router.post(_ALL, operation_id="createBatch", status_code=201, responses=responses(InvalidError))
def create_batch(body: NewBatch, unit: UnitDep, access: Crawler) -> BatchOut:
    """Open a batch for uploads: name it with `batch` in `ingestImages`.

    What is uploaded without a batch is one for each token and day (UTC).
    """
    name = check_name("name", body.name)
    project, caller = access.project, access.principal
    made = batches.open_batch(unit.session, project, caller, BatchKind.UPLOAD, name)
    record(unit.session, project.id, caller.user_id, Verb.CREATE_BATCH, name, id=made.id)
    unit.session.refresh(made)
    return batch_out(made, caller.login)


@router.get(_ALL, operation_id="listBatches", responses=responses())
def list_batches(
    unit: UnitDep,
    access: Crawler,
    before: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BatchPage:
    """The batches of a project, the newest first; without the scope `lead` those of the token alone."""
    rows = batch_queries.batch_page(unit.session, access.project.id, seen_by(access), before, limit)
    return BatchPage(
        batches=[batch_out(batch, login) for batch, login, _ in rows],
        next=rows[-1][0].id if len(rows) == limit else None,
    )


@router.get(_ONE, operation_id="getBatch", responses=responses())
def get_batch(batch_id: int, unit: UnitDep, access: Crawler) -> BatchReport:
    """The report of a batch: what came, what became of it, and where its pictures stand now."""
    batch, login = _found(unit, access, batch_id)
    stand = batch_queries.batch_standings(unit.session, batch)
    return BatchReport(
        **_facts(batch, login),
        pool=StandingsOut(
            open=stand.open,
            new=stand.new,
            near_duplicate=stand.near_duplicate,
            quarantined=stand.quarantined,
            filtered=stand.filtered,
        ),
        examples=stand.examples,
        negatives=stand.negatives,
    )


@router.get(f"{_ONE}/refusals", operation_id="listBatchRefusals", responses=responses())
def list_refusals(
    batch_id: int,
    unit: UnitDep,
    access: Crawler,
    after: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RefusalPage:
    """The files that a batch rejected, and why."""
    batch, _ = _found(unit, access, batch_id)
    rows = batch_queries.refusal_page(unit.session, batch.id, after, limit)
    return RefusalPage(
        refusals=[
            BatchRefusalOut(filename=row.filename, reason=row.reason, detail=row.detail)
            for row in rows
        ],
        next=rows[-1].id if len(rows) == limit else None,
    )


@router.post(f"{_ONE}/finish", operation_id="finishBatch", responses=responses(TransitionError))
def finish_batch(batch_id: int, unit: UnitDep, access: Crawler) -> BatchOut:
    """Say that no more pictures come to an upload."""
    found = batches.lock_batch(unit.session, access.project, batch_id, seen_by(access))
    now = database_now(unit.session)
    batches.finish_batch(unit.session, found, access.principal.user_id, now)
    return _answer(unit, access, found)


@router.post(f"{_ONE}/cancel", operation_id="cancelBatch", responses=responses(TransitionError))
def cancel_batch(batch_id: int, unit: UnitDep, access: Crawler) -> BatchOut:
    """End what a worker does for a batch, where it is: what is stored stays."""
    found = batches.lock_batch(unit.session, access.project, batch_id, seen_by(access))
    now = database_now(unit.session)
    batches.cancel_batch(unit.session, found, access.principal.user_id, now)
    return _answer(unit, access, found)


@router.post(
    f"{_ONE}/withdraw",
    operation_id="withdrawBatch",
    responses=responses(BatchInRoundError, TransitionError),
)
def withdraw(
    batch_id: int, body: WithdrawalIn, unit: UnitDep, access: Lead, *, dry_run: DryRun = False
) -> WithdrawalAnswer:
    """Have what this batch alone brought taken out of the pool. `restoreBatch` takes it back.

    A worker does it: follow `moving` and `left` of the batch. Pictures that another batch brought, or
    a lead by seeding, stay. Sent again, a picture is new.
    """
    session, project, user_id = unit.session, access.project, access.principal.user_id
    if dry_run:
        batch, _ = _found(unit, access, batch_id)
        told = withdraw_batch.preview_withdrawal(session, project, batch)
        effect, number = WithdrawalOut(**asdict(told.effect)), told.round
    else:
        effect, number = None, None
        batch, job = withdraw_batch.withdraw_batch(
            session, project, batch_id, user_id, body.members, database_now(session)
        )
        unit.send_after_commit(job)
    return WithdrawalAnswer(batch=_answer(unit, access, batch), effect=effect, round=number)


@router.post(
    f"{_ONE}/restore",
    operation_id="restoreBatch",
    responses=responses(BatchInRoundError, TransitionError),
)
def restore(batch_id: int, unit: UnitDep, access: Lead) -> BatchOut:
    """Bring a withdrawn batch back: its pictures are candidates again, ended members are members.

    A worker does it: follow `moving` of the batch.
    """
    user_id = access.principal.user_id
    batch, job = withdraw_batch.restore_batch(unit.session, access.project, batch_id, user_id)
    unit.send_after_commit(job)
    return _answer(unit, access, batch)


def seen_by(access: Access) -> Owner | None:
    """Whose batches the caller sees: everybody's, or with the scope `ingest` alone its own."""
    caller = access.principal
    if Scope.LEAD in caller.scopes:
        return None
    return Owner(caller.user_id, caller.token_id)


def _found(unit: UnitDep, access: Access, batch_id: int) -> tuple[Batch, str]:
    row = batch_queries.one_batch(unit.session, access.project.id, seen_by(access), batch_id)
    if row is None:
        raise NotFoundError("batch", batch_id)
    batch, login, _ = row
    return batch, login


def _answer(unit: UnitDep, access: Access, batch: Batch) -> BatchOut:
    unit.session.flush()
    return batch_out(*_found(unit, access, batch.id))


def batch_out(batch: Batch, login: str) -> BatchOut:
    """A batch without its report."""
    return BatchOut(**_facts(batch, login))


def _facts(batch: Batch, login: str) -> dict[str, Any]:
    alike = (
        "id", "kind", "name", "state", "withdrawn_at", "moving", "total", "done", "received", "stored",
        "duplicate", "rejected", "reasons", "error", "created_at", "started_at", "finished_at",
    )  # fmt: skip
    left = None if batch.withdrawal is None else LeftOut.model_validate(batch.withdrawal)
    return {"login": login, "left": left, **{name: getattr(batch, name) for name in alike}}
