"""Agreement, consensus and audit: against published examples, other libraries and known answers."""

from collections import Counter
from itertools import product
from random import Random
from typing import cast

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import cohen_kappa_score

from app.domain.agreement import cohen_kappa, fleiss_kappa, histogram, krippendorff_alpha
from app.domain.audit import Rate, Stratum, stratified_rate, wilson
from app.domain.consensus import dawid_skene, majority, uninformed
from app.domain.quality import Vote, judge
from bench.quality import measure

# Dawid and Skene (1979), table 1: five anaesthetists on 45 patients; the first saw each thrice.
PATIENTS = (  # noqa: SIM905 - a table, to be compared with the printed one
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 "
    "2223343 1111111 2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 "
    "2223222 2212222 1111111 1111111 2322222 1111111 1111111 1121121 1111111 3333233 1111111 "
    "2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 "
    "2222222"
).split()
SEEN_BY = (1, 1, 1, 2, 3, 4, 5)


def test_dawid_and_skene_s_own_example() -> None:
    questions = [list(zip(SEEN_BY, patient, strict=True)) for patient in PATIENTS]
    found = dawid_skene(questions)
    # Table 2 of the paper gives these rounded shares.
    assert {truth: round(share, 2) for truth, share in found.shares.items()} == {
        "1": 0.40,
        "2": 0.42,
        "3": 0.11,
        "4": 0.07,
    }
    # And these for the first anaesthetist, by the patient's class.
    published = {"1": (0.89, 0.11, 0, 0), "2": (0.07, 0.88, 0.05, 0), "3": (0, 0.34, 0.66, 0)}
    for truth, shares in published.items():
        assert [round(found.says[1][truth][label], 2) for label in "1234"] == list(shares)
    assert all(sum(truths.values()) == pytest.approx(1) for truths in found.truths)


def test_known_answers_tell_three_labelers_apart() -> None:
    found = measure(runs=10, proposals=600, gold=0.05, seed=100)
    assert found["dawid_skene_better_runs"] == 10
    assert found["spammer_found_runs"] == 10


def test_the_audit_s_interval_contains_the_true_miss_rate() -> None:
    found = measure(runs=50, proposals=200, gold=0.1, seed=0)
    assert cast("int", found["audit_interval_holds_runs"]) >= 45


def test_known_truths_are_kept() -> None:
    votes = [[("a", "yes"), ("b", "no")], [("a", "no"), ("b", "yes")]]
    found = dawid_skene(votes * 10, known={0: "no", 1: "yes"}, smoothing=0.1)
    assert found.truths[0] == {"yes": 0, "no": 1}
    assert found.likeliest(2) == "no"
    assert uninformed(found, {"a": 20, "b": 20}) == ["a"]
    assert uninformed(found, {"a": 19, "b": 20}) == []


def test_one_who_always_says_the_same_is_not_informed() -> None:
    votes = [[("a", label), ("b", label), ("c", "yes")] for label in ["yes", "no"] * 50]
    assert dawid_skene(votes, smoothing=0.1).informed("c") == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("questions", [[], [[("a", "yes")]], [[], [("a", "yes"), ("b", "no")]]])
def test_the_model_refuses_what_says_nothing(questions: list[list[tuple[str, str]]]) -> None:
    with pytest.raises(ValueError, match="at least one answer"):
        dawid_skene(questions)


@pytest.mark.parametrize(
    ("answers", "then"),
    [([], None), (["yes"], "yes"), (["yes", "no"], None), (["yes", "no", "no"], "no")],
)
def test_majority(answers: list[str], then: str | None) -> None:
    assert majority(answers) == then


def test_fleiss_own_example() -> None:
    # Fleiss (1971) as most textbooks give it: ten subjects, fourteen raters, five categories.
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    questions = histogram(
        [place for place, count in enumerate(row) for _ in range(count)] for row in table
    )
    assert fleiss_kappa(questions) == pytest.approx(0.210, abs=0.0005)


def test_fleiss_needs_as_many_answers_to_each() -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(histogram([["yes", "no"], ["yes", "no", "no"]]))


def test_krippendorff_s_own_example() -> None:
    # "Computing Krippendorff's alpha-reliability" (2011), example C: four observers, twelve units,
    # of which the last has one answer; nominal alpha is 0.743.
    units = [
        "111",
        "2232",
        "3333",
        "3333",
        "2222",
        "1234",
        "4444",
        "1121",
        "2222",
        "555",
        "11",
        "3",
    ]
    assert krippendorff_alpha(histogram(units)) == pytest.approx(0.743, abs=0.0005)


LABELS = some.sampled_from(["yes", "no", "unsure"])


