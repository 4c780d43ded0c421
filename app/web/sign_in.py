"""Sign-in and sign-out."""

import hmac
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.api.dependencies import COOKIE, ContextDep, UnitDep
from app.api.one_thread import OneThreadRoute
from app.context import Context
from app.db.session import database_now
from app.domain.errors import DomainError, ForbiddenError, NotSignedInError, TooManyAttemptsError
from app.secrets import csrf_token, new_token
from app.usecases import people
from app.web import throttle
from app.web.addresses import safe_path
from app.web.framing import frame, words_for
from app.web.pages.entry import SignInPage
from app.web.templating import render

router = APIRouter(route_class=OneThreadRoute)

# There is no session to tie the sign-in form to, so it is tied to a random cookie of its own: a
# foreign site can send our form but can neither read nor choose the cookie (login CSRF).
FORM_COOKIE = "vetted_form"

STATUS = {
    NotSignedInError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
}


@router.get("/sign-in")
def show_form(
    request: Request,
    context: ContextDep,
    unit: UnitDep,
    target: Annotated[str, Query(alias="next")] = "/",
) -> Response:
    """The form, or straight on for somebody who is signed in."""
    token = request.cookies.get(COOKIE)
    if token and people.who_calls(unit.session, people.Credentials.of_session(token)):
        return RedirectResponse(safe_path(target), HTTPStatus.SEE_OTHER)
    return _form(request, context, target=target)


@router.post("/sign-in")
def sign_in(
    request: Request,
    context: ContextDep,
    unit: UnitDep,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    form_token: Annotated[str, Form()] = "",
    target: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Open a session and go on, or show the form with what was wrong."""
    attempt = throttle.Attempt.of(login, request.client.host if request.client else "")
    try:
        _check_form(request, context, form_token)
        throttle.begin(context.redis, attempt)
        token = people.sign_in(unit.session, login, password, database_now(unit.session))
    except (NotSignedInError, ForbiddenError, TooManyAttemptsError) as error:
        return _form(request, context, target=target, login=login, error=error)
    throttle.succeed(context.redis, attempt)
    old = request.cookies.get(COOKIE)
    if old:
        people.sign_out(unit.session, old)
    answer = RedirectResponse(safe_path(target), HTTPStatus.SEE_OTHER)
    _set(answer, request, COOKIE, token, int(people.SESSION_LIFE.total_seconds()))
    answer.delete_cookie(FORM_COOKIE, path="/sign-in")
    return answer


@router.post("/sign-out")
def sign_out(
    request: Request,
    context: ContextDep,
    unit: UnitDep,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """End the session.

    Raises:
        ForbiddenError: when the form was not rendered for this session.
    """
    token = request.cookies.get(COOKIE)
    if token:
        if not _same(csrf, csrf_token(context.settings.secret_key, token)):
            raise ForbiddenError(
                "This form was out of date. Go back, reload the page, sign out again."
            )
        people.sign_out(unit.session, token)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def _check_form(request: Request, context: Context, form_token: str) -> None:
    cookie = request.cookies.get(FORM_COOKIE, "")
    expected = csrf_token(context.settings.secret_key, cookie)
    origin = request.headers.get("Origin")
    # Scheme aside: a proxy that ends TLS may not tell us which one the browser used.
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("Host")
    if foreign or not cookie or not _same(form_token, expected):
        raise ForbiddenError("This form was out of date. Nothing was sent; please sign in again.")


def _form(
    request: Request,
    context: Context,
    *,
    target: str,
    login: str = "",
    error: DomainError | None = None,
) -> HTMLResponse:
    # The cookie is kept while it is there: two tabs with the form open must both work.
    cookie = request.cookies.get(FORM_COOKIE) or new_token()
    words = words_for(request)
    answer = render(
        SignInPage(
            frame=frame(words, words.t("Sign in")),
            form_token=csrf_token(context.settings.secret_key, cookie),
            next_path=safe_path(target),
            login=login,
            problem=None if error is None else words.sentence(error),
        ),
        HTTPStatus.OK if error is None else STATUS[type(error)],
    )
    if isinstance(error, TooManyAttemptsError):
        answer.headers["Retry-After"] = str(error.seconds)
    _set(answer, request, FORM_COOKIE, cookie, seconds=None, path="/sign-in")
    return answer


def _set(
    answer: Response, request: Request, name: str, value: str, seconds: int | None, path: str = "/"
) -> None:
    """Set a cookie that scripts cannot read and other sites' forms do not send."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
