"""When a day ends, and what is too much of it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.quota import UNLIMITED, Amount, Quota, until_tomorrow


@pytest.mark.parametrize(
    ("used", "exceeded"),
    [
        (Amount(3, 30), None),
        (Amount(4, 30), ("pictures", 3)),
        (Amount(3, 31), ("bytes", 30)),
    ],
)
def test_a_quota_may_be_used_up_and_no_more(used: Amount, exceeded: tuple[str, int] | None) -> None:
    assert Quota(3, 30).exceeded(used) == exceeded
    assert UNLIMITED.is_none
    assert UNLIMITED.exceeded(used) is None


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 86_400),
        (datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC), 1),
        (datetime(2026, 2, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), 1800),
    ],
)
def test_a_day_ends_at_midnight_in_utc(now: datetime, seconds: int) -> None:
    assert until_tomorrow(now) == seconds
