"""What routes ask for: a transaction, a caller, a right in a project."""

import hmac
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, TypeVar, cast

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from app.api.problems import Saying
from app.context import Context, Unit
from app.domain.access import Right
from app.domain.errors import ForbiddenError, NotSignedInError
from app.jobs import send_all
from app.secrets import csrf_token
from app.usecases.people import (
    Access,
    Credentials,
    Principal,
    enter_project,
    who_calls,
)
from app.usecases.takedowns.erase import ERASING, erase_pending

COOKIE = "vetted_session"
CSRF_HEADER = "X-CSRF-Token"
NOBODY = "Sign in, or send a valid API token as 'Authorization: Bearer ...'."
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

bearer = HTTPBearer(auto_error=False, description="An API token made by `vetted token add`.")
cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    description=f"The session of a signed-in browser; unsafe methods also need {CSRF_HEADER}.",
)


async def get_context(request: Request) -> Context:
    """What `create_app` built."""
    # Async like all that does not wait here: a plain function would be called in a thread.
    return cast("Context", request.app.state.context)


ContextDep = Annotated[Context, Depends(get_context)]


async def get_unit(request: Request, context: ContextDep) -> AsyncIterator[Unit]:
    """One transaction, which `OneThreadRoute` commits; its jobs are sent before the response leaves.

    A safe method changes nothing, so it reads without one (see `Sessions.reading`).
    """
    safe = request.method in SAFE_METHODS
    with context.sessions.reading() if safe else context.sessions() as session:
        unit = Unit(session)
        yield unit
        if session.in_transaction():
            # A route of another class. Not in one of the threads that requests share: they may
            # all be waiting for the connection that this is about to give back.
            await run_sync(session.commit, limiter=CapacityLimiter(1))
    if unit.queued:
        await run_in_threadpool(send_all, context.jobs, unit.queued)
    if session.info.get(ERASING):
        # At once; were this process to die here, a worker would do it in seconds.
        await run_in_threadpool(erase_pending, context.sessions, context.blobs)


UnitDep = Annotated[Unit, Depends(get_unit, scope="function")]


async def get_credentials(
    request: Request,
    context: ContextDep,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    session_token: Annotated[str | None, Depends(cookie)],
) -> Credentials:
    """What the request shows of its caller: a bearer token, or else a session cookie.

    Raises:
        NotSignedInError: when it shows nothing.
        ForbiddenError: when a browser's unsafe request lacks the CSRF header.
    """
    if token is not None:
        return Credentials.of_token(token.credentials)
    if session_token is None:
        raise NotSignedInError(NOBODY)
    _check_csrf(request, context, session_token)
    return Credentials.of_session(session_token)


CredentialsDep = Annotated[Credentials, Depends(get_credentials)]


def get_principal(context: ContextDep, credentials: CredentialsDep) -> Principal:
    """The caller; raises NotSignedInError without valid credentials."""
    # A connection of its own, given back before the route begins, here and in `Needs`. The route
    # may wait for a thread, which others have who wait for a connection; and an upload that takes
    # a minute to decode must not hold one meanwhile.
    with context.sessions.reading() as session:
        return _known(who_calls(session, credentials))


def get_saying(request: Request) -> Saying:
    """How refusals inside an answer are said in the language of the request."""
    return partial(request.app.state.say, request)


SayingDep = Annotated[Saying, Depends(get_saying)]


T = TypeVar("T")


def _known(found: T | None) -> T:
    if found is None:
        raise NotSignedInError(NOBODY)
    return found


def is_known(context: Context, connection: HTTPConnection) -> bool:
    """Whether a request carries the credentials of somebody, before anything of it is read."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    session_token = connection.cookies.get(COOKIE)
    if scheme.lower() == "bearer":
        credentials = Credentials.of_token(token.strip())
    elif session_token is not None:
        credentials = Credentials.of_session(session_token)
    else:
        return False
    with context.sessions.reading() as session:
        return who_calls(session, credentials) is not None


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

    def __call__(self, project: str, context: ContextDep, credentials: CredentialsDep) -> Access:
        """The caller's access.

        Raises:
            NotSignedInError: without valid credentials.
            NotFoundError: for outsiders.
            ForbiddenError: without the right.
        """
        with context.sessions.reading() as session:
            return _known(enter_project(session, credentials, project, self.right))


Reader = Annotated[Access, Depends(Needs(Right.READ))]
Labeler = Annotated[Access, Depends(Needs(Right.LABEL))]
Crawler = Annotated[Access, Depends(Needs(Right.INGEST))]
Lead = Annotated[Access, Depends(Needs(Right.LEAD))]
