"""Refuses request bodies while they stream in: those of strangers early, others when too large."""

import re
from collections.abc import Callable

from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import DomainError, NotSignedInError, TooLargeError
from app.early_refusal import refuse, watch_body

# Forms and JSON fit; a picture does not have to. The framework reads a body to its end before it
# asks who sent it, so without this anybody could fill the disk with what is refused afterwards.
STRANGERS_MOST = 1_000_000  # bytes
_IMPORTS = re.compile(r"/api/v1/projects/[^/]+/imports")
_UPLOADS = re.compile(r"/api/v1/projects/[^/]+/uploads/[^/]+")


class BodyLimit:
    """ASGI middleware: at most `most` bytes of body, whatever Content-Length says or hides.

    Args:
        app: What comes behind.
        most: Bytes.
        most_of_import: Bytes of an archive that is imported.
        most_of_upload: Bytes of an archive that may be sent in pieces.
        knows: Whether a request carries the credentials of somebody; asked once, in a thread, and
            only for a body over STRANGERS_MOST.
    """

    def __init__(
        self,
        app: ASGIApp,
        most: int,
        knows: Callable[[HTTPConnection], bool],
        most_of_import: int | None = None,
        most_of_upload: int | None = None,
    ) -> None:
        self.app = app
        self.most = most
        self.most_of_import = most_of_import or most
        self.most_of_upload = most_of_upload or most
        self.knows = knows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        count = _Count(self, HTTPConnection(scope))
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        refusal = await count.refusal_of(int(declared) if declared.isdigit() else 0)
        if refusal is not None:
            await refuse(refusal, scope, receive, send)
            return
        received = 0

        async def look(message: Message) -> DomainError | None:
            nonlocal received
            received += len(message.get("body", b""))
            return await count.refusal_of(received)

        await watch_body(self.app, scope, receive, send, look)

    def most_of(self, path: str) -> int:
        """How many bytes a request to this path may have."""
        if _IMPORTS.fullmatch(path):
            return self.most_of_import
        return self.most_of_upload if _UPLOADS.fullmatch(path) else self.most


class _Count:
    """What one request may send."""

    def __init__(self, limit: BodyLimit, connection: HTTPConnection) -> None:
        self._limit = limit
        self._most = limit.most_of(connection.url.path)
        self._connection = connection
        self._known = False

    async def refusal_of(self, size: int) -> DomainError | None:
        """Why a body that has this many bytes by now is refused, or None."""
        if size > self._most:
            return TooLargeError(
                "The request is larger than {most} bytes. Send fewer pictures at a time.",
                most=f"{self._most:,}",
            )
        if size > STRANGERS_MOST and not self._known:
            self._known = await run_sync(self._limit.knows, self._connection)
            if not self._known:
                return NotSignedInError("Sign in, or send a valid API token, before uploading.")
        return None
