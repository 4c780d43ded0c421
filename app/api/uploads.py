"""Archives of any size, received in pieces after tus 1.0 (https://tus.io/protocols/resumable-upload).

Core, creation, expiration and termination. A whole archive is a batch, which a worker ingests.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.db.session import database_now
from app.db.tables import ResumableUpload
from app.domain.errors import (
    DomainError,
    MediaTypeError,
    NoSpaceError,
    QuotaSpentError,
    TooLargeError,
    TooManyUploadsError,
    TusVersionError,
    UploadBusyError,
    UploadOffsetError,
)
from app.domain.quota import Amount
from app.domain.uploading import EXTENSIONS, TUS
from app.receiving import Receiver, look_up, parts_of
from app.usecases.pool import uploads
from app.usecases.quotas import count_use

from .dependencies import ContextDep, Crawler, UnitDep
from .one_thread import OneThreadRoute
from .problems import of_domain, responses
from .schemas.uploads import UploadOut

_PIECES = "application/offset+octet-stream"
_PIECE = 1 << 20  # bytes that are collected before a thread writes them
IDLE = 60.0
"""Seconds without a byte after which a request is taken to be cut off."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class TusRoute(OneThreadRoute):
    """Answers everything with the version of the protocol, and refuses clients of another one."""

    def get_route_handler(self) -> Handler:
        """See the framework."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                # GET is no part of the protocol, OPTIONS is how clients find out.
                if request.method not in {"GET", "OPTIONS"}:
                    _check_version(request.headers.get("Tus-Resumable"))
                response = await handle(request)
            except DomainError as error:
                response = of_domain(error, request.app.state.say(request, error))
                if isinstance(error, TusVersionError):
                    response.headers["Tus-Version"] = TUS
            response.headers["Tus-Resumable"] = TUS
            return response

        return told


def _check_version(version: str | None) -> None:
    if version != TUS:
        raise TusVersionError(TUS)


router = APIRouter(tags=["uploads"], route_class=TusRoute)

_ALL = "/projects/{project}/uploads"
_ONE = f"{_ALL}/{{upload_id}}"


@router.options(
    _ALL,
    operation_id="describeUploads",
    status_code=204,
    response_class=Response,
    responses=responses(),
)
def describe(context: ContextDep, access: Crawler) -> Response:  # noqa: ARG001 - declares the right
    """What this server knows of tus, in headers."""
    most = context.settings.most_upload_bytes
    return Response(
        status_code=204,
        headers={
            "Tus-Version": TUS,
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Max-Size": str(most),
        },
    )


@router.post(
    _ALL,
    operation_id="createUpload",
    status_code=201,
    responses=responses(
        TooLargeError, TooManyUploadsError, TusVersionError, NoSpaceError, QuotaSpentError
    ),
)
def create_upload(
    upload_length: Annotated[int, Header(ge=1, description="Bytes of the archive")],
    request: Request,
    response: Response,
    unit: UnitDep,
    context: ContextDep,
    access: Crawler,
    upload_metadata: Annotated[
        str | None,
        Header(
            description="Pairs of a key and a base64 text: `filename`; `url`, `tags`, `author`, "
            "`licence` for pictures that say nothing themselves"
        ),
    ] = None,
) -> UploadOut:
    """Announce a zip or a tar (plain, gzip, bzip2); then send its bytes to `Location`."""
    most = context.settings.most_upload_bytes
    if upload_length > most:
        raise TooLargeError("An archive may have {most} bytes. Send it in parts.", most=f"{most:,}")
    now = database_now(unit.session)
    caller = access.principal
    made = uploads.begin_upload(
        unit.session, access.project, caller, upload_metadata, upload_length, now
    )
    if not caller.quota.is_none:
        count_use(unit.session, caller, Amount(0, upload_length), now)
    parts_of(context).begin(made.id)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    response.headers["Upload-Expires"] = _date(made.expires_at)
    return _out(made)


@router.get(_ALL, operation_id="listUploads", responses=responses())
def list_uploads(unit: UnitDep, access: Crawler) -> list[UploadOut]:
    """The caller's uploads that are unfinished, the oldest first."""
    now = database_now(unit.session)
    found = uploads.my_uploads(unit.session, access.project, access.principal, now)
    return [_out(each) for each in found]


