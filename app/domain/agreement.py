"""How far labelers agree beyond chance, from the answers to questions that several answered."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Label = TypeVar("Label", bound=Hashable)
# How often each combination of answers was given to one question: ((yes, 2), (no, 1)) -> 40.
# There are few combinations however many questions there are.
Histogram = Mapping[tuple[tuple[Label, int], ...], int]


def histogram(questions: Iterable[Iterable[Label]]) -> Counter[tuple[tuple[Label, int], ...]]:
    """The answers to each question, counted; who gave them does not matter."""
    return Counter(
        tuple(sorted(Counter(answers).items(), key=lambda item: repr(item[0])))
        for answers in questions
    )


def cohen_kappa(pairs: Mapping[tuple[Label, Label], int]) -> float | None:
    """Cohen's kappa of two labelers (1960).

    Args:
        pairs: How often the first answered a while the second answered b, by (a, b).

    Returns:
        1 for full agreement, 0 for what chance gives; None without a question that both answered,
        or when both gave one and the same answer only: chance alone explains that.
    """
    total = sum(pairs.values())
    if not total:
        return None
    first: Counter[Label] = Counter()
    second: Counter[Label] = Counter()
    for (one, other), number in pairs.items():
        first[one] += number
        second[other] += number
    observed = sum(number for (one, other), number in pairs.items() if one == other) / total
    return _beyond_chance(observed, sum(first[each] * second[each] for each in first) / total**2)


def fleiss_kappa(questions: Histogram[Label]) -> float | None:
    """Fleiss' kappa (1971), for questions that were all answered equally often.

    Returns:
        As `cohen_kappa`; None also when there is no question with two answers.

    Raises:
        ValueError: when the questions have different numbers of answers; alpha takes those.
    """
    sizes = {_answers(counts) for counts, number in questions.items() if number}
    if len(sizes) > 1:
        raise ValueError(f"each question needs the same number of answers, found {sorted(sizes)}")
    size = next(iter(sizes), 0)
    if size < 2:  # noqa: PLR2004 - it takes two to agree
        return None
    total = sum(questions.values())
    shares: Counter[Label] = Counter()
    agreeing = 0
    for counts, number in questions.items():
        for label, count in counts:
            shares[label] += number * count
            agreeing += number * count * (count - 1)
    observed = agreeing / (total * size * (size - 1))
    return _beyond_chance(observed, sum((each / (total * size)) ** 2 for each in shares.values()))


def krippendorff_alpha(questions: Histogram[Label]) -> float | None:
    """Krippendorff's alpha for nominal answers: any number of labelers and answers a question.

    Questions with a single answer have nothing to agree with and are left out.

    Returns:
        As `fleiss_kappa`.
    """
    values: Counter[Label] = Counter()
    agreeing = 0.0
    for counts, number in questions.items():
        size = _answers(counts)
        if size < 2:  # noqa: PLR2004 - it takes two to agree
            continue
        for label, count in counts:
            values[label] += number * count
            agreeing += number * count * (count - 1) / (size - 1)
    total = sum(values.values())
    if not total:
        return None
    by_chance = sum(each * (each - 1) for each in values.values()) / (total * (total - 1))
    return _beyond_chance(agreeing / total, by_chance)


def _answers(counts: Iterable[tuple[Label, int]]) -> int:
    return sum(count for _, count in counts)


def _beyond_chance(observed: float, by_chance: float) -> float | None:
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)
