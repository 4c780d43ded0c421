"""How pictures that come without a split are divided into train and test."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.domain.dataset import Split
from app.domain.errors import InvalidError

MOST_PERCENT: Final = 50
MOST_PICTURES: Final = 100_000


@dataclass(frozen=True)
class SplitRule:
    """A project's rule for each of its categories.

    Attributes:
        test_percent: So many of a hundred pictures are test, 0 to 50. Rounded down.
        most_tests: But never more than this; 0 is no test split at all.
        least_train: And only while at least so many remain to train on.
    """

    test_percent: int = 20
    most_tests: int = 20
    least_train: int = 5

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidError: for one out of its range.
        """
        most = {
            "test_percent": MOST_PERCENT,
            "most_tests": MOST_PICTURES,
            "least_train": MOST_PICTURES,
        }
        for field, limit in most.items():
            if not 0 <= getattr(self, field) <= limit:
                raise InvalidError(
                    field, "Give a whole number from {least} to {most}.", least=0, most=limit
                )

    def tests_of(self, pictures: int) -> int:
        """How many of a category's pictures are test."""
        share = pictures * self.test_percent // 100
        return max(0, min(share, self.most_tests, pictures - self.least_train))


def splits_of(
    pictures: Iterable[str], rule: SplitRule, *, train: int = 0, test: int = 0
) -> dict[str, Split]:
    """The split of each new picture of one category.

    They are taken in the order of their SHA-256, which says nothing of what they show: the first are
    test, until the category has as many as the rule wants; the rest is train. So it does not matter
    in which order they came, and everybody who has the same pictures divides them in the same way.

    What a category holds already never moves. To add pictures later, leave out those that are
    examples of the category, and say in `train` and `test` how many it was *given* so far (not what
    vetting has found: `Example.round_id` is None). Give all new pictures of one import together.

    Args:
        pictures: SHA-256 of each in hexadecimal; one that comes twice counts once.
        rule: The project's.
        train: Pictures in the train split that the category was given before.
        test: The same for the test split.
    """
    ordered = sorted(set(pictures))
    missing = max(0, rule.tests_of(train + test + len(ordered)) - test)
    return {
        picture: Split.TEST if place < missing else Split.TRAIN
        for place, picture in enumerate(ordered)
    }
