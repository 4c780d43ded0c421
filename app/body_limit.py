"""Refuses request bodies that are larger than the server takes, while they stream in."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import of_domain
from app.domain.errors import TooLargeError


class BodyLimit:
    """ASGI middleware: at most `most` bytes of body, whatever Content-Length says or hides."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = TooLargeError(
            f"The request is larger than {self.most:,} bytes. Send fewer pictures at a time."
        )
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.most:
            await of_domain(refusal)(scope, receive, send)
            return
        received = 0
        started = refused = False

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.most:
                raise refusal
            return message

        async def answering(message: Message) -> None:
            # Whoever parsed the body has made an answer of their own out of our exception.
            nonlocal started, refused
            if started or received <= self.most:
                started = True
                await send(message)
            elif not refused:
                refused = True
                await of_domain(refusal)(scope, receive, send)

        await self.app(scope, counting, answering)
