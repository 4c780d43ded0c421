"""Refusing a request while its body streams in: what the middlewares share that do so."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import of_domain
from app.domain.errors import DomainError

Look = Callable[[Message], Awaitable[DomainError | None]]


async def refuse(error: DomainError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with this refusal, in the language that the request asks for."""
    told = scope["app"].state.say(Request(scope), error)
    await of_domain(error, told)(scope, receive, send)


async def watch_body(app: ASGIApp, scope: Scope, receive: Receive, send: Send, look: Look) -> None:
    """Pass a request on. `look` sees each piece of its body; what it refuses for is the answer."""
    refusal: DomainError | None = None
    started = answered = False

    async def looking() -> Message:
        nonlocal refusal
        message = await receive()
        refusal = await look(message)
        if refusal is not None:
            raise refusal
        return message

    async def answering(message: Message) -> None:
        # Whoever parsed the body has made an answer of their own out of our exception.
        nonlocal started, answered
        if started or refusal is None:
            started = True
            await send(message)
        elif not answered:
            answered = True
            await refuse(refusal, scope, receive, send)

    await app(scope, looking, answering)
