"""The newest round of a project as it changes, told to every browser that looks at it.

One task for each project that somebody looks at asks the database, however many look; it holds a
connection only while it asks, and ends with its last reader. The streams themselves wait for
nothing but that task: no thread and no connection is theirs.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

log = structlog.get_logger()

PAUSE: Final = 1.0
"""Seconds between two looks at a round."""

LIFETIME: Final = 240.0
"""Seconds after which a stream ends and the browser asks again: proxies cut long ones unasked."""

RECHECK: Final = 30.0
"""Seconds after which a stream asks again whether its reader may still look: sign-out counts."""

STOPPING: Final = 1.0
"""Seconds between two looks at whether the server is about to stop."""

MOST: Final = 500
"""Streams of one process; further browsers ask now and then instead."""


@dataclass(eq=False)
class _Topic:
    """What readers of one project wait for."""

    readers: int = 0
    told: str | None = None
    over: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Wake all readers; the next change wakes them anew."""
        self.changed.set()
        self.changed = asyncio.Event()


class Live:
    """Tells readers what a project's newest round is, each time it has changed.

    Args:
        look: Reads it: a project's id to a text. Called in a thread.
        pause: Seconds between two looks.
    """

    def __init__(self, look: Callable[[int], str], pause: float = PAUSE) -> None:
        self._look = look
        self._pause = pause
        self._topics: dict[int, _Topic] = {}
        # Threads of its own: those that requests share may all be waiting for a connection.
        self._threads = CapacityLimiter(2)

    @property
    def readers(self) -> int:
        """How many streams are open."""
        return sum(topic.readers for topic in self._topics.values())

    async def read(
        self,
        project_id: int,
        may_look: Callable[[], bool],
        *,
        lifetime: float = LIFETIME,
        stopping: Callable[[], bool] = bool,
    ) -> AsyncGenerator[str]:
        """The newest round now, and again after each change, until the lifetime is over.

        It also ends when `may_look` (called in a thread, now and then) says no, when the server is
        `stopping` (asked every second), and when the database does not answer.
        """
        loop = asyncio.get_running_loop()
        end, check = loop.time() + lifetime, loop.time() + RECHECK
        async with self._reading(project_id) as topic:
            last: str | None = None
            while not topic.over and not stopping() and (now := loop.time()) < end:
                changed = topic.changed
                if topic.told is not None and topic.told != last:
                    last = topic.told
                    yield last
                    continue
                if now >= check:
                    if not await run_sync(may_look, limiter=self._threads):
                        return
                    check = now + RECHECK
                    continue
                await _wait(changed, min(end - now, check - now, STOPPING))

    @asynccontextmanager
    async def _reading(self, project_id: int) -> AsyncIterator[_Topic]:
        topic = self._topics.get(project_id)
        if topic is None:
            topic = self._topics[project_id] = _Topic()
            topic.task = asyncio.create_task(self._watch(project_id, topic))
        topic.readers += 1
        try:
            yield topic
        finally:
            topic.readers -= 1
            if not topic.readers:
                self._drop(project_id, topic)

    def _drop(self, project_id: int, topic: _Topic) -> None:
        topic.over = True
        # Another may have taken its place: one that failed, and was asked for again since.
        if self._topics.get(project_id) is topic:
            del self._topics[project_id]
        if topic.task is not None:
            topic.task.cancel()

    async def _watch(self, project_id: int, topic: _Topic) -> None:
        try:
            while True:
                found = await run_sync(self._look, project_id, limiter=self._threads)
                if found != topic.told:
                    topic.told = found
                    topic.tell()
                await asyncio.sleep(self._pause)
        except Exception:
            # The readers' streams end, and their browsers ask again: then it may be mended.
            log.exception("live look failed", project_id=project_id)
        finally:
            topic.over = True
            if self._topics.get(project_id) is topic:
                del self._topics[project_id]
            topic.tell()


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await changed.wait()
    except TimeoutError:
        pass
