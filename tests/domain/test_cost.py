"""What an accepted image costs, checked against simulated rounds."""

from random import Random

import pytest

from app.domain.accuracy import mean_accuracy
from app.domain.cost import _T, CONFIDENCE, NEWEST, Effort, forecast

RUNS = 1000


def test_the_cost_counts_every_answer_at_the_mean_time() -> None:
    effort = Effort(decisions=10, timed=8, seconds=24.0, median=2.5)
    assert effort.mean == 3
    assert effort.per_hour == 1200
    assert effort.decisions_per(5) == 2
    assert effort.seconds_per(5) == 6


def test_nothing_is_invented() -> None:
    nothing = Effort(decisions=0, timed=0, seconds=0, median=None)
    untimed = Effort(decisions=5, timed=0, seconds=0, median=None)
    instant = Effort(decisions=5, timed=5, seconds=0, median=0)
    assert (nothing.mean, nothing.per_hour, nothing.decisions_per(0)) == (None, None, None)
    assert (untimed.decisions_per(5), untimed.seconds_per(5)) == (1, None)
    assert instant.per_hour is None
    assert forecast([]) is None
    assert forecast([3.0]) is None


def test_equal_rounds_forecast_themselves() -> None:
    found = forecast([9.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    assert found is not None
    assert (found.expected, found.low, found.high, found.rounds) == (
        pytest.approx(2), pytest.approx(2), pytest.approx(2), NEWEST,
    )  # fmt: skip


def test_a_forecast_does_not_depend_on_the_unit() -> None:
    one, other = forecast([1.0, 2.0, 4.0]), forecast([60.0, 120.0, 240.0])
    assert one is not None
    assert other is not None
    assert other.expected == pytest.approx(60 * one.expected)
    assert other.high / other.low == pytest.approx(one.high / one.low)


def test_students_quantiles() -> None:
    stats = pytest.importorskip("scipy.stats")
    wanted = [stats.t.ppf((1 + CONFIDENCE) / 2, df) for df in range(1, NEWEST)]
    assert pytest.approx(wanted, abs=1e-4) == _T


def simulated_cost(chance: Random, asked: int) -> float:
    """Seconds per yes of a round: its precision is drawn, then its answers, then their pace."""
    precision = chance.betavariate(14, 6)
    yes = chance.binomialvariate(asked, precision) if hasattr(chance, "binomialvariate") else sum(
        chance.random() < precision for _ in range(asked)
    )  # fmt: skip
    return asked * chance.lognormvariate(1.0, 0.25) / max(yes, 1)


@pytest.mark.parametrize("rounds", [2, 3, 5, 8])
def test_the_interval_holds_the_next_round_as_often_as_it_says(rounds: int) -> None:
    chance = Random(rounds)  # noqa: S311
    inside = 0
    for _ in range(RUNS):
        *past, then = (simulated_cost(chance, 120) for _ in range(rounds + 1))
        found = forecast(past)
        assert found is not None
        inside += found.low <= then <= found.high
    assert inside / RUNS == pytest.approx(CONFIDENCE, abs=0.04)


def test_the_mean_over_categories_weighs_each_alike() -> None:
    found = mean_accuracy([(10, 10), (0, 2), (0, 0)])
    assert found is not None
    assert found.share == 0.5
    assert 0 < found.low < 0.5 < found.high < 1
    assert mean_accuracy([(0, 0)]) is None


def test_one_picture_makes_nobody_certain() -> None:
    found = mean_accuracy([(1, 1)])
    assert found is not None
    assert (found.share, found.high) == (1, 1)
    assert found.low < 0.2


@pytest.mark.parametrize("tested", [2, 5, 20])
def test_the_interval_of_the_mean_holds_the_truth(tested: int) -> None:
    chance = Random(tested)  # noqa: S311
    inside = 0
    for _ in range(RUNS // 3):
        truth = [chance.betavariate(6, 2) for _ in range(40)]
        found = mean_accuracy(
            [(sum(chance.random() < share for _ in range(tested)), tested) for share in truth]
        )
        assert found is not None
        inside += found.low <= sum(truth) / len(truth) <= found.high
    assert 0.92 <= inside / (RUNS // 3) <= 1
