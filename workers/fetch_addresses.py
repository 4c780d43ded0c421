"""A list of addresses is fetched: host by host in lanes, each result written as it comes.

Nothing is marked while it is under way. What is written is never fetched twice; a worker that is
killed leaves the rest as it was.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import random
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy.orm import Session

from app.blobs import original_key
from app.db.session import database_now, transaction
from app.db.tables import Batch
from app.domain.fetching import MOST_TRIES, OF_HOST, PASSING, Reason, wait_after
from app.domain.outbound import PrivateHosts
from app.outbound import NAME, Outbound, Patience
from app.usecases.pool.batches import end_batch
from app.usecases.pool.fetch_addresses import (
    Again,
    Due,
    Ended,
    Turn,
    close_host,
    due_of,
    open_host,
    others_wait,
    reserve,
    turns,
    write_down,
)
from app.usecases.pool.store_images import Taken, Upload, refused_file, take
from app.usecases.takedowns.admit import SENTENCES, addresses_shut
from workers.batches import begin_batch, part
from workers.fetching import Failed, Fetcher, Got, Unchanged
from workers.runner import GaveWayError, Publish, Work
from workers.space import WHILE_FULL, is_full

log = structlog.get_logger()

# Addresses of a host that its lane takes at a time; then other hosts have their turn.
_STRETCH = 32
_AT_ONCE_OF_HOST = 2
_HOSTS = 64
_GIVEN_UP_AT_ONCE = 500
_WRITTEN_AT_ONCE = 32
_WRITE_EVERY = 0.5  # seconds
_LOOK_EVERY = 1.0  # seconds
# A host that is away for longer has its addresses wait in the database.
_PATIENCE = timedelta(seconds=20)
# With nothing due for so long, the worker is left to others.
_IDLE = timedelta(seconds=10)
_SLICE = 300.0  # seconds after which it is left to others who wait
# More than cores: storing waits for the disk.
_DECODERS = 6

_TAKEN_DOWN = Failed(Reason.TAKEN_DOWN, SENTENCES[Reason.TAKEN_DOWN])

T = TypeVar("T")


def compute(work: Work) -> Publish:
    """Do what is left of the list.

    Raises:
        GaveWayError: when nothing is due for a while, or others have waited long enough.
    """
    batch = begin_batch(work)
    with ThreadPoolExecutor(1, "database") as database, ThreadPoolExecutor(_DECODERS) as decoders:
        asyncio.run(_List(work, database, decoders, batch.done, batch.total).fetch())
    return _publish


def _publish(session: Session, batch: Batch) -> None:
    end_batch(batch, database_now(session))


@dataclass
class _List:
    """One list under way."""

    work: Work
    # One thread, so that a list takes one connection, however many pictures are on their way.
    database: ThreadPoolExecutor
    decoders: ThreadPoolExecutor
    done: int
    total: int | None
    results: "asyncio.Queue[tuple[Ended | Again, asyncio.Future[None]]]" = field(
        default_factory=asyncio.Queue
    )
    lanes: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    # Where it is on its way round the hosts, by the database's clock.
    after: str = ""
    upcoming: deque[Turn] = field(default_factory=deque)
    all_seen: bool = False
    now: datetime = field(default_factory=partial(datetime.now, UTC))

    def __post_init__(self) -> None:
        settings = self.work.bench.settings
        private = PrivateHosts.of(settings.private_hosts or "")
        name = f"{NAME} (+{settings.public_url})" if settings.public_url else NAME
        patience = Patience(connect=10.0, read=20.0, total=settings.fetch_seconds)
        self.fetcher = Fetcher(
            outbound=Outbound(private, patience=patience, name=name),
            private=private,
            turn=self.turn,
            is_shut=self.is_shut,
            pause=timedelta(seconds=settings.fetch_pause),
            most_bytes=settings.most_image_bytes,
            opt_outs=settings.fetch_opt_outs,
        )
        # From the request until the picture is stored: so many are in memory at most.
        self.in_hand = asyncio.Semaphore(settings.fetch_at_once)
        self.at_once = settings.fetch_at_once
        self.make_way_at = monotonic() + _SLICE

    async def fetch(self) -> None:
        """Fetch until nothing waits; see `compute` for what is raised."""
        loop = asyncio.get_running_loop()
        # Names are resolved in threads, and a slow resolver must not hold up the others.
        loop.set_default_executor(ThreadPoolExecutor(self.at_once, "names"))
        writer = asyncio.create_task(self._write())
        following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({writer, following}, return_when=asyncio.FIRST_COMPLETED)
            for task in (writer, following):
                if task.done():
                    task.result()
        finally:
            under_way = [writer, following, *self.lanes.values()]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    # Which host next

    async def _follow(self) -> None:
        """Open a lane for each host that is due, going round and round."""
        some = opened = False
        earliest: datetime | None = None
        while True:
            self._reap()
            await self._make_way()
            if len(self.lanes) >= self.at_once:
                await self._wait_for_lanes(asyncio.FIRST_COMPLETED)
                continue
            turn = await self._next_host()
            if turn is not None:
                some = True
                if turn.host in self.lanes:
                    continue
                if turn.due_at <= self.now:
                    self.lanes[turn.host] = asyncio.create_task(self._lane(turn))
                    opened = True
                else:
                    earliest = min(earliest or turn.due_at, turn.due_at)
                continue
            # All hosts were looked at once.
            if self.lanes:
                await self._wait_for_lanes(asyncio.ALL_COMPLETED)
            elif not some:
                return
            elif not opened and earliest is not None:
                await self._rest(earliest)
            some, opened, earliest = bool(self.lanes), False, None

    def _reap(self) -> None:
        for host in [host for host, lane in self.lanes.items() if lane.done()]:
            self.lanes.pop(host).result()

    async def _next_host(self) -> Turn | None:
        """The next in the order of names; None once after the last."""
        if not self.upcoming and not self.all_seen:
            self.now, found = await self._in_database(self._turns)
            self.upcoming.extend(found)
            self.all_seen = len(found) < _HOSTS
        if not self.upcoming:
            self.after, self.all_seen = "", False
            return None
        turn = self.upcoming.popleft()
        self.after = turn.host
        return turn

    def _turns(self, session: Session) -> tuple[datetime, list[Turn]]:
        now = database_now(session)
        return now, turns(session, self.work.claim.owner_id, self.after, _HOSTS, now)

    async def _wait_for_lanes(self, until: str) -> None:
        await asyncio.wait(self.lanes.values(), timeout=_LOOK_EVERY, return_when=until)

    async def _rest(self, until: datetime) -> None:
        if until - self.now > _IDLE:
            raise GaveWayError(until)
        await asyncio.sleep(min((until - self.now).total_seconds(), _LOOK_EVERY))

    async def _make_way(self) -> None:
        """Tell how far it is; leave the worker to others, if they wait and it was a while."""
        self.work.heart.progress(self.done, self.total)
        if is_full(self.work.bench.settings):
            log.warning("no more is fetched while the disk is nearly full")
            await self._stop_until(self.now + WHILE_FULL)
        if monotonic() < self.make_way_at:
            return
        self.make_way_at = monotonic() + _LOOK_EVERY
        if await self._in_database(self._do_others_wait):
            await self._stop_until(None)

    async def _stop_until(self, moment: datetime | None) -> None:
        if self.lanes:
            await asyncio.wait(self.lanes.values())
        self._reap()
        raise GaveWayError(moment)

    def _do_others_wait(self, session: Session) -> bool:
        return others_wait(session, self.work.claim.job_id, database_now(session))

    # One host

    async def _lane(self, turn: Turn) -> None:
        """Fetch a stretch of a host's addresses; done when what came of each is written."""
        if turn.given_up is not None:
            await self._give_up(turn.host, turn.given_up)
            return
        found = await self._in_database(partial(self._due_of, turn.host, _STRETCH, self.now))
        down = [each for each in found if each.taken_down]
        await asyncio.gather(*(self._tell(_rejected(each, _TAKEN_DOWN)) for each in down))
        due = [each for each in found if not each.taken_down]
        if not due:
            return
        pause = await self.fetcher.pause_of(due[0].url)
        troubles: dict[str, Failed] = {}
        beside = asyncio.Semaphore(_AT_ONCE_OF_HOST)
        under_way = []
        for each in due:
            await beside.acquire()
            await self.in_hand.acquire()
            if turn.host in troubles or not await self.turn(turn.host, pause):
                self.in_hand.release()
                break
            one = self._one(each, troubles, beside)
            under_way.append(asyncio.create_task(one))
        try:
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
        await self._in_database(partial(_judge_hosts, turn, troubles))

    async def _give_up(self, host: str, reason: Reason) -> None:
        due = await self._in_database(partial(self._due_of, host, _GIVEN_UP_AT_ONCE, None))
        failed = Failed(reason, None, host)
        told = [_rejected(each, _TAKEN_DOWN if each.taken_down else failed) for each in due]
        await asyncio.gather(*map(self._tell, told))

    def _due_of(self, host: str, most: int, now: datetime | None, session: Session) -> list[Due]:
        return due_of(session, self.work.claim.owner_id, host, most, now)

    async def turn(self, host: str, pause: timedelta) -> bool:
        """Wait for the host's next turn; False when it is to be left alone for longer."""
        most = max(_PATIENCE, 2 * pause)
        wait = await self._in_database(partial(_reserve, host, pause, most))
        if wait is None:
            return False
        await asyncio.sleep(wait.total_seconds())
        return True

    async def is_shut(self, url: str) -> bool:
        """Whether an address was taken down, perhaps while its host's stretch is under way."""
        return await self._in_database(partial(self._is_shut, url))

    def _is_shut(self, url: str, session: Session) -> bool:
        batch = session.get_one(Batch, self.work.claim.owner_id)
        return bool(addresses_shut(session, batch.project_id, [url]))

    # One address

    async def _one(
        self, address: Due, troubles: dict[str, Failed], beside: asyncio.Semaphore
    ) -> None:
        try:
            result = await self._result(address, troubles)
        finally:
            self.in_hand.release()
            beside.release()
        await self._tell(result)

    async def _result(self, address: Due, troubles: dict[str, Failed]) -> Ended | Again:
        found = await self._found(address)
        if isinstance(found, Failed):
            if found.reason in OF_HOST:
                troubles[found.host] = found
            if found.reason in PASSING and address.tries + 1 < MOST_TRIES:
                wait = wait_after(address.tries + 1, random(), found.asked)  # noqa: S311 - spreads retries
                return Again(address, Reason(found.reason), wait)
            return _rejected(address, found)
        if isinstance(found, Got):
            upload = Upload(address.url, lambda: found.content, address.source)
            loop = asyncio.get_running_loop()
            store = partial(take, [upload], self.work.bench.blobs, self.work.bench.limits)
            (taken,) = await loop.run_in_executor(self.decoders, store)
            return Ended(address, taken, found.validators)
        # It was asked by the validators of what the project has: that came once more.
        taken = Taken(
            address.url[:255], address.source, address.before, None, self._is_stored(address)
        )
        return Ended(address, taken, address.validators)

    def _is_stored(self, address: Due) -> Callable[[], bool]:
        # A takedown may erase it at any moment.
        assert address.before is not None  # noqa: S101 - what was asked about is there
        blobs = self.work.bench.blobs
        return partial(blobs.exists, original_key(address.before.sha256))

    async def _found(self, address: Due) -> Got | Unchanged | Failed:
        try:
            return await self.fetcher.fetch(address.url, address.validators)
        except Exception:
            # One answer that nobody thought of must not cost the list.
            log.exception("address not fetched", url=address.url)
            return Failed(Reason.UNEXPECTED_ANSWER)

    # What came of it

    async def _tell(self, result: Ended | Again) -> None:
        """Have a result written; returns when it is."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.results.put((result, written))
        await written

    async def _write(self) -> None:
        """Write results, a few in each transaction, for as long as it is not cancelled."""
        while True:
            told = [await self.results.get()]
            with suppress(TimeoutError):
                async with asyncio.timeout(_WRITE_EVERY):
                    while len(told) < _WRITTEN_AT_ONCE:
                        told.append(await self.results.get())
            ended = [each for each, _ in told if isinstance(each, Ended)]
            again = [each for each, _ in told if isinstance(each, Again)]
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.database, self._write_down, ended, again)
            self.done += len(ended)
            for _, written in told:
                if not written.done():  # its lane may have been cancelled
                    written.set_result(None)

    def _write_down(self, ended: list[Ended], again: list[Again]) -> None:
        with part(self.work) as (session, batch):
            write_down(session, batch, ended, again, database_now(session))

    async def _in_database(self, step: Callable[[Session], T]) -> T:
        """What a step gives, in a transaction of its own."""

        def whole() -> T:
            with transaction(self.work.bench.sessions) as session:
                return step(session)

        return await asyncio.get_running_loop().run_in_executor(self.database, whole)


def _reserve(host: str, pause: timedelta, most: timedelta, session: Session) -> timedelta | None:
    return reserve(session, host, pause, most)


def _judge_hosts(turn: Turn, troubles: dict[str, Failed], session: Session) -> None:
    now = database_now(session)
    for host, failed in sorted(troubles.items()):
        close_host(session, host, Reason(failed.reason), random(), now, failed.asked)  # noqa: S311
    if turn.failures and turn.host not in troubles:
        open_host(session, turn.host)


def _rejected(address: Due, failed: Failed) -> Ended:
    return Ended(address, refused_file(address.url[:255], failed.reason, failed.detail))
