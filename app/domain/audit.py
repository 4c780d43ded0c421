"""What a sample of earlier answers that were asked again says about all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random
from statistics import NormalDist

from app.domain.proposing import Score


@dataclass(frozen=True)
class Rate:
    """A share with its interval: the true one lies inside in `confidence` of all samples."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Stratum:
    """A part of the earlier answers, of which some were asked again.

    Attributes:
        size: All of them.
        asked: Those asked again, drawn by chance.
        wrong: Those of the asked whose earlier answer was wrong.
        pending: Those of the asked of which it is not decided yet whether it was.
    """

    size: int
    asked: int
    wrong: int
    pending: int = 0

    def __post_init__(self) -> None:
        if min(self.wrong, self.pending) < 0 or not (
            self.wrong + self.pending <= self.asked <= self.size
        ):
            raise ValueError(f"a stratum needs 0 <= wrong <= asked <= size, not {self}")


def wilson(wrong: float, asked: float, confidence: float = 0.95) -> Rate:
    """A share of a simple sample with Wilson's score interval (1927).

    Unlike the textbook's plus and minus it neither leaves 0..1 nor claims certainty at 0 of n.

    Raises:
        ValueError: unless 0 <= wrong <= asked and asked > 0.
    """
    if not 0 <= wrong <= asked or asked <= 0:
        raise ValueError(f"give 0 <= wrong <= asked and asked > 0, not {wrong} of {asked}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = wrong / asked
    centre = (share + z**2 / (2 * asked)) / (1 + z**2 / asked)
    half = z / (1 + z**2 / asked) * sqrt(share * (1 - share) / asked + z**2 / (4 * asked**2))
    return Rate(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def stratified_rate(strata: Iterable[Stratum], confidence: float = 0.95) -> Rate | None:
    """The share of wrong answers among all, from a sample that was drawn stratum by stratum.

    Each stratum counts by its size, whatever share of it was asked. The interval is Wilson's at the
    effective sample size (Korn and Graubard, 1998; Franco et al., 2019): the size of a simple
    sample that would vary as much as this one, also when whole strata were asked.

    Returns:
        None when nothing was asked. Strata of which nothing was asked are left out: the rate is
        that of the others.
    """
    used = [each for each in strata if each.asked]
    total = sum(each.size for each in used)
    if not total:
        return None
    share = sum(each.size / total * each.wrong / each.asked for each in used)
    # The rate of all stands for that of each stratum: one with 0 of 3 wrong would otherwise count
    # as if it were known not to vary.
    variation = sum((each.size / total) ** 2 / each.asked * _unasked(each) for each in used)
    if not variation:
        return Rate(share, share, share)
    return wilson(share / variation, 1 / variation, confidence)


def audit_rate(strata: Iterable[Stratum]) -> Rate | None:
    """The rate while some contradictions are not decided yet.

    They count as wrong in the rate, and the interval reaches from where none of them is to where
    all are.
    """
    least = list(strata)
    most = [Stratum(each.size, each.asked, each.wrong + each.pending) for each in least]
    low, high = stratified_rate(least), stratified_rate(most)
    if low is None or high is None:
        return None
    return Rate(high.share, low.low, high.high)


@dataclass(frozen=True)
class Earlier:
    """An answer of a round that ended, which may be asked about again."""

    decision_id: int
    image_id: int
    category_id: int
    answer: str


def mix_in_audits(
    questions: Sequence[Score],
    *,
    share: float,
    earlier: Sequence[Earlier],
    category_order: Mapping[int, int],
    chance: Random,
) -> list[Score]:
    """The questions of a round with earlier answers among them that are asked about again.

    About half of these were accepted and half refused, each drawn by chance from all of its kind:
    so they speak for all. A question takes the confidence of a real one of its category, or of any
    where the category has none, and its place: nothing tells it apart.

    Args:
        questions: In labeling order, known ones among them.
        share: Earlier answers for each real question, 0..1.
        earlier: What may be asked about again.
        category_order: The place of each category.
        chance: Decides which.
    """
    real = [each for each in questions if each.gold is None]
    if not real:
        return list(questions)
    confidences: dict[int, list[float]] = {}
    for each in real:
        confidences.setdefault(each.category_id, []).append(each.confidence)
    every = [each.confidence for each in real]
    kinds = [[each for each in earlier if each.answer == kind] for kind in ("yes", "no")]
    wanted = round(share * len(real))
    fewer = min(kinds, key=len)
    taken = [chance.sample(fewer, min(len(fewer), wanted // 2))]
    other = kinds[1] if fewer is kinds[0] else kinds[0]
    taken.append(chance.sample(other, min(len(other), wanted - len(taken[0]))))
    again = [
        Score(
            each.image_id,
            each.category_id,
            chance.choice(confidences.get(each.category_id, every)),
            each.answer,
            each.decision_id,
        )
        for kind in taken
        for each in kind
    ]
    # Stable: what is equally sure keeps its order, a known question after the one it follows.
    return sorted(
        [*questions, *again],
        key=lambda score: (category_order[score.category_id], -score.confidence),
    )


def _unasked(of: Stratum) -> float:
    """The finite population correction: nothing is uncertain about what was asked in full."""
    return (of.size - of.asked) / (of.size - 1) if of.size > 1 else 0.0
