"""What a worker makes of a batch, followed until it is over."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vetted.client import Client, Patience

_OVER = frozenset({"done", "failed", "cancelled"})
_LONGEST = 10.0  # seconds between two questions

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
    shown: int,
) -> Report:
    """Wait until the batch is over; `progress` is told of files done, and of how many.

    Raises:
        RefusedError: when the batch may not be seen.
        BrokenOffError: when the service cannot be reached any more.
    """
    path = f"/projects/{project}/batches/{batch_id}"
    pause = 0.2
    while (found := patience(lambda: client.get(path)))["state"] not in _OVER:
        progress(found["done"], found["total"])
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


def _error(found: dict[str, Any]) -> str | None:
    if found["state"] == "cancelled":
        return "The batch was cancelled."
    return str(found["error"]) if found["state"] == "failed" else None
