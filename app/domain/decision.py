"""Answers, and what they do to the dataset."""

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """A labeler's answer to "is this a <category>?". `undo` takes an earlier one back."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    UNDO = "undo"


class Outcome(StrEnum):
    """What a proposal came to when its round closed."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    UNDECIDED = "undecided"


_OUTCOMES = {Answer.YES: Outcome.TRUE_POSITIVE, Answer.NO: Outcome.FALSE_POSITIVE}


def outcome(answer: Answer | None) -> Outcome:
    """T_i gets every yes, F_i every no; unsure and unanswered stay candidates (DESIGN 2.3)."""
    return Outcome.UNDECIDED if answer is None else _OUTCOMES.get(answer, Outcome.UNDECIDED)


@dataclass(frozen=True)
class Tally:
    """The answers of a round or of a category, counted."""

    yes: int = 0
    no: int = 0
    unsure: int = 0

    @property
    def decided(self) -> int:
        """How many proposals have an answer."""
        return self.yes + self.no + self.unsure

    @property
    def precision(self) -> float | None:
        """Yes over yes and no; None before the first such answer: no number is invented."""
        judged = self.yes + self.no
        return self.yes / judged if judged else None
