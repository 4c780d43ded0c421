"""What a worker makes of a batch, followed until it is over."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vetted.client import Client, Patience, RefusedError
from vetted.ingesting.state import State

_OVER = frozenset({"done", "failed", "cancelled"})
_LONGEST = 10.0  # seconds between two questions
_STILL = 20.0  # seconds without anything done, after which it is told why
_WAITING = (
    "What is left waits for its hosts: one that does not answer is tried five times within an hour "
    "and a half. The service goes on by itself; Ctrl+C and run the same command later, if you like."
)
_NOT_OURS, _OVER_ALREADY = 404, 409

Progress = Callable[[int, int | None], object]


@dataclass(frozen=True)
class Report:
    """How a batch ended.

    Attributes:
        error: Why it failed, or what is wrong with all of it.
        outcomes: How many files have each outcome.
        reasons: How many were rejected, by reason.
        rejected: The first of them, each with why.
    """

    error: str | None
    outcomes: Counter[str]
    reasons: Counter[str]
    rejected: list[tuple[str, str]] = field(default_factory=list)


def follow(
    client: Client,
    project: str,
    batch_id: int,
    patience: Patience,
    progress: Progress,
    say: Callable[[str], object],
    shown: int,
) -> Report:
    """Wait until the batch is over; `progress` is told of files done, and of how many.

    What takes long without a sign is explained by `say`, once.

    Raises:
        RefusedError: when the batch may not be seen.
        BrokenOffError: when the service cannot be reached any more.
    """
    path = f"/projects/{project}/batches/{batch_id}"
    pause, done, since = 0.2, -1, 0.0
    while (found := patience(lambda: client.get(path)))["state"] not in _OVER:
        progress(found["done"], found["total"])
        now = time.monotonic()
        if found["done"] != done:
            done, since = found["done"], now
        elif found["kind"] == "addresses" and now - since > _STILL:
            say(_WAITING)
            since = math.inf
        patience.pause(pause)
        pause = min(pause * 1.5, _LONGEST)
    progress(found["done"], found["done"])
    refusals = patience(lambda: client.get(f"{path}/refusals?limit={shown}"))["refusals"]
    return Report(
        _error(found),
        Counter({name: found[name] for name in ("stored", "duplicate", "rejected")}),
        Counter(found["reasons"]),
        [(each["filename"], each["detail"] or each["reason"]) for each in refusals],
    )


class UploadBatch:
    """The batch of a folder: opened for the first picture that is sent, finished with the last.

    One that an interrupted run left open is gone on with.

    Args:
        client: Who sends.
        project: Its slug.
        name: What people read of it.
        state: Remembers it between runs.
        patience: How long the service is waited for.
    """

    def __init__(
        self, client: Client, project: str, name: str, state: State, patience: Patience
    ) -> None:
        self.number: int | None = None
        self._client = client
        self._path = f"/projects/{project}/batches"
        self._name = name or "/"
        self._state = state
        self._patience = patience
        # Another token may not add to it.
        self._key = f"open batch of {client.token_hash}"

    def open(self) -> int:
        """Its id; raises RefusedError."""
        known = self._state.get(self._key)
        if known is not None and self._is_open(known):
            self.number = int(known)
        else:
            body = {"name": self._name}
            self.number = int(self._patience(lambda: self._client.post(self._path, body))["id"])
            self._state.keep(self._key, str(self.number))
        return self.number

    def finish(self) -> None:
        """Say that this was all; raises RefusedError."""
        try:
            self._patience(lambda: self._client.post(f"{self._path}/{self.number}/finish"))
        except RefusedError as refused:
            if refused.status != _OVER_ALREADY:
                raise
        self._state.keep(self._key, None)

    def _is_open(self, known: str) -> bool:
        try:
            found = self._patience(lambda: self._client.get(f"{self._path}/{known}"))
        except RefusedError as refused:
            if refused.status != _NOT_OURS:
                raise
            return False
        return bool(found["state"] == "open" and found["withdrawn_at"] is None)


def _error(found: dict[str, Any]) -> str | None:
    if found["state"] == "cancelled":
        return "The batch was cancelled."
    return str(found["error"]) if found["state"] == "failed" else None
