"""One answer out of several: by majority, and by what each labeler's answers turn out to be worth."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Generic, TypeVar

Label = TypeVar("Label", bound=Hashable)
Who = TypeVar("Who", bound=Hashable)


def majority(answers: Iterable[Label]) -> Label | None:
    """The answer that was given most often; None for a tie or for no answer."""
    ranked = Counter(answers).most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


@dataclass(frozen=True)
class Estimate(Generic[Who, Label]):
    """What Dawid and Skene's model makes of answers.

    Attributes:
        shares: The share of questions whose truth is each answer.
        says: How often each labeler gives an answer, by labeler, truth and answer.
        truths: The probability of each truth, by question.
    """

    shares: Mapping[Label, float]
    says: Mapping[Who, Mapping[Label, Mapping[Label, float]]]
    truths: Sequence[Mapping[Label, float]]

    def likeliest(self, question: int) -> Label:
        """The likeliest truth of a question."""
        of = self.truths[question]
        return max(of, key=of.__getitem__)

    def accuracy(self, who: Who) -> float:
        """The share of a labeler's answers that are right, among questions such as these."""
        of = self.says[who]
        return sum(share * of[truth][truth] for truth, share in self.shares.items())

    def informed(self, who: Who) -> float:
        """How far a labeler's answers depend on the truth: 1 always right, 0 chance.

        It is Youden's J for two answers: the share of right answers to each truth, less what
        somebody who does not look would get.
        """
        of = self.says[who]
        right = sum(of[truth][truth] for truth in of) / len(of)
        return (right - 1 / len(of)) / (1 - 1 / len(of))


Votes = Sequence[tuple[Who, Label]]


def dawid_skene(
    questions: Sequence[Votes[Who, Label]],
    *,
    known: Mapping[int, Label] | None = None,
    smoothing: float = 0.0,
    tolerance: float = 1e-5,
    most_steps: int = 500,
) -> Estimate[Who, Label]:
    """Truths and error rates at once, by expectation maximisation (Dawid and Skene, 1979).

    The equations are the paper's: (3.1) starts, (2.3) and (2.4) maximise, (2.5) expects. Questions
    with the same answers by the same labelers are computed once.

    Args:
        questions: Who answered what, by question; a labeler may answer one several times.
        known: Truths that are known, by question: two or three labelers tell little about each
            other, and what each says where the truth is known settles much.
        smoothing: Answers that each labeler is imagined to have given besides, for each truth and
            answer: keeps a few answers from meaning certainty. The paper has 0.
        tolerance: Ends when no share of `shares` and `says` moves by more.
        most_steps: Ends at the latest after so many.

    Raises:
        ValueError: for a question without an answer, or when all answers are the same.
    """
    labels = sorted({label for votes in questions for _, label in votes}, key=repr)
    if len(labels) < 2 or not all(questions):  # noqa: PLR2004 - one answer tells nobody apart
        raise ValueError("give at least one answer to each question, and two different ones in all")
    truth_of = known or {}
    keys = [
        (tuple(sorted(votes, key=repr)), truth_of.get(place))
        for place, votes in enumerate(questions)
    ]
    patterns = Counter(keys)
    truths = {key: _counted(key, labels) for key in patterns}
    shares: dict[Label, float] = {}
    says: dict[Who, dict[Label, dict[Label, float]]] = {}
    for _ in range(most_steps):
        before = shares, says
        shares = _shares(patterns, truths, labels)
        says = _says(patterns, truths, labels, smoothing)
        truths = {key: _expect(key, shares, says) for key in patterns}
        if before[0] and _moved(before, (shares, says)) < tolerance:
            break
    return Estimate(shares, says, [truths[key] for key in keys])


# The answers to a question in a fixed order, and its truth where that is known.
Key = tuple[tuple[tuple[Who, Label], ...], Label | None]
Rates = tuple[Mapping[Label, float], Mapping[Who, Mapping[Label, Mapping[Label, float]]]]


def _moved(before: Rates[Label, Who], after: Rates[Label, Who]) -> float:
    (shares, says), (new_shares, new_says) = before, after
    return max(
        *(abs(new_shares[label] - share) for label, share in shares.items()),
        *(
            abs(new_says[who][truth][label] - share)
            for who, of in says.items()
            for truth, given in of.items()
            for label, share in given.items()
        ),
    )


def _counted(key: Key[Who, Label], labels: Sequence[Label]) -> dict[Label, float]:
    votes, known = key
    if known is not None:
        return {label: float(label == known) for label in labels}
    given = Counter(label for _, label in votes)
    return {label: given[label] / len(votes) for label in labels}


def _shares(
    patterns: Mapping[Key[Who, Label], int],
    truths: Mapping[Key[Who, Label], Mapping[Label, float]],
    labels: Sequence[Label],
) -> dict[Label, float]:
    total = sum(patterns.values())
    return {
        label: sum(number * truths[key][label] for key, number in patterns.items()) / total
        for label in labels
    }


def _says(
    patterns: Mapping[Key[Who, Label], int],
    truths: Mapping[Key[Who, Label], Mapping[Label, float]],
    labels: Sequence[Label],
    smoothing: float,
) -> dict[Who, dict[Label, dict[Label, float]]]:
    weights: dict[Who, dict[Label, dict[Label, float]]] = defaultdict(
        lambda: {truth: dict.fromkeys(labels, smoothing) for truth in labels}
    )
    for key, number in patterns.items():
        for who, label in key[0]:
            for truth, probability in truths[key].items():
                weights[who][truth][label] += number * probability
    for of in weights.values():
        for given in of.values():
            total = sum(given.values())
            for label in labels:
                given[label] = given[label] / total if total else 1 / len(labels)
    return dict(weights)


def _expect(
    key: Key[Who, Label],
    shares: Mapping[Label, float],
    says: Mapping[Who, Mapping[Label, Mapping[Label, float]]],
) -> dict[Label, float]:
    votes, known = key
    if known is not None:
        return {label: float(label == known) for label in shares}
    joint = {
        truth: share * prod(says[who][truth][label] for who, label in votes)
        for truth, share in shares.items()
    }
    total = sum(joint.values())
    return {truth: each / total for truth, each in joint.items()} if total else dict(shares)


FEWEST_ANSWERS = 20
UNINFORMED_BELOW = 0.25


def uninformed(estimate: Estimate[Who, Label], answers: Mapping[Who, int]) -> list[Who]:
    """Labelers whose answers hardly depend on the truth: they guess, or always say the same.

    Args:
        estimate: Of the model.
        answers: How many answers each labeler gave; who gave fewer than 20 is not judged.
    """
    return [
        who
        for who, number in answers.items()
        if number >= FEWEST_ANSWERS and estimate.informed(who) < UNINFORMED_BELOW
    ]
