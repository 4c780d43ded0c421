"""One simulated labeler: does over HTTP what the labeler's page does, at an expert's pace.

Leases ahead and refills while it answers, names what it holds already, loads each picture before it
is in question, answers with a key of its own, now and then takes an answer back, sends one again
whose answer it pretends not to have seen, or sends it twice at once.
"""

import asyncio
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.serving.wire import Answer, Wire, WireError

# As the page's supply.js has them.
AHEAD = 40  # pictures at hand
FIRST = 6  # of the first request
BATCH = 8  # answers between two requests
POLL = 0.5  # seconds until a labeler who has nothing to answer asks again
UNDO, RETRY, DOUBLE = 0.03, 0.02, 0.02  # chances for each answer
ANSWERS = ("yes", "no", "unsure")
WEIGHTS = (70, 27, 3)
OK, CREATED, CONFLICT = 200, 201, 409


@dataclass(frozen=True)
class Acknowledged:
    """A decision that the server said it has."""

    key: str
    decision_id: int
    user_id: int
    proposal_id: int
    answer: str


@dataclass
class Record:
    """What all labelers of a run saw.

    Attributes:
        seconds: Of each request, by kind: next, decide, undo, picture, history.
        acknowledged: Decisions (and undos) that were answered with 200 or 201.
        errors: Whatever should not have happened, in words.
        refused: Undos that came too late, because somebody else had answered meanwhile.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: int = 0

    def took(self, kind: str, seconds: float) -> None:
        """Note a request."""
        self.seconds.setdefault(kind, []).append(seconds)


@dataclass(frozen=True)
class Person:
    """Who labels: a user and the credentials of their browser."""

    user_id: int
    headers: dict[str, str]


class Labeler:
    """A person at one page.

    Args:
        person: Who.
        wire: Their browser's connections.
        project: The project's slug.
        think: Mean seconds between two answers; 0 answers at once.
        record: Where it is noted what happened.
    """

    def __init__(
        self, person: Person, wire: Wire, project: str, think: float, record: Record
    ) -> None:
        self._person = person
        self._wire = wire
        self._base = f"/api/v1/projects/{project}"
        self._client = f"page of {person.user_id}"
        self._think = think
        self._record = record
        self._count_from = 0.0
        self._since_lease = 0
        self._chance = Random(person.user_id)  # noqa: S311 - of a simulation
        self._held: list[dict[str, Any]] = []
        self._answered: set[int] = set()
        self._seen: set[str] = set()
        self._loading: set[asyncio.Task[None]] = set()
        self._refilling: asyncio.Task[None] | None = None

    async def work(self, until: float, count_from: float) -> None:
        """Label until a moment of `time.monotonic()`; requests are measured from another one on."""
        self._count_from = count_from
        await self._timed("history", "GET", "/decisions?limit=20")
        while time.monotonic() < until:
            if not self._held:
                await self._refill()
                if not self._held:
                    await asyncio.sleep(POLL)
                continue
            await self._pause()
            await self._answer()
        if self._refilling is not None:
            await self._refilling
        while self._loading:  # a refill has begun some of it
            await asyncio.gather(*self._loading)
        self._wire.close()

    async def _pause(self) -> None:
        if self._think:
            # Most answers come quickly, some pictures are looked at for long.
            await asyncio.sleep(self._chance.lognormvariate(-0.18, 0.6) * self._think)

    async def _answer(self) -> None:
        proposal = self._held.pop(0)
        self._answered.add(proposal["id"])
        self._since_lease += 1
        idle = self._refilling is None or self._refilling.done()
        if idle and (self._since_lease >= BATCH or len(self._held) < FIRST):
            self._refilling = asyncio.create_task(self._refill())
        answer = self._chance.choices(ANSWERS, WEIGHTS)[0]
        decision = await self._decide(proposal, answer)
        if decision is not None and self._chance.random() < UNDO:
            await self._undo(decision)

    async def _decide(self, proposal: dict[str, Any], answer: str) -> dict[str, Any] | None:
        key = str(uuid.UUID(int=self._chance.getrandbits(128)))
        key = f"{key}-{time.monotonic_ns()}"
        path = f"/proposals/{proposal['id']}/decisions"
        body = {"lease_token": proposal["lease_token"], "answer": answer, "seconds": 1.0}
        # Who was unsure may take it back while the next one looks: that one is refused, rightly.
        may_conflict = proposal["stage"] != "first"

        async def send() -> Any:
            return await self._timed(
                "decide", "POST", path, body, key=key, may_conflict=may_conflict
            )

        dice = self._chance.random()
        if dice < DOUBLE:  # a key that bounced: the same request twice at once
            found = [saved for saved in await asyncio.gather(send(), send()) if saved]
        else:
            found = [await send()]
            if dice < DOUBLE + RETRY:  # the answer was lost on its way
                found.append(await send())
        ids = set()
        for saved in filter(None, found):
            self._note(key, saved["decision"])
            ids.add(saved["decision"]["id"])
        if len(ids) > 1:
            self._record.errors.append(f"one key, decisions {sorted(ids)}")
        return found[0]["decision"] if found and found[0] else None

    async def _undo(self, decision: dict[str, Any]) -> None:
        key = f"undo-{decision['id']}-{time.monotonic_ns()}"
        path, body = f"/decisions/{decision['id']}/undo", {"client": self._client}
        answer = await self._timed("undo", "POST", path, body, key=key, may_conflict=True)
        if answer is None:
            self._record.refused += 1
            return
        self._note(key, answer["decision"])
        proposal = answer["proposal"]
        if proposal is None:
            return
        self._answered.discard(proposal["id"])
        self._held = [proposal, *(each for each in self._held if each["id"] != proposal["id"])]

    def _note(self, key: str, decision: dict[str, Any]) -> None:
        self._record.acknowledged.append(
            Acknowledged(
                key,
                decision["id"],
                self._person.user_id,
                decision["proposal_id"],
                decision["answer"],
            )
        )

    async def _refill(self) -> None:
        self._since_lease = 0
        body = {
            "client": self._client,
            "count": AHEAD if self._held else FIRST,
            "have": [proposal["id"] for proposal in self._held],
        }
        answer = await self._timed("next", "POST", "/proposals/lease", body)
        if answer is None:
            return
        known = {proposal["id"] for proposal in self._held} | self._answered
        fresh = [each for each in answer["proposals"] if each["id"] not in known]
        self._held += fresh
        self._prefetch([answer["images"][each["image"]]["screen_url"] for each in fresh])
        self._prefetch(self._beside(answer))

    def _beside(self, answer: dict[str, Any]) -> list[str]:
        """Thumbnails that this browser has not loaded yet; it keeps what it has."""
        asked = {proposal["image"] for proposal in answer["proposals"]}
        new = [sha for sha in answer["images"] if sha not in asked and sha not in self._seen]
        self._seen.update(new)
        return [answer["images"][sha]["thumbnail_url"] for sha in new]

    def _prefetch(self, addresses: list[str]) -> None:
        task = asyncio.create_task(self._load(addresses))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    async def _load(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            await self._send("picture", "GET", address)

    async def _timed(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        may_conflict: bool = False,
    ) -> Any:
        """The JSON of an answer; None, and a line in the record, for any other."""
        answer = await self._send(
            kind, method, self._base + path, body, key=key, may_conflict=may_conflict
        )
        return answer.json() if answer is not None else None

    async def _send(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        may_conflict: bool = False,
    ) -> Answer | None:
        counts = time.monotonic() >= self._count_from
        try:
            answer = await self._wire.request(method, path, body, key)
        except WireError as error:
            self._record.errors.append(str(error))
            return None
        if counts:
            self._record.took(kind, answer.seconds)
        if answer.status in {OK, CREATED}:
            return answer
        if not (may_conflict and answer.status == CONFLICT):
            said = answer.body[:300].decode(errors="replace")
            self._record.errors.append(f"{method} {path}: {answer.status} {said}")
        return None
