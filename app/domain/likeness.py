"""What becomes of images that show the same photograph."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Rank(IntEnum):
    """Who speaks for a photograph, best first: whom people have looked at already."""

    EXAMPLE = 0
    ASKED = 1
    CANDIDATE = 2


@dataclass(frozen=True)
class Alike:
    """Another image that shows the same photograph as the one in hand.

    Attributes:
        image_id: The other image.
        rank: What it is.
        hash_distance: Bits in which the perceptual hashes differ.
        similarity: The cosine of the embeddings.
        test: Whether it is an example of the test split.
        representative_id: The image that speaks for it, if another does.
        leaks: The test picture because of which it is quarantined, if it is.
    """

    image_id: int
    rank: Rank
    hash_distance: int
    similarity: float
    test: bool = False
    representative_id: int | None = None
    leaks: int | None = None


def leaked(alike: Iterable[Alike]) -> Alike | None:
    """The one because of which a candidate must be quarantined, if any: the most similar.

    Whoever shows the same as a quarantined candidate shows what the test split shows.
    """
    tested = [each for each in alike if each.test or each.leaks is not None]
    return max(tested, key=lambda each: (each.similarity, -each.image_id), default=None)


def speaker(alike: Iterable[Alike]) -> Alike | None:
    """The one that leads to the representative of a new image: the first of the best rank.

    Among equals it is the one that came first, so that the order in which images are found does not
    matter. None where nobody may speak for it: near a test picture nobody speaks for anybody.
    """
    free = [each for each in alike if not each.test and each.leaks is None]
    return min(free, key=lambda each: (each.rank, each.image_id), default=None)
