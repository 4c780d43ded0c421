"""What answers to the same questions say about those who gave them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from app.domain.agreement import cohen_kappa, fleiss_kappa, histogram, krippendorff_alpha
from app.domain.consensus import FEWEST_ANSWERS, dawid_skene, uninformed

FEWEST: Final = FEWEST_ANSWERS
"""Answers from which on a number is shown: one from fewer says more about chance."""
MOST_PAIRS: Final = 200
"""Of many labelers, those pairs who met most often."""


@dataclass(frozen=True)
class Vote:
    """A yes or no of one labeler, and the true answer where that is known."""

    question: int
    who: int
    answer: str
    known: str | None


@dataclass(frozen=True)
class Voter:
    """One labeler among the others.

    Attributes:
        agreed: How many answers of others to the same questions theirs equal.
        compared: How many of those there are.
        modelled: How many of their answers Dawid and Skene's model was made from.
        accuracy: How many of their answers are right, by that model; None where it says nothing.
        informed: How far their answers depend on the truth, by that model; 0 is chance.
        suspect: Whether that is so little that their answers should be looked at.
    """

    agreed: int = 0
    compared: int = 0
    modelled: int = 0
    accuracy: float | None = None
    informed: float | None = None
    suspect: bool = False


@dataclass(frozen=True)
class Pair:
    """Two labelers who answered the same questions. `kappa` is Cohen's."""

    first: int
    second: int
    questions: int
    kappa: float | None


@dataclass(frozen=True)
class Judgement:
    """What votes say. Agreement is over `questions` that several people answered.

    `pairs` are those who met most often, 200 at most.
    """

    questions: int
    alpha: float | None
    fleiss: float | None
    pairs: tuple[Pair, ...]
    voters: Mapping[int, Voter]


def judge(votes: Sequence[Vote]) -> Judgement:
    """Judge everybody who voted."""
    by_question: dict[int, list[Vote]] = {}
    for vote in votes:
        by_question.setdefault(vote.question, []).append(vote)
    questions = list(by_question.values())
    several = [of for of in questions if len(of) > 1]
    answers = histogram([vote.answer for vote in of] for of in several)
    return Judgement(
        questions=len(several),
        alpha=krippendorff_alpha(answers),
        fleiss=_fleiss(several),
        pairs=_pairs(several),
        voters=_voters(questions, several),
    )


def _fleiss(several: Sequence[Sequence[Vote]]) -> float | None:
    """Of the questions with the most usual number of answers: kappa is for equal numbers."""
    if not several:
        return None
    size = Counter(map(len, several)).most_common(1)[0][0]
    return fleiss_kappa(
        histogram([vote.answer for vote in of] for of in several if len(of) == size)
    )


def _pairs(several: Sequence[Sequence[Vote]]) -> tuple[Pair, ...]:
    """Those who met most often come first."""
    tables: dict[tuple[int, int], Counter[tuple[str, str]]] = {}
    for of in several:
        for one, other in combinations(sorted(of, key=lambda vote: vote.who), 2):
            table = tables.setdefault((one.who, other.who), Counter())
            table[one.answer, other.answer] += 1
    found = sorted(tables.items(), key=lambda item: (-item[1].total(), item[0]))
    return tuple(
        Pair(one, other, table.total(), cohen_kappa(table))
        for (one, other), table in found[:MOST_PAIRS]
    )


def _voters(
    questions: Sequence[Sequence[Vote]], several: Sequence[Sequence[Vote]]
) -> dict[int, Voter]:
    agreed: Counter[int] = Counter()
    compared: Counter[int] = Counter()
    for of in several:
        for vote in of:
            others = [other for other in of if other is not vote]
            compared[vote.who] += len(others)
            agreed[vote.who] += sum(other.answer == vote.answer for other in others)
    modelled = _modelled(questions)
    return {
        who: replace(modelled.get(who, Voter()), agreed=agreed[who], compared=compared[who])
        for who in {vote.who for of in questions for vote in of}
    }


def _modelled(questions: Sequence[Sequence[Vote]]) -> dict[int, Voter]:
    """What Dawid and Skene's model says of each, before they are compared with others."""
    telling = [of for of in questions if len(of) > 1 or of[0].known is not None]
    votes = [[(vote.who, vote.answer) for vote in of] for of in telling]
    if len({answer for of in votes for _, answer in of}) < 2:  # noqa: PLR2004 - nothing differs
        return {}
    known = {place: of[0].known for place, of in enumerate(telling) if of[0].known is not None}
    # A person or two who gave some answers are imagined to have given a few more of each kind.
    found = dawid_skene(votes, known=known, smoothing=1)
    given = Counter(who for of in votes for who, _ in of)
    suspects = set(uninformed(found, given))
    return {
        who: Voter(
            modelled=number,
            accuracy=found.accuracy(who),
            informed=found.informed(who),
            suspect=who in suspects,
        )
        for who, number in given.items()
    }
