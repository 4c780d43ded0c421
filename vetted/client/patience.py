"""Calling again: after a lost connection, a restart, or when the service asks to be left alone."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from vetted.client.errors import BrokenOffError, RefusedError, StoppedError

T = TypeVar("T")

GIVE_UP = 3600.0  # seconds
_LONGEST = 60.0  # seconds between two tries
_MINUTES_FROM = 100  # seconds that are told as minutes
_HOURS_FROM = 100  # minutes that are told as hours
# A proxy without its service, a service that starts or has too much to do, a lock of another call.
_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})
_BUSY = frozenset({429, 503})


class Patience:
    """Tries a call until it is answered. Several threads may share one.

    When the service asks to wait (429 or 503 with Retry-After), all threads wait that long, however
    long it is. Without such an answer the pauses double up to a minute.

    Args:
        give_up: Seconds after which a call that is not answered is given up.
        told: Called with a sentence before each pause.
        first: Seconds before the second try.
    """

    def __init__(
        self,
        give_up: float = GIVE_UP,
        told: Callable[[str], object] = lambda _: None,
        first: float = 1.0,
    ) -> None:
        self._give_up = give_up
        self._told = told
        self._first = first
        self._stopped = threading.Event()
        self._quiet_until = 0.0

    def stop(self) -> None:
        """End every pause at once: what is tried again raises StoppedError."""
        self._stopped.set()

    def pause(self, seconds: float) -> None:
        """Wait; raises StoppedError after `stop`."""
        self._wait(seconds)

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call gives.

        Raises:
            RefusedError: when trying again would not help.
            BrokenOffError: when the service was out of reach for too long.
            StoppedError: after `stop`.
        """
        tries, began = 0, time.monotonic()
        while True:
            self._wait(self._quiet_until - time.monotonic())
            try:
                return call()
            except RefusedError as refused:
                if refused.status not in _PASSING:
                    raise
                error: Exception = refused
                if refused.status in _BUSY:
                    began = time.monotonic()  # it is there, and will have us later
                    self._keep_quiet(refused.retry_after)
            except httpx.TransportError as lost:
                error = lost
            if time.monotonic() - began > self._give_up:
                raise BrokenOffError(f"Given up: {_why(error)}") from error
            self._wait(self._next(error, tries))
            tries += 1

    def _keep_quiet(self, seconds: float | None) -> None:
        if seconds is not None:
            self._quiet_until = max(self._quiet_until, time.monotonic() + seconds)

    def _next(self, error: Exception, tries: int) -> float:
        # Not all threads at the same moment.
        pause = min(self._first * 2**tries, _LONGEST) * random.uniform(0.5, 1)  # noqa: S311
        seconds: float = max(pause, self._quiet_until - time.monotonic())
        self._told(f"Trying again in {_span(seconds)}: {_why(error)}")
        return seconds

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(max(seconds, 0)):
            raise StoppedError


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < _MINUTES_FROM:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < _HOURS_FROM else f"{minutes // 60} h {minutes % 60} min"


def _why(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return (
        f"the service is out of reach ({text})" if isinstance(error, httpx.TransportError) else text
    )
