"""Answers, and what they do to the dataset."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.errors import InvalidError


class Answer(StrEnum):
    """A labeler's answer to "is this a <category>?". `undo` takes an earlier one back."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    UNDO = "undo"


# Stands where a proposal's answer would: the pick that made the proposal was taken back.
WITHDRAWN: Final = "withdrawn"


class Reason(StrEnum):
    """Why a no."""

    OTHER_CATEGORY = "other-category"
    UNKNOWN_SPECIES = "unknown-species"
    NOT_IN_DOMAIN = "not-in-domain"
    BAD_PICTURE = "bad-picture"


class Stage(StrEnum):
    """Whom an open proposal waits for: anybody, another labeler than the unsure one, a lead."""

    FIRST = "first"
    SECOND = "second"
    LEAD = "lead"


class Picked(StrEnum):
    """Who answers the proposal that a picked category makes: who picked it, or another labeler."""

    SAME = "same"
    ANOTHER = "another"


@dataclass(frozen=True)
class Verdict:
    """What a labeler says to one proposal: the answer, and why a no."""

    answer: Answer
    reason: Reason | None = None
    category_id: int | None = None


def check_verdict(verdict: Verdict, category_id: int) -> Verdict:
    """The verdict on a proposal of this category.

    Raises:
        InvalidError: for an undo, for a reason without a no, for a picked category without its
            reason, or for one that is the very category of the question.
    """
    if verdict.answer is Answer.UNDO:
        raise InvalidError(
            "answer", "Answer yes, no or unsure. To undo, post to the decision's undo."
        )
    if verdict.reason is not None and verdict.answer is not Answer.NO:
        raise InvalidError("reason", "A reason belongs to a no. Leave it out of other answers.")
    if verdict.category_id is None:
        return verdict
    if verdict.reason is not Reason.OTHER_CATEGORY:
        raise InvalidError("category_id", "A picked category needs the reason 'other-category'.")
    if verdict.category_id == category_id:
        raise InvalidError(
            "category_id", "The picked category is the one in question: then the answer is yes."
        )
    return verdict


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
