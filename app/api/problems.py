"""Refusals as problem+json (RFC 9457), from one table."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from app.domain import errors

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
# The sentence of a refusal in the language of the request.
Say = Callable[[Request, errors.DomainError], str]
Saying = Callable[[errors.DomainError], str]
_SCHEMAS = "#/components/schemas/{model}"

# Each domain error: the status and the stable name that programs can match on.
STATUS: dict[type[errors.DomainError], tuple[HTTPStatus, str]] = {
    errors.NotFoundError: (HTTPStatus.NOT_FOUND, "not-found"),
    errors.NotSignedInError: (HTTPStatus.UNAUTHORIZED, "not-signed-in"),
    errors.ForbiddenError: (HTTPStatus.FORBIDDEN, "forbidden"),
    errors.InvalidError: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),
    errors.TakenError: (HTTPStatus.CONFLICT, "taken"),
    errors.CategoryInUseError: (HTTPStatus.CONFLICT, "category-in-use"),
    errors.CategoryRetiredError: (HTTPStatus.CONFLICT, "category-retired"),
    errors.RoundAtWorkError: (HTTPStatus.CONFLICT, "round-at-work"),
    errors.BatchInRoundError: (HTTPStatus.CONFLICT, "batch-in-round"),
    errors.ChangeStandsError: (HTTPStatus.CONFLICT, "change-stands"),
    errors.RoundNotReadyError: (HTTPStatus.CONFLICT, "round-not-ready"),
    errors.RoundInProgressError: (HTTPStatus.CONFLICT, "round-in-progress"),
    errors.TransitionError: (HTTPStatus.CONFLICT, "wrong-state"),
    errors.NotReplayableError: (HTTPStatus.CONFLICT, "not-replayable"),
    errors.RoundClosedError: (HTTPStatus.CONFLICT, "round-closed"),
    errors.LeaseLostError: (HTTPStatus.CONFLICT, "lease-lost"),
    errors.TakenDownError: (HTTPStatus.GONE, "taken-down"),
    errors.AlreadyDecidedError: (HTTPStatus.CONFLICT, "already-decided"),
    errors.NotUndoableError: (HTTPStatus.CONFLICT, "not-undoable"),
    errors.AnsweredSinceError: (HTTPStatus.CONFLICT, "answered-since"),
    errors.NotWaitingError: (HTTPStatus.CONFLICT, "not-waiting"),
    errors.PickAnsweredError: (HTTPStatus.CONFLICT, "pick-answered"),
    errors.PartOfPickError: (HTTPStatus.CONFLICT, "part-of-pick"),
    errors.GridNotAllowedError: (HTTPStatus.CONFLICT, "grid-not-allowed"),
    errors.KeyReusedError: (HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused"),
    errors.TooManyAttemptsError: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-attempts"),
    errors.BusyError: (HTTPStatus.TOO_MANY_REQUESTS, "busy"),
    errors.QuotaSpentError: (HTTPStatus.TOO_MANY_REQUESTS, "quota-spent"),
    # Not 507: clients that wait for Retry-After by themselves do so for 429 and 503.
    errors.NoSpaceError: (HTTPStatus.SERVICE_UNAVAILABLE, "no-space"),
    errors.TooManyUploadsError: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-uploads"),
    errors.UploadBusyError: (HTTPStatus.LOCKED, "upload-busy"),
    errors.UploadOffsetError: (HTTPStatus.CONFLICT, "wrong-offset"),
    errors.TusVersionError: (HTTPStatus.PRECONDITION_FAILED, "tus-version"),
    errors.MediaTypeError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type"),
    errors.TooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large"),
    errors.BeyondTheEndError: (HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "beyond-the-end"),
    errors.SyncUnderWayError: (HTTPStatus.CONFLICT, "sync-under-way"),
    errors.ImportRefusedError: (HTTPStatus.UNPROCESSABLE_ENTITY, "import-refused"),
    errors.FilterAtWorkError: (HTTPStatus.CONFLICT, "filter-at-work"),
    errors.FilterNotReadyError: (HTTPStatus.CONFLICT, "filter-not-ready"),
    errors.StaleAttemptError: (HTTPStatus.CONFLICT, "stale-attempt"),
}


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(examples=["name"])
    message: str = Field(examples=["Give a name of 1 to 200 printable characters."])


class Problem(BaseModel):
    """A refusal, in the form of RFC 9457."""

    type: str = Field(
        description="Stable name to match on", examples=["urn:vetted:round-not-ready"]
    )
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(
        description="What is wrong and what to do",
        examples=["There is no seed example yet. Upload at least one picture for each category."],
    )
    fields: list[FieldProblem] = Field(default_factory=list)


_EVERYWHERE = (
    errors.NotSignedInError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.InvalidError,  # without it FastAPI would document an answer of its own, never given
)


def responses(*kinds: type[errors.DomainError]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI answers of a route that may refuse for these reasons."""
    named: dict[int | str, list[str]] = {}
    for kind in (*_EVERYWHERE, *kinds):
        status, name = STATUS[kind]
        named.setdefault(status.value, []).append(f"`urn:vetted:{name}`")
    # No "model": FastAPI would document the refusal as application/json, too. See `_describe`.
    return {
        status: {
            "description": " or ".join(dict.fromkeys(names)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS.format(model="Problem")}}},
        }
        for status, names in named.items()
    }


