"""Webhooks: what is told, how it is signed (Standard Webhooks), and when it is tried again.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from app.domain.machine import advance
from app.domain.round import RoundState

MOST_WEBHOOKS = 20
"""A project has at most so many."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret of the standard begins with
SECRET_BYTES = 32
DEFAULT_STATES = (RoundState.LABELING, RoundState.CLOSED, RoundState.FAILED)
SEND = "send"
"""What only an active webhook does."""
TEST = "webhook.test"
"""The type of what "Send a test" sends."""


def event_type(state: RoundState) -> str:
    """`round.closed` and the like."""
    return f"round.{state.value}"


class WebhookState(StrEnum):
    """Whether anything is sent. `disabled`: the receiver was gone or failed for days."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class WebhookEvent(StrEnum):
    """What can happen to a webhook."""

    PAUSE = "be paused"
    RESUME = "be resumed"
    DISABLE = "be disabled"


class DeliveryState(StrEnum):
    """Where a delivery stands. One that is `sending` for longer than the lease is sent again."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "be claimed"
    ARRIVE = "arrive"
    WAIT = "wait for another try"
    GIVE_UP = "be given up"
    SEND_AGAIN = "be sent again"


_W, _E = WebhookState, WebhookEvent
WEBHOOKS = {
    (_W.ACTIVE, _E.PAUSE): _W.PAUSED,
    (_W.PAUSED, _E.RESUME): _W.ACTIVE,
    (_W.DISABLED, _E.RESUME): _W.ACTIVE,
    (_W.ACTIVE, _E.DISABLE): _W.DISABLED,
    # What was on its way when it was paused may come to its end.
    (_W.PAUSED, _E.DISABLE): _W.DISABLED,
    (_W.DISABLED, _E.DISABLE): _W.DISABLED,
}

_D, _F = DeliveryState, DeliveryEvent
DELIVERIES = {
    (_D.WAITING, _F.CLAIM): _D.SENDING,
    # Its worker died: the lease ran out.
    (_D.SENDING, _F.CLAIM): _D.SENDING,
    (_D.SENDING, _F.ARRIVE): _D.DELIVERED,
    (_D.SENDING, _F.WAIT): _D.WAITING,
    (_D.SENDING, _F.GIVE_UP): _D.FAILED,
    (_D.WAITING, _F.SEND_AGAIN): _D.WAITING,
    (_D.DELIVERED, _F.SEND_AGAIN): _D.WAITING,
    (_D.FAILED, _F.SEND_AGAIN): _D.WAITING,
}


def next_webhook_state(state: WebhookState, event: WebhookEvent) -> WebhookState:
    """The webhook's state after `event`; raises TransitionError where there is none."""
    return advance(WEBHOOKS, "webhook", state, event)


def next_delivery_state(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """The delivery's state after `event`; raises TransitionError where there is none."""
    return advance(DELIVERIES, "delivery", state, event)


# --- Signing


def signed(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that prove where a body comes from: HMAC-SHA256 over `id.timestamp.body`."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def as_secret(key: bytes) -> str:
    """The key as the standard writes it."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


# --- Trying again

# A worker that has not told the end of a try for so long is dead; longer than any call may take.
LEASE = timedelta(seconds=60)
# The waits between ten tries: a little over a day, most of them early.
WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1, minutes=30),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
MOST_TRIES = len(WAITS) + 1
JITTER = 0.2
LONGEST_WAIT = timedelta(days=1)
"""A receiver's Retry-After counts up to this."""
FAILING_TOO_LONG = timedelta(days=3)
"""A delivery that is given up when none has arrived for so long disables its webhook."""

_GONE = 410


class Verdict(StrEnum):
    """What a try comes to."""

    ARRIVED = "arrived"
    TRY_AGAIN = "try again"
    GIVE_UP = "give up"
    GONE = "gone"


def judge(status: int | None, tries: int) -> Verdict:
    """What the answer to the `tries`-th try (1, 2, ...) comes to; None is no answer."""
    if status is not None and 200 <= status < 300:  # noqa: PLR2004 - any success
        return Verdict.ARRIVED
    if status == _GONE:
        return Verdict.GONE
    return Verdict.TRY_AGAIN if tries < MOST_TRIES else Verdict.GIVE_UP


def wait_after(tries: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """How long to wait after the `tries`-th try (1, 2, ...) failed.

    Args:
        tries: At most MOST_TRIES - 1.
        chance: From 0 to 1. Spreads what failed together by a fifth either way.
        asked: What the receiver asks to wait at least.
    """
    wait = WAITS[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(asked, LONGEST_WAIT)) if asked is not None else wait


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What `retry-after` asks for: seconds or a date (RFC 9110); None where it says neither."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta(0))


class Reason(StrEnum):
    """Why a webhook was disabled."""

    GONE = "gone"
    FAILING = "failing"
    SECRET_LOST = "secret-lost"  # noqa: S105 - the name of a reason


def reason_to_disable(
    verdict: Verdict, failing_since: datetime | None, now: datetime
) -> Reason | None:
    """Why the webhook should be disabled after a try; None where it should not.

    Args:
        verdict: Of the try.
        failing_since: When the first try failed after the last one that arrived.
        now: The time.
    """
    if verdict is Verdict.GONE:
        return Reason.GONE
    lasting = failing_since is not None and now - failing_since >= FAILING_TOO_LONG
    return Reason.FAILING if verdict is Verdict.GIVE_UP and lasting else None


@dataclass(frozen=True)
class Try:
    """How a try ended: with a status, or with the name of a trouble."""

    status: int | None = None
    trouble: str | None = None
    asked: timedelta | None = None
