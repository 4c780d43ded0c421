"""Lists of addresses in: the server fetches the pictures."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app.db.batch_queries import one_batch
from app.db.session import database_now
from app.domain.errors import (
    InvalidError,
    NoSpaceError,
    NotFoundError,
    QuotaSpentError,
    TooLargeError,
    TransitionError,
)
from app.domain.fetching import AddressState
from app.domain.ingestion import SourceFacts, check_source
from app.domain.outbound import PrivateHosts
from app.domain.quota import Amount
from app.imports.addresses import read_addresses
from app.usecases.pool import address_lists
from app.usecases.pool.batches import lock_batch
from app.usecases.quotas import count_use

from .batches import seen_by
from .dependencies import ContextDep, Crawler, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.addresses import (
    AddressesAnswer,
    AddressOut,
    AddressPage,
    FetchAgainAnswer,
    FetchAgainIn,
)

router = APIRouter(tags=["addresses"], route_class=OneThreadRoute)

_IN_MEMORY = 1_000_000  # bytes; a longer list waits on the disk
_TEXT = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "CSV with a header, or JSON Lines: url, tags, author, licence, crawled_at",
        "content": {
            "text/csv": _TEXT,
            "application/x-ndjson": _TEXT,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _TEXT["schema"]},
                }
            },
        },
    }
}


@dataclass(frozen=True)
class SentList:
    """A list as it came, at its beginning."""

    name: str | None
    file: BinaryIO


async def get_list(request: Request) -> AsyncIterator[SentList]:
    """The list: the part `file` of a form, or the body itself.

    Raises:
        InvalidError: for a form without it.
    """
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form(max_files=1, max_fields=10) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise InvalidError("file", "Send the list as a file in the field `file`.")
            yield SentList(part.filename, part.file)
        return
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        async for piece in request.stream():
            # To the disk, once it is long.
            await run_in_threadpool(file.write, piece)
        file.seek(0)
        yield SentList(None, cast("BinaryIO", file))


def get_otherwise(
    author: Annotated[str | None, Query(description="Where the list tells none")] = None,
    licence: Annotated[str | None, Query(description="Where the list tells none")] = None,
    tags: Annotated[list[str], Query(description="Where the list tells none")] = [],  # noqa: B006
) -> SourceFacts:
    """What is said of pictures of which the list says nothing; raises InvalidError."""
    return check_source(SourceFacts(None, tuple(tags), author, licence))


@router.post(
    "/projects/{project}/addresses",
    operation_id="sendAddresses",
    status_code=201,
    responses=responses(InvalidError, TooLargeError, QuotaSpentError, NoSpaceError),
    openapi_extra=_BODY,
)
def send_addresses(
    access: Crawler,  # before the list: whoever may not send it is refused without it
    otherwise: Annotated[SourceFacts, Depends(get_otherwise)],
    sent: Annotated[SentList, Depends(get_list)],
    unit: UnitDep,
    context: ContextDep,
    name: Annotated[
        str | None, Query(max_length=200, description="What people read; the file's name without")
    ] = None,
) -> AddressesAnswer:
    """Have pictures fetched by the server. A worker does it, host by host; `getBatch` tells how far."""
    private = PrivateHosts.of(context.settings.private_hosts or "")
    rows = read_addresses(sent.file, private)
    shown = address_lists.shown_name(name or sent.name)
    project, caller = access.project, access.principal
    got = address_lists.receive_addresses(unit.session, project, caller, shown, rows, otherwise)
    if not caller.quota.is_none:
        now = database_now(unit.session)
        count_use(unit.session, caller, Amount(got.addresses, 0), now)
    unit.send_after_commit(got.job)
    return AddressesAnswer(
        batch_id=got.batch.id,
        addresses=got.addresses,
        refused=got.refused,
        repeated=got.repeated,
    )


_ONE = "/projects/{project}/batches/{batch_id}"


@router.get(f"{_ONE}/addresses", operation_id="listAddresses", responses=responses())
def list_addresses(
    batch_id: int,
    unit: UnitDep,
    access: Crawler,
    state: Annotated[AddressState | None, Query(description="Only those that stand here")] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AddressPage:
    """The addresses of a list, and what became of each."""
    row = one_batch(unit.session, access.project.id, seen_by(access), batch_id)
    if row is None:
        raise NotFoundError("batch", batch_id)
    batch, *_ = row
    found = address_lists.addresses(unit.session, batch, state, after, limit)
    return AddressPage(
        addresses=[
            AddressOut(
                position=each.position,
                url=each.url,
                state=AddressState(each.state),
                tries=each.tries,
                due_at=each.due_at,
                reason=each.reason,
            )
            for each in found
        ],
        next=found[-1].position if len(found) == limit else None,
    )


@router.post(
    f"{_ONE}/fetch-again",
    operation_id="fetchAgain",
    responses=responses(InvalidError, TransitionError),
)
def fetch_again(
    batch_id: int, unit: UnitDep, access: Crawler, body: FetchAgainIn | None = None
) -> FetchAgainAnswer:
    """Try once more what a list could not get, once it is done."""
    batch = lock_batch(unit.session, access.project, batch_id, seen_by(access))
    reasons = None if body is None else body.reasons
    now = database_now(unit.session)
    user_id = access.principal.user_id
    job, number = address_lists.fetch_again(unit.session, batch, user_id, reasons, now)
    unit.send_after_commit(job)
    return FetchAgainAnswer(batch_id=batch.id, addresses=number)
