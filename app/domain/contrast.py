"""What stands beside a candidate whose category a labeler picked."""

from dataclasses import dataclass
from typing import Final

MOST_LIKELY: Final = 5


@dataclass(frozen=True)
class Beside:
    """What stands beside one candidate, by ids, the nearest first."""

    exemplars: tuple[int, ...] = ()
    confusable_id: int | None = None
    confusable_exemplars: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()
    likely: tuple[int, ...] = ()


def beside_picked(of: Beside, asked_id: int, picked_id: int) -> Beside:
    """The same candidate beside the picked category, from what stood beside it before.

    The category that was asked first is now what it may be confused with. Examples of the picked one
    are known if that was the most confusable; else the category's exemplars of the round are shown.

    Args:
        of: What stood beside the candidate.
        asked_id: The category it was asked for.
        picked_id: The category that the labeler picked.
    """
    known = picked_id == of.confusable_id
    likely = [category_id for category_id in (asked_id, *of.likely) if category_id != picked_id]
    return Beside(
        exemplars=of.confusable_exemplars if known else (),
        confusable_id=asked_id,
        confusable_exemplars=of.exemplars[: max(len(of.confusable_exemplars), 3)],
        likely=tuple(likely[:MOST_LIKELY]),
    )
