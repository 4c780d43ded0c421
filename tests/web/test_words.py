from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.job import JobKind
from app.domain.round import RoundState
from app.web import words
from app.web.chart import BOTTOM, HEIGHT, TOP, WIDTH, accuracy_chart
from app.web.words import words_in

ENGLISH = words_in("en")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, words.NONE),
        (0.0, "0.0\u00a0s"),
        (9.96, "10.0\u00a0s"),
        (48.2, "48\u00a0s"),
        (59.7, "1\u00a0min\u00a00\u00a0s"),
        (125, "2\u00a0min\u00a05\u00a0s"),
        (3840, "1\u00a0h\u00a04\u00a0min"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    assert ENGLISH.seconds(value) == text


def test_numbers() -> None:
    assert words.count(None) == words.NONE
    assert words.count(1234567) == "1\u202f234\u202f567"
    assert ENGLISH.percent(0.98765) == "98.8\u00a0%"
    assert ENGLISH.moment(datetime(2026, 3, 5, 7, 8, tzinfo=UTC)) == "5 Mar 2026, 07:08 UTC"


def test_every_state_and_job_has_a_word() -> None:
    assert set(words.STATES) == set(RoundState)
    assert set(words.JOBS) == set(JobKind)


def test_one_point_is_no_chart() -> None:
    assert accuracy_chart([], ENGLISH) is None
    assert accuracy_chart([(1, 0.5)], ENGLISH) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_the_chart_stays_inside_and_keeps_order(shares: list[float]) -> None:
    chart = accuracy_chart(list(enumerate(shares, start=1)), ENGLISH)
    assert chart is not None
    assert all(TOP <= dot.y <= HEIGHT - BOTTOM for dot in chart.dots)
    assert all(0 <= dot.x <= WIDTH for dot in chart.dots)
    assert 2 <= len(chart.rules) <= 6
    for (share, dot), (other, next_dot) in zip(
        zip(shares, chart.dots, strict=True),
        list(zip(shares, chart.dots, strict=True))[1:],
        strict=False,
    ):
        if share < other:
            assert dot.y >= next_dot.y
