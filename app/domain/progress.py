"""How far a round is: what each proposal adds to each user's counts.

The counts are kept by user (table `tally`), so that nobody counts proposals while a labeler waits, and
no row is written by all. A change of a proposal is the difference of its shares after and before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.decision import WITHDRAWN, Stage


class Count(StrEnum):
    """What is counted for a user in a round."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    GOLD = "gold"  # answers to questions with a known answer, whatever they say
    PASSED = "passed"  # answers of theirs that are not in force: unsure that went on, votes
    PICKED = "picked"  # proposals that their picks added
    TO_LEAD = "to_lead"  # open proposals that their unsure sent to the lead
    BARRED = "barred"  # open proposals that they are not to be asked again
    BARRED_AT_LEAD = "barred_at_lead"  # the same, of those that wait for the lead


@dataclass(frozen=True)
class Standing:
    """How a proposal stands.

    Attributes:
        answer: In force; None while it is open.
        answered_by: Whose answer that is.
        gold: Whether the answer was known before.
        stage: Whom it waits for.
        picked_by: Who picked its category, if it was not the model.
        barred: Who is not to be asked: the picker, then those whose answer did not settle it.
    """

    answer: str | None
    answered_by: int | None
    gold: bool
    stage: str
    picked_by: int | None
    barred: tuple[int, ...]


Shares = Counter[tuple[int, Count]]


def shares(of: Standing) -> Shares:
    """What one proposal adds to the counts, by (user id, count)."""
    found: Shares = Counter()
    if of.answer == WITHDRAWN:
        return found
    if of.picked_by is not None:
        found[of.picked_by, Count.PICKED] += 1
    for user_id in of.barred:
        if user_id != of.picked_by:
            found[user_id, Count.PASSED] += 1
    if of.answer is not None:
        assert of.answered_by is not None  # noqa: S101 - an answer is somebody's
        found[of.answered_by, Count.GOLD if of.gold else Count(of.answer)] += 1
        return found
    at_lead = of.stage == Stage.LEAD
    for user_id in of.barred:
        found[user_id, Count.BARRED_AT_LEAD if at_lead else Count.BARRED] += 1
    if at_lead and of.barred:
        found[of.barred[-1], Count.TO_LEAD] += 1
    return found


@dataclass(frozen=True)
class Progress:
    """How far a round is, for one of its labelers.

    Questions with a known answer count here like all others: a labeler must not find them by
    watching the numbers. The lead's numbers of a round leave them out.
    """

    decided: int
    total: int
    mine: int
    others: int


def progress(
    asked: int, counts: Iterable[tuple[int, Mapping[Count, int]]], user_id: int, *, leads: bool
) -> Progress:
    """The progress of a round.

    Args:
        asked: Questions that the round began with.
        counts: (user id, counts) of all its users.
        user_id: Who looks.
        leads: Whether they lead the project.
    """
    every: Counter[Count] = Counter()
    own: Counter[Count] = Counter()
    for whose, of_user in counts:
        every.update(of_user)
        if whose == user_id:
            own.update(of_user)
    waiting_for_leads = own[Count.BARRED_AT_LEAD] if leads else every[Count.TO_LEAD]
    return Progress(
        decided=sum(every[each] for each in (Count.YES, Count.NO, Count.UNSURE, Count.GOLD)),
        total=asked + every[Count.PICKED],
        mine=sum(
            own[each] for each in (Count.YES, Count.NO, Count.UNSURE, Count.GOLD, Count.PASSED)
        ),
        others=own[Count.BARRED] + waiting_for_leads,
    )
