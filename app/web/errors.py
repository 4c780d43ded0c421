"""Refusals as pages."""

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.web.addresses import sign_in_path
from app.web.framing import frame, words_for
from app.web.headers import complete
from app.web.pages import ErrorPage
from app.web.templating import render

HEADINGS = {
    HTTPStatus.UNAUTHORIZED: "Please sign in",
    HTTPStatus.FORBIDDEN: "This is not open to you",
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
}


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
    words = words_for(request)
    heading = HEADINGS.get(HTTPStatus(response.status_code), problem["title"])
    shown = render(
        ErrorPage(
            frame=frame(words, heading),
            status=response.status_code,
            heading=heading,
            detail=problem["detail"],
            sign_in=unknown,
        ),
        response.status_code,
    )
    if "Retry-After" in response.headers:
        shown.headers["Retry-After"] = response.headers["Retry-After"]
    # The page of an unexpected error is sent from outside the middleware that completes the others.
    complete(shown.headers, request.url.path, request.url.scheme)
    return shown
