"""How webhooks are signed, tried again and given up."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.domain.webhook import (
    FAILING_TOO_LONG,
    LEASE,
    LONGEST_WAIT,
    MOST_TRIES,
    WAITS,
    Reason,
    Verdict,
    as_secret,
    judge,
    reason_to_disable,
    retry_after,
    signed,
    wait_after,
)
from app.outbound import Patience

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECRET = as_secret(bytes(range(32)))


@given(st.binary(max_size=200))
def test_the_published_library_accepts_the_signature(inner: bytes) -> None:
    body = b'{"a":"' + inner.hex().encode() + b'"}'
    headers = signed(SECRET, "msg_1", datetime.now(UTC), body)
    assert Webhook(SECRET).verify(body, headers) == {"a": inner.hex()}


def test_another_body_id_time_or_secret_is_refused_by_it() -> None:
    now = datetime.now(UTC)
    good = signed(SECRET, "msg_1", now, b"{}")
    later = str(int(now.timestamp()) + 1)
    for headers, body, secret in (
        (good, b"{ }", SECRET),
        (good | {"webhook-id": "msg_2"}, b"{}", SECRET),
        (good | {"webhook-timestamp": later}, b"{}", SECRET),
        (good, b"{}", as_secret(bytes(32))),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_ten_tries_take_about_a_day() -> None:
    assert MOST_TRIES == 10
    assert timedelta(hours=24) < sum(WAITS, timedelta()) < timedelta(hours=28)
    assert list(WAITS) == sorted(WAITS)


@given(st.integers(1, MOST_TRIES - 1), st.floats(0, 1))
def test_waits_are_spread_by_a_fifth(tries: int, chance: float) -> None:
    wait = wait_after(tries, chance)
    assert 0.799 * WAITS[tries - 1] <= wait <= 1.201 * WAITS[tries - 1]


def test_a_receiver_may_ask_for_more_patience_up_to_a_day() -> None:
    assert wait_after(1, 0.5, timedelta(minutes=5)) == timedelta(minutes=5)
    assert wait_after(9, 0.5, timedelta(minutes=5)) == timedelta(hours=12)
    assert wait_after(1, 0.5, timedelta(days=9)) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("99999999999999999999", LONGEST_WAIT),
        (format_datetime(NOW + timedelta(hours=2), usegmt=True), timedelta(hours=2)),
        (format_datetime(NOW - timedelta(hours=2), usegmt=True), timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: timedelta | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == expected


def test_no_retry_after() -> None:
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("status", "tries", "verdict"),
    [
        (200, 1, Verdict.ARRIVED),
        (204, MOST_TRIES, Verdict.ARRIVED),
        (302, 1, Verdict.TRY_AGAIN),
        (400, 1, Verdict.TRY_AGAIN),
        (500, MOST_TRIES - 1, Verdict.TRY_AGAIN),
        (500, MOST_TRIES, Verdict.GIVE_UP),
        (None, 1, Verdict.TRY_AGAIN),
        (None, MOST_TRIES + 1, Verdict.GIVE_UP),
        (410, 1, Verdict.GONE),
    ],
)
def test_verdicts(status: int | None, tries: int, verdict: Verdict) -> None:
    assert judge(status, tries) is verdict


def test_a_webhook_is_disabled_when_it_is_gone_or_has_failed_for_days() -> None:
    long_ago, lately = NOW - FAILING_TOO_LONG, NOW - timedelta(days=1)
    assert reason_to_disable(Verdict.GONE, None, NOW) is Reason.GONE
    assert reason_to_disable(Verdict.GIVE_UP, long_ago, NOW) is Reason.FAILING
    assert reason_to_disable(Verdict.GIVE_UP, lately, NOW) is None
    assert reason_to_disable(Verdict.TRY_AGAIN, long_ago, NOW) is None


def test_no_call_outlives_its_lease() -> None:
    assert 2 * Patience().total < LEASE.total_seconds()
