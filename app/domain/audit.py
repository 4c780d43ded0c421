"""What a sample of earlier answers that were asked again says about all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


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
    """

    size: int
    asked: int
    wrong: int

    def __post_init__(self) -> None:
        if not 0 <= self.wrong <= self.asked <= self.size:
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


def _unasked(of: Stratum) -> float:
    """The finite population correction: nothing is uncertain about what was asked in full."""
    return (of.size - of.asked) / (of.size - 1) if of.size > 1 else 0.0
