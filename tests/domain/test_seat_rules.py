"""The rules behind the labeler's seat: stages, counts, grids, gold, what stands beside a pick."""

from random import Random

import pytest

from app.domain.contrast import Beside, beside_picked
from app.domain.decision import Stage
from app.domain.gold import mix_in_gold
from app.domain.grid import Mostly, expected_precision, mostly
from app.domain.progress import Count, Standing, progress, shares
from app.domain.proposing import Score
from app.domain.unsure import stage_after_unsure


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("another", [True, False])
def test_an_unsure_lead_is_the_end(stage: Stage, another: bool) -> None:  # noqa: FBT001
    assert stage_after_unsure(stage, leads=True, another=another) is None


@pytest.mark.parametrize(
    ("stage", "another", "then"),
    [
        (Stage.FIRST, True, Stage.SECOND),
        (Stage.FIRST, False, Stage.LEAD),
        (Stage.SECOND, True, Stage.LEAD),
        (Stage.SECOND, False, Stage.LEAD),
        (Stage.LEAD, True, Stage.LEAD),
    ],
)
def test_unsure_goes_to_another_labeler_once(
    stage: Stage,
    another: bool,  # noqa: FBT001
    then: Stage,
) -> None:
    assert stage_after_unsure(stage, leads=False, another=another) is then


def open_at(stage: Stage, *barred: int, picked_by: int | None = None) -> Standing:
    return Standing(None, None, gold=False, stage=stage, picked_by=picked_by, barred=barred)


def seen(of: list[Standing], user: int, *, leads: bool = False) -> tuple[int, int, int, int]:
    counts: dict[int, dict[Count, int]] = {}
    for each in of:
        for (user_id, count), number in shares(each).items():
            of_user = counts.setdefault(user_id, {})
            of_user[count] = of_user.get(count, 0) + number
    found = progress(len(of), counts.items(), user, leads=leads)
    return found.decided, found.total, found.mine, found.others


def test_others_are_what_one_may_not_answer() -> None:
    proposals = [
        open_at(Stage.FIRST),
        open_at(Stage.SECOND, 1),
        open_at(Stage.LEAD, 1, 2),
        open_at(Stage.LEAD, 2),
    ]
    assert seen(proposals, 1) == (0, 4, 2, 3)
    assert seen(proposals, 2) == (0, 4, 2, 2)
    assert seen(proposals, 3) == (0, 4, 0, 2)
    assert seen(proposals, 9, leads=True) == (0, 4, 0, 0)


def test_a_withdrawn_pick_counts_for_nothing() -> None:
    gone = Standing("withdrawn", None, gold=False, stage="first", picked_by=1, barred=(1,))
    assert not shares(gone)
    assert shares(open_at(Stage.FIRST, 1, picked_by=1)) == {
        (1, Count.PICKED): 1,
        (1, Count.BARRED): 1,
    }


def test_expected_precision_begins_with_the_confidence_and_ends_with_the_answers() -> None:
    assert expected_precision(0, 0, 0.7) == pytest.approx(0.7)
    assert expected_precision(10, 0, 0.5) == pytest.approx(0.75)
    assert expected_precision(0, 10_000, 0.9) < 0.01


@pytest.mark.parametrize(
    ("expected", "above", "below", "shown"),
    [
        (0.9, 0.9, 0.1, Mostly.YES),
        (0.1, 0.9, 0.1, Mostly.NO),
        (0.5, 0.9, 0.1, None),
        (1.0, None, 0.1, None),
        (0.0, 0.9, None, None),
    ],
)
def test_a_grid_needs_a_sure_category(
    expected: float, above: float | None, below: float | None, shown: Mostly | None
) -> None:
    assert mostly(expected, above, below) is shown


def test_what_stood_beside_is_turned_round_for_a_pick() -> None:
    stood = Beside((1, 2, 3, 4), 20, (5, 6), (7,), (20, 30, 40, 50, 60))
    assert beside_picked(stood, 10, 20) == Beside((5, 6), 10, (1, 2, 3), (), (10, 30, 40, 50, 60))
    assert beside_picked(stood, 10, 30) == Beside((), 10, (1, 2, 3), (), (10, 20, 40, 50, 60))


def questions(share: float, seeds: dict[int, list[int]], chance: int = 0) -> list[Score]:
    proposals = [Score(index, 1 + index // 50, 0.9 - index / 1000) for index in range(100)]
    generator = Random(chance)  # noqa: S311
    return mix_in_gold(proposals, share=share, seeds=seeds, rivals={1: 2, 2: 1}, chance=generator)


def test_gold_follows_a_question_of_its_category_and_is_shown_once() -> None:
    seeds = {1: list(range(1000, 1020)), 2: list(range(2000, 2020))}
    mixed = questions(0.2, seeds)
    assert mixed == questions(0.2, seeds)
    assert [each for each in mixed if each.gold is None] == questions(0, seeds)
    gold = [(place, each) for place, each in enumerate(mixed) if each.gold]
    assert len(gold) == len({each.image_id for _, each in gold}) == 20
    assert {each.gold for _, each in gold} == {"yes", "no"}
    for place, each in gold:
        before = mixed[place - 1]
        assert (each.category_id, each.confidence) == (before.category_id, before.confidence)
        assert each.gold == ("yes" if each.image_id // 1000 == each.category_id else "no")


def test_few_seeds_make_few_questions() -> None:
    assert sum(each.gold is not None for each in questions(0.2, {1: [1000]})) == 1
    assert all(each.gold is None for each in questions(0.2, {}))
