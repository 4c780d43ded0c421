"""What routes ask for: a transaction, a caller, a right in a project."""

import hmac
from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.requests import HTTPConnection

from app.context import Context, Unit
from app.db.session import transaction
from app.domain.access import Right
from app.domain.errors import ForbiddenError, NotSignedInError
from app.jobs import send_all
from app.secrets import csrf_token
from app.usecases.people import (
    Access,
    Principal,
    enter_project,
    principal_of_session,
    principal_of_token,
)

COOKIE = "vetted_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

bearer = HTTPBearer(auto_error=False, description="An API token made by `vetted token add`.")
cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    description=f"The session of a signed-in browser; unsafe methods also need {CSRF_HEADER}.",
)


def get_context(request: Request) -> Context:
    """What `create_app` built."""
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(get_context)]


def get_unit(context: ContextDep) -> Iterator[Unit]:
    """One transaction, committed BEFORE the response leaves (scope="function")."""
    with transaction(context.sessions) as session:
        unit = Unit(session)
        yield unit
    send_all(context.jobs, unit.queued)


UnitDep = Annotated[Unit, Depends(get_unit, scope="function")]


def get_principal(
    request: Request,
    context: ContextDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    session_token: Annotated[str | None, Depends(cookie)],
) -> Principal:
    """The caller, by bearer token or by session cookie.

    Raises:
        NotSignedInError: without valid credentials.
        ForbiddenError: when a browser's unsafe request lacks the CSRF header.
    """
    if credentials is None and session_token is not None:
        _check_csrf(request, context, session_token)
    principal = _find_principal(
        context, credentials.credentials if credentials else None, session_token
    )
    if principal is None:
        raise NotSignedInError("Sign in, or send a valid API token as 'Authorization: Bearer ...'.")
    return principal


def _find_principal(
    context: Context, token: str | None, session_token: str | None
) -> Principal | None:
    # A transaction of its own, over before the route begins: an upload that takes a minute to
    # decode must not hold a database connection meanwhile.
    with transaction(context.sessions) as session:
        if token is not None:
            return principal_of_token(session, token)
        if session_token is not None:
            return principal_of_session(session, session_token)
    return None


def is_known(context: Context, connection: HTTPConnection) -> bool:
    """Whether a request carries the credentials of somebody, before anything of it is read."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    bearer_token = token.strip() if scheme.lower() == "bearer" else None
    session_token = connection.cookies.get(COOKIE)
    return _find_principal(context, bearer_token, session_token) is not None


def _check_csrf(request: Request, context: Context, session_token: str) -> None:
    if request.method in SAFE_METHODS:
        return
    expected = csrf_token(context.settings.secret_key, session_token)
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), expected.encode()):
        raise ForbiddenError(
            "Send the page's token as {header}. Reload the page and try again.",
            header=CSRF_HEADER,
        )


PrincipalDep = Annotated[Principal, Depends(get_principal)]


class Needs:
    """The dependency of a route inside a project: declares the right that its caller must have."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, project: str, context: ContextDep, principal: PrincipalDep) -> Access:
        """The caller's access; raises NotFoundError for outsiders, ForbiddenError without the right."""
        with transaction(context.sessions) as session:
            return enter_project(session, principal, project, self.right)


Reader = Annotated[Access, Depends(Needs(Right.READ))]
Labeler = Annotated[Access, Depends(Needs(Right.LABEL))]
Crawler = Annotated[Access, Depends(Needs(Right.INGEST))]
Lead = Annotated[Access, Depends(Needs(Right.LEAD))]
