"""Keeps the service answering while crawlers push: back-pressure, and a floor under the disk."""

import math
import re
import time
from collections.abc import Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import BusyError, DomainError, NoSpaceError
from app.early_refusal import refuse, watch_body

# Requests whose pictures are decoded before the answer.
_DECODES = re.compile(r"/api/v1/projects/[^/]+/(images|examples|negatives)")
# Requests that bring in pictures, now or through a worker.
_BRINGS = re.compile(
    r"/api/v1/projects/[^/]+"
    r"/(images|examples|negatives|imports|batches|uploads|addresses|syncs)(/.*)?"
)
# What ends work or takes pictures out is welcome on a full disk.
_ENDS = re.compile(r".*/(cancel|finish|withdraw|restore)")
_WRITING = frozenset({"POST", "PUT", "PATCH"})

PATIENCE = 10.0
"""Seconds that a request waits whose body has come already: it would only come again."""
LONGEST = 60
"""Seconds: nobody is told to wait longer for a turn."""
FULL_DISK = 60
"""Seconds until whoever met a full disk may ask again."""


class IngestGate:
    """ASGI middleware: few requests decode at once, and nothing comes in while the disk is full.

    Decoding takes a processor for seconds. Whoever arrives while `most` requests are at it is
    refused at once, before the body is read; whoever was sending meanwhile waits a while for a turn.
    A turn is taken when the whole body is there: somebody who sends slowly, or nobody knows, holds
    up no other.

    Args:
        app: What comes behind.
        most: Requests that decode at once.
        least_free: Bytes that have to be free on the disk.
        free: Tells how many are.
    """

    def __init__(self, app: ASGIApp, most: int, least_free: int, free: Callable[[], int]) -> None:
        self.app = app
        self.most = most
        self.least_free = least_free
        self.free = free
        self._turns = anyio.Semaphore(most, max_value=most)
        self._waiting = 0
        # Seconds that the last turn took: about as long as the next one is away.
        self._took = 1.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when it may come in."""
        if scope["type"] != "http" or scope["method"] not in _WRITING:
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        decodes = scope["method"] == "POST" and _DECODES.fullmatch(path) is not None
        if _BRINGS.fullmatch(path) and not _ENDS.fullmatch(path) and self.free() < self.least_free:
            await refuse(NoSpaceError(FULL_DISK), scope, receive, send)
        elif decodes and not self._turns.value:
            await refuse(self._busy(), scope, receive, send)
        elif decodes:
            await self._in_turn(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        began: float | None = None

        async def look(message: Message) -> DomainError | None:
            nonlocal began
            ends = message["type"] == "http.request" and not message.get("more_body", False)
            if not ends or began is not None:
                return None
            if not await self._turn():
                return self._busy()
            began = time.monotonic()
            return None

        try:
            await watch_body(self.app, scope, receive, send, look)
        finally:
            if began is not None:
                self._took = time.monotonic() - began
                self._turns.release()

    async def _turn(self) -> bool:
        """Take a turn, at once or after some waiting; False when there is none."""
        if self._turns.value:
            self._turns.acquire_nowait()
            return True
        if self._waiting >= self.most:
            return False
        self._waiting += 1
        try:
            with anyio.fail_after(PATIENCE):
                await self._turns.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _busy(self) -> BusyError:
        return BusyError(min(max(math.ceil(self._took), 1), LONGEST))
