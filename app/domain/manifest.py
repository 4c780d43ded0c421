"""What a round was computed from and what came of it: hashes, and whether a replay came to the same."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Question:
    """A proposal as everybody can compare it. `gold` is its known answer, if there is one."""

    sha256: str
    category: str
    confidence: float
    gold: str | None = None

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What is asked, whatever the confidence."""
        return self.sha256, self.category, self.gold


@dataclass(frozen=True)
class Comparison:
    """Two lists of questions side by side.

    Attributes:
        missing: How many of the first are not in the second.
        extra: How many of the second are not in the first.
        moved: How many of those in both stand at another place among these.
        apart: The largest difference of confidence of those in both.
    """

    missing: int
    extra: int
    moved: int
    apart: float

    @property
    def identical(self) -> bool:
        """The same questions in the same order, with confidences that only rounding tells apart."""
        return not (self.missing or self.extra or self.moved) and self.apart <= TOLERANCE


def compare(recorded: Sequence[Question], replayed: Sequence[Question]) -> Comparison:
    """Compare what was asked with what a replay would ask, both in labeling order."""
    one = {each.key: each for each in recorded}
    other = {each.key: each for each in replayed}
    first = [key for key in one if key in other]
    second = [key for key in other if key in one]
    return Comparison(
        missing=len(one) - len(first),
        extra=len(other) - len(second),
        moved=sum(a != b for a, b in zip(first, second, strict=True)),
        apart=max((abs(one[key].confidence - other[key].confidence) for key in first), default=0.0),
    )


def list_hash(content_hashes: Iterable[str]) -> str:
    """SHA-256 over sorted content hashes: equal pools have equal hashes, in whatever order they came."""
    return hashlib.sha256("\n".join(sorted(content_hashes)).encode()).hexdigest()