def _describe(app: FastAPI) -> None:
    """Add `Problem` to the schemas of the OpenAPI document, which `responses` refers to."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        _, ours = models_json_schema([(Problem, "serialization")], ref_template=_SCHEMAS)
        document.setdefault("components", {}).setdefault("schemas", {}).update(ours["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def problem(
    status: HTTPStatus,
    name: str,
    detail: str,
    fields: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The response that refuses."""
    body = Problem(
        type=f"urn:vetted:{name}",
        title=status.phrase,
        status=status.value,
        detail=detail,
        fields=fields or [],
    )
    return JSONResponse(
        body.model_dump(), status_code=status.value, media_type=MEDIA_TYPE, headers=headers
    )


def told(error: errors.DomainError, detail: str | None = None) -> Problem:
    """A domain error inside an answer that has others beside it."""
    status, name = STATUS[type(error)]
    return Problem(
        type=f"urn:vetted:{name}",
        title=status.phrase,
        status=status.value,
        detail=detail or str(error),
    )


def of_domain(error: errors.DomainError, detail: str | None = None) -> JSONResponse:
    """A domain error as a response; `detail` is its sentence in another language."""
    status, name = STATUS[type(error)]
    fields, headers = [], {}
    if isinstance(error, (errors.InvalidError, errors.TakenError)):
        fields = [FieldProblem(field=error.field, message=detail or str(error))]
    if isinstance(error, errors.Later):
        headers["Retry-After"] = str(error.seconds)
    if isinstance(error, errors.BeyondTheEndError):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, errors.NotSignedInError):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(status, name, detail or str(error), fields, headers)


def of_validation(error: RequestValidationError) -> JSONResponse:
    """A request that does not fit its schema."""
    fields = [
        FieldProblem(field=".".join(str(part) for part in item["loc"][1:]), message=item["msg"])
        for item in error.errors()
    ]
    named = "; ".join(f"{item.field}: {item.message}" for item in fields)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        f"The request does not have the documented form. {named}",
        fields,
    )


def of_data() -> JSONResponse:
    """A value that no row can hold: an id beyond 2147483647, or text with a NUL character."""
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        "The request has a number that is too large or text with a NUL character. Nothing was saved; "
        "send other values.",
    )


def of_http(error: HTTPException) -> JSONResponse:
    """A refusal by the framework itself: no such route, wrong method, a body that broke off."""
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        # To callers it is what any other body is that does not fit, and that is documented.
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid",
            f"The request does not have the documented form. {error.detail}",
        )
    return problem(
        status,
        status.phrase.lower().replace(" ", "-"),
        str(error.detail),
        headers=dict(error.headers or {}),
    )


def register(app: FastAPI, prefix: str, *, of_page: Any, say: Say) -> None:
    """Answer refusals under `prefix` as problem+json and all others as pages by `of_page`.

    Args:
        app: the application.
        prefix: where programs call.
        of_page: makes a page of a request and the problem+json that would answer it.
        say: the sentence of a refusal in the language of a request.
    """
    _describe(app)
    app.state.say = say

    def is_api(request: Request) -> bool:
        return request.url.path.startswith(prefix)

    @app.exception_handler(errors.DomainError)
    def _domain(request: Request, error: errors.DomainError) -> Any:
        answer = of_domain(error, say(request, error))
        return answer if is_api(request) else of_page(request, answer)

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> Any:
        return of_validation(error) if is_api(request) else of_page(request, of_validation(error))

    @app.exception_handler(DataError)
    def _data(request: Request, error: DataError) -> Any:
        log.info("unstorable value", path=request.url.path, reason=str(error.orig))
        return of_data() if is_api(request) else of_page(request, of_data())

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Any:
        return of_http(error) if is_api(request) else of_page(request, of_http(error))

    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> Any:
        log.error("request failed", path=request.url.path, exc_info=error)
        answer = problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on the server; nothing was saved. Try again, then tell the operator.",
        )
        return answer if is_api(request) else of_page(request, answer)