@router.get(_ONE, operation_id="getUpload", responses=responses())
def get_upload(upload_id: str, context: ContextDep, access: Crawler) -> UploadOut:
    """How far an upload is, and the batch that it became."""
    return _out(look_up(context, access, upload_id))


@router.head(
    _ONE,
    operation_id="headUpload",
    response_class=Response,
    responses=responses(TusVersionError),
)
def head_upload(upload_id: str, context: ContextDep, access: Crawler) -> Response:
    """How far an upload is, in headers: the client goes on at `Upload-Offset`."""
    found = look_up(context, access, upload_id)
    headers = {
        "Upload-Offset": str(found.received),
        "Upload-Length": str(found.length),
        "Upload-Expires": _date(found.expires_at),
        "Cache-Control": "no-store",
    }
    if found.metadata_said:
        headers["Upload-Metadata"] = found.metadata_said
    return Response(headers=headers)


@router.patch(
    _ONE,
    operation_id="sendUpload",
    status_code=204,
    response_class=Response,
    responses=responses(
        MediaTypeError, UploadOffsetError, UploadBusyError, TooLargeError, TusVersionError,
        NoSpaceError,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_PIECES: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)  # fmt: skip
async def send_upload(
    upload_id: str,
    upload_offset: Annotated[int, Header(ge=0, description="Where these bytes belong")],
    request: Request,
    context: ContextDep,
    access: Crawler,
) -> Response:
    """Add bytes. What is answered in `Upload-Offset` is safe, whatever happens to the server then."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip() != _PIECES:
        raise MediaTypeError(_PIECES)
    receiver = Receiver(context, access, upload_id)
    try:
        await run_in_threadpool(receiver.begin, upload_offset)
        await _receive(request, receiver)
        await run_in_threadpool(receiver.save)
    finally:
        receiver.close()
    headers = {"Upload-Offset": str(receiver.offset)}
    if receiver.expires_at is not None:
        headers["Upload-Expires"] = _date(receiver.expires_at)
    return Response(status_code=204, headers=headers)


async def _receive(request: Request, receiver: Receiver) -> None:
    """All bytes of the request, or those that came before it broke off."""
    stream = request.stream()
    held = bytearray()
    try:
        while True:
            with anyio.fail_after(IDLE):
                held += await anext(stream)
            if len(held) >= _PIECE:
                await run_in_threadpool(receiver.write, bytes(held))
                held.clear()
    except (StopAsyncIteration, ClientDisconnect, TimeoutError):
        pass
    if held:
        await run_in_threadpool(receiver.write, bytes(held))


@router.delete(
    _ONE,
    operation_id="deleteUpload",
    status_code=204,
    response_class=Response,
    responses=responses(TusVersionError),
)
def delete_upload(upload_id: str, unit: UnitDep, context: ContextDep, access: Crawler) -> Response:
    """Give an upload up. What its batch brings stays: withdraw the batch instead."""
    now = database_now(unit.session)
    caller = access.principal
    found = uploads.my_upload(unit.session, access.project, caller, upload_id, now)
    unit.session.delete(found)
    parts_of(context).remove(upload_id)
    return Response(status_code=204)


def _out(of: ResumableUpload) -> UploadOut:
    return UploadOut(
        id=of.id,
        filename=of.filename,
        length=of.length,
        offset=of.received,
        expires_at=of.expires_at,
        batch_id=of.batch_id,
    )


def _date(moment: datetime) -> str:
    """As RFC 9110 writes dates."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
