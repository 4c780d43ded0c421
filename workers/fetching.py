"""One picture from somebody's server: asked for politely, followed carefully, read with limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

from protego import Protego

from app.domain.errors import InvalidError
from app.domain.fetching import (
    MOST_REDIRECTS,
    NOT_MODIFIED,
    OF_HOST,
    OF_TROUBLE,
    OK,
    REDIRECTS,
    Reason,
    Validators,
    host_of,
    may_be_picture,
    opts_out,
    plain_url,
    reason_of,
)
from app.domain.outbound import PrivateHosts, check_url
from app.domain.webhook import retry_after
from app.imports.archive import shown
from app.outbound import NAME, Answer, Outbound, OutboundError, Wanted
from app.pictures import PictureRefused, identify
from app.usecases.takedowns.admit import SENTENCES

_MOST_ROBOTS = 500_000  # bytes; RFC 9309 asks for as many at least
_MOST_KNOWN = 1_000
_LONGEST_PAUSE = timedelta(seconds=30)
"""A robots.txt may ask for this pause, not for a longer one: days for a few pictures."""


@dataclass(frozen=True)
class Got:
    """The bytes at an address, whole, and what to ask by the next time."""

    content: bytes
    validators: Validators


class Unchanged:
    """The same as what the project has of it."""


@dataclass(frozen=True)
class Failed:
    """No picture.

    `detail` has what the reason does not tell: a status, where a redirect led to, what is wrong with
    a picture. `host` is whose fault it is where the reason is one of OF_HOST.
    """

    reason: str
    detail: str | None = None
    host: str = ""
    asked: timedelta | None = None


class _FailedError(Exception):
    """As `Failed`, of an address that may be another than the first."""

    def __init__(
        self,
        url: str,
        reason: str,
        detail: str | None = None,
        asked: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.url = url
        self.reason = reason
        self.detail = detail
        self.asked = asked

    def of(self, first: str) -> Failed:
        """What became of the first address."""
        led_to = None if self.url == first else self.url
        told = " ".join(filter(None, (self.detail, led_to))) or None
        return Failed(self.reason, told, host_of(self.url), self.asked)


# Waits for a host's turn, with this pause after it; False when that would take long.
Turn = Callable[[str, timedelta], Awaitable[bool]]
# Whether an address was taken down, so that it is not asked for.
IsShut = Callable[[str], Awaitable[bool]]


@dataclass
class Fetcher:
    """Fetches for one list.

    Args:
        outbound: Makes calls; refuses private addresses at each.
        private: The private hosts that may be called.
        turn: See `Turn`.
        is_shut: See `IsShut`.
        pause: Between two requests to a host.
        most_bytes: Of a picture.
        opt_outs: Whether robots.txt and opt-outs in headers are obeyed.
    """

    outbound: Outbound
    private: PrivateHosts
    turn: Turn
    is_shut: IsShut
    pause: timedelta
    most_bytes: int
    opt_outs: bool
    _robots: dict[str, "asyncio.Task[Protego | None]"] = field(default_factory=dict)

    async def fetch(self, url: str, validators: Validators) -> Got | Unchanged | Failed:
        """What is at the address. Whoever calls has waited for the turn of its first host."""
        try:
            at, answer = await self._ask(
                url, self.most_bytes, self._is_wanted, validators.headers, obeying=self.opt_outs
            )
            if answer.status == NOT_MODIFIED and validators.headers:
                return Unchanged()
            return self._picture(at, answer)
        except _FailedError as error:
            return error.of(url)

    async def pause_of(self, url: str) -> timedelta:
        """The pause that the host of this address gets."""
        if not self.opt_outs:
            return self.pause
        try:
            robots = await self._robots_of(url)
        except _FailedError:
            return self.pause  # the fetch itself will meet the trouble
        delay = robots.crawl_delay(NAME) if robots is not None else None
        asked = timedelta(seconds=min(delay or 0, _LONGEST_PAUSE.total_seconds()))
        return max(self.pause, asked)

    async def _ask(
        self,
        url: str,
        most: int,
        wanted: Wanted,
        headers: Mapping[str, str],
        *,
        obeying: bool,
    ) -> tuple[str, Answer]:
        """Where all redirects end, and its answer. Each of them is checked as the first address."""
        first = url
        for hop in range(MOST_REDIRECTS + 1):
            if await self.is_shut(url):
                # Under the first address: where it leads to is not to be told any more.
                raise _FailedError(first, Reason.TAKEN_DOWN, SENTENCES[Reason.TAKEN_DOWN])
            if hop and not await self.turn(host_of(url), self.pause):
                raise _FailedError(url, Reason.UNAVAILABLE)
            if obeying and not await self._may_fetch(url):
                raise _FailedError(url, Reason.OPTED_OUT)
            try:
                answer = await self.outbound.send(
                    "GET", url, headers=headers, most_bytes=most, wanted=wanted
                )
            except OutboundError as error:
                raise _FailedError(url, OF_TROUBLE[error.trouble]) from error
            target = answer.headers.get("location")
            if answer.status not in REDIRECTS or not target:
                return url, answer
            url = self._next(url, target)
        raise _FailedError(url, Reason.REDIRECTS)

    def _next(self, url: str, target: str) -> str:
        try:
            return check_url(plain_url(urljoin(url, target)), self.private)
        except (InvalidError, ValueError):
            # Of the host that leads there; `target` is a stranger's text.
            raise _FailedError(url, Reason.ADDRESS_REFUSED, shown(target)) from None

    def _is_wanted(self, answer: Answer) -> bool:
        """Whether to read on: see `app.outbound.Wanted`."""
        if answer.status != OK or self._refused(answer) is not None:
            return False
        if answer.content:
            try:
                identify(answer.content)
            except PictureRefused:
                return False
        return True

    def _refused(self, answer: Answer) -> Reason | None:
        """What is wrong with an answer by its headers."""
        headers = answer.headers
        if self.opt_outs and opts_out(headers):
            return Reason.OPTED_OUT
        encoded = headers.get("content-encoding", "identity").strip().lower() != "identity"
        # Compressed although we asked for it as it is: nothing here opens what may be a bomb.
        if encoded or not may_be_picture(headers.get("content-type")):
            return Reason.NOT_AN_IMAGE
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.most_bytes:
            return Reason.TOO_LARGE
        return None

    def _picture(self, url: str, answer: Answer) -> Got:
        reason = reason_of(answer.status)
        if reason is not None:
            asked = retry_after(answer.headers, datetime.now(UTC)) if reason in OF_HOST else None
            raise _FailedError(url, reason, f"HTTP {answer.status}", asked)
        reason = self._refused(answer)
        if reason is not None:
            raise _FailedError(url, reason)
        if not answer.cut:
            return Got(answer.content, Validators.of(answer.headers))
        if len(answer.content) >= self.most_bytes:
            raise _FailedError(url, Reason.TOO_LARGE)
        try:
            identify(answer.content)
        except PictureRefused as refused:
            raise _FailedError(url, refused.reason.value, refused.detail) from None
        raise _FailedError(url, Reason.TOO_LARGE)

    # robots.txt

    async def _may_fetch(self, url: str) -> bool:
        robots = await self._robots_of(url)
        return robots is None or robots.can_fetch(url, NAME)

    async def _robots_of(self, url: str) -> Protego | None:
        """The rules of the server, None where it has none; read once for a list."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        known = self._robots.get(origin)
        if known is None:
            if len(self._robots) >= _MOST_KNOWN:
                self._robots.pop(next(iter(self._robots)))
            known = self._robots[origin] = asyncio.create_task(self._read_robots(origin))
        try:
            return await known
        except _FailedError:
            # Asked again with the next try of the address.
            if self._robots.get(origin) is known:
                del self._robots[origin]
            raise

    async def _read_robots(self, origin: str) -> Protego | None:
        """RFC 9309, 2.3.1: none at 4xx; no answer forbids all, for as long as there is none."""
        url = f"{origin}/robots.txt"
        if not await self.turn(host_of(url), self.pause):
            raise _FailedError(url, Reason.UNAVAILABLE)
        _, answer = await self._ask(url, _MOST_ROBOTS, lambda _: True, {}, obeying=False)
        if answer.status == OK:
            return _parsed(answer.content.decode("utf-8", "replace"))
        reason = reason_of(answer.status)
        if reason in {Reason.TOO_MANY_REQUESTS, Reason.UNAVAILABLE, Reason.SERVER_ERROR}:
            # An error with every request for it is the host's, not a picture's.
            asked = retry_after(answer.headers, datetime.now(UTC))
            kept = Reason.UNAVAILABLE if reason is Reason.SERVER_ERROR else reason
            raise _FailedError(url, kept, f"HTTP {answer.status}", asked)
        return None


def _parsed(rules: str) -> Protego | None:
    try:
        return Protego.parse(rules)
    except Exception:  # noqa: BLE001 - a stranger's text: what cannot be read forbids nothing
        return None
