"""Refusals as pages."""

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.domain.errors import DomainError
from app.web.addresses import sign_in_path
from app.web.framing import frame, words_for, words_for_reader
from app.web.headers import complete
from app.web.pages.entry import ErrorPage
from app.web.templating import render
from app.web.words import marked

HEADINGS = {
    HTTPStatus.UNAUTHORIZED: marked("Please sign in"),
    HTTPStatus.FORBIDDEN: marked("This is not open to you"),
    HTTPStatus.NOT_FOUND: marked("There is nothing here"),
    HTTPStatus.INTERNAL_SERVER_ERROR: marked("Something went wrong"),
}
# Other refusals: those of the framework, which say no more than their status, and our own.
OTHER = marked("This cannot be done")
DETAILS = {
    HTTPStatus.NOT_FOUND.phrase: marked("Check the address, or go back to your projects."),
    HTTPStatus.METHOD_NOT_ALLOWED.phrase: marked("Go back and try again."),
}
marked("Something went wrong on the server; nothing was saved. Try again, then tell the operator.")


def sentence(request: Request, error: DomainError) -> str:
    """A refusal in the language that the request asks for."""
    return words_for(request).sentence(error)


def page(request: Request, response: JSONResponse) -> Response:
    """The page for a problem+json response, with its status and its sentence.

    A reader who is not signed in is led to the form and back again.
    """
    unknown = response.status_code == HTTPStatus.UNAUTHORIZED
    if unknown and request.method in {"GET", "HEAD"}:
        return RedirectResponse(
            sign_in_path(request.url.path, request.url.query), HTTPStatus.SEE_OTHER
        )
    problem: dict[str, Any] = json.loads(bytes(response.body))
    # Nothing is asked of a database that may be what failed.
    failed = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    words = words_for(request) if failed else words_for_reader(request, request.app.state.context)
    heading = words.t(HEADINGS.get(HTTPStatus(response.status_code), OTHER))
    detail = problem["detail"]
    shown = render(
        ErrorPage(
            frame=frame(words, heading),
            status=response.status_code,
            heading=heading,
            detail=words.t(DETAILS.get(detail, detail)),
            sign_in=unknown,
        ),
        response.status_code,
    )
    if "Retry-After" in response.headers:
        shown.headers["Retry-After"] = response.headers["Retry-After"]
    # The page of an unexpected error is sent from outside the middleware that completes the others.
    complete(shown.headers, request.url.path, request.url.scheme)
    return shown