@given(
    some.lists(some.lists(some.none() | LABELS, min_size=4, max_size=4), min_size=2, max_size=30)
)
def test_alpha_is_that_of_the_library(answers: list[list[str | None]]) -> None:
    codes = {"yes": 0.0, "no": 1.0, "unsure": 2.0, None: np.nan}
    ours = krippendorff_alpha(
        histogram([label for label in of if label is not None] for of in answers)
    )
    paired = [of for of in answers if sum(label is not None for label in of) > 1]
    different = {label for of in paired for label in of if label is not None}
    if len(different) < 2:
        assert ours is None
        return
    data = np.array([[codes[label] for label in of] for of in answers]).T
    theirs = krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
    assert ours == pytest.approx(theirs)


@given(some.lists(some.tuples(LABELS, LABELS), min_size=1, max_size=60))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    ours = cohen_kappa(Counter(pairs))
    if len({label for pair in pairs for label in pair}) < 2:
        assert ours is None
        return
    theirs = cohen_kappa_score([one for one, _ in pairs], [other for _, other in pairs])
    assert ours == pytest.approx(theirs)


def test_nothing_agrees_with_nothing() -> None:
    assert cohen_kappa({}) is None
    assert fleiss_kappa({}) is None
    assert krippendorff_alpha({}) is None
    assert fleiss_kappa(histogram([["yes"], ["no"]])) is None


@pytest.mark.parametrize(
    ("wrong", "asked", "low", "high"),
    [
        # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(wrong: int, asked: int, low: float, high: float) -> None:
    found = wilson(wrong, asked)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00005)


def test_one_large_stratum_is_a_simple_sample() -> None:
    found = stratified_rate([Stratum(10**9, 100, 7)])
    simple = wilson(7, 100)
    assert found is not None
    assert (found.share, found.low, found.high) == pytest.approx(
        (simple.share, simple.low, simple.high)
    )


def test_strata_count_by_their_size() -> None:
    found = stratified_rate([Stratum(9000, 100, 10), Stratum(1000, 100, 50), Stratum(500, 0, 0)])
    assert found is not None
    assert found.share == pytest.approx(0.9 * 0.1 + 0.1 * 0.5)
    assert found.low < found.share < found.high


def test_what_was_asked_in_full_is_certain() -> None:
    assert stratified_rate([Stratum(8, 8, 2)]) == Rate(0.25, 0.25, 0.25)
    assert stratified_rate([Stratum(8, 0, 0)]) is None


@pytest.mark.parametrize(("size", "asked", "wrong"), [(5, 6, 0), (5, 3, 4), (5, 3, -1)])
def test_a_stratum_holds_its_sample(size: int, asked: int, wrong: int) -> None:
    with pytest.raises(ValueError, match="0 <= wrong"):
        Stratum(size, asked, wrong)


@pytest.mark.parametrize("rates", list(product([0.02, 0.1, 0.4], repeat=2)))
def test_the_interval_holds_the_true_rate(rates: tuple[float, float]) -> None:
    chance = Random(5)  # noqa: S311 - to be repeatable
    sizes = (4000, 400)
    inside = 0
    for _ in range(300):
        parts = [
            [chance.random() < rate for _ in range(size)]
            for size, rate in zip(sizes, rates, strict=True)
        ]
        found = stratified_rate(
            Stratum(len(part), 120, sum(chance.sample(part, 120))) for part in parts
        )
        assert found is not None
        inside += found.low <= sum(map(sum, parts)) / sum(sizes) <= found.high
    assert inside / 300 > 0.92


def test_the_model_s_accuracy_is_the_share_that_is_right() -> None:
    chance = Random(5)  # noqa: S311
    skill = {1: 0.95, 2: 0.9, 3: 0.7}
    votes = []
    for question in range(3000):
        truth = chance.random() < 0.7
        for who, right in skill.items():
            said = truth if chance.random() < right else not truth
            known = ("yes" if truth else "no") if question % 20 == 0 else None
            votes.append(Vote(question, who, "yes" if said else "no", known))
    found = judge(votes)
    assert found.questions == 3000
    for who, right in skill.items():
        assert found.voters[who].accuracy == pytest.approx(right, abs=0.03)
        assert found.voters[who].compared == 6000
    assert not any(of.suspect for of in found.voters.values())
    assert [(pair.first, pair.second) for pair in found.pairs] == [(1, 2), (1, 3), (2, 3)]


def test_nobody_is_judged_by_answers_that_do_not_differ() -> None:
    found = judge([Vote(1, 1, "yes", None), Vote(1, 2, "yes", None), Vote(2, 3, "yes", None)])
    assert (found.questions, found.alpha, found.fleiss) == (1, None, None)
    assert found.voters[1].accuracy is None
    assert found.voters[3].compared == 0
    assert judge([]).pairs == ()
