"""The long tail: pictures of each category in falling order, drawn by the server.

Places are percentages of the chart, so that its words keep their size on a phone.
"""

import math
from collections.abc import Sequence

from app.domain.long_tail import LongTail
from app.web.pages.categories import Level, Mark, Tail
from app.web.words import Words, count

SQUARE = 1000
TOP, BOTTOM, LEFT = 8.0, 90.0, 13.0  # the percentages that the square lies between
MOST_POINTS = 400
HEADROOM = 1.15
# Of these a scale shows those that it reaches; a short one shows the steps between, too.
POWERS, STEPS, SHORT = (0, 1, 10, 100, 1000, 10_000, 100_000), (0, 1, 2, 5, 10, 20, 50), 80


def tail_chart(
    seeds: Sequence[int], now: Sequence[int], told: tuple[LongTail, LongTail], words: Words
) -> Tail | None:
    """The chart of the pictures of each category, before growth and now; None below two categories.

    Each line falls: the categories are sorted anew for each, as the thesis does.
    """
    if len(now) < 2:  # noqa: PLR2004 - one category has no tail
        return None
    most = max(*seeds, *now, 1)
    highest = math.log10(1 + most * HEADROOM)
    before, after = told
    return Tail(
        seeds=_line(seeds, highest),
        now=_line(now, highest),
        levels=tuple(
            Level(down(math.log10(1 + level) / highest), count(level)) for level in _levels(most)
        ),
        ranks=(
            Mark(f"{LEFT:g}%", "start", count(1)),
            Mark(f"{(LEFT + 100) / 2:g}%", "middle", count((len(now) + 1) // 2)),
            Mark("100%", "end", count(len(now))),
        ),
        summary=words.t(
            "Pictures to train on in each category, the largest first. Seeds: {most} in the largest, "
            "{middle} in the middle, {least} in the smallest. "
            "Now: {most_now}, {middle_now} and {least_now}.",
            most=count(before.largest),
            middle=count(before.middle),
            least=count(before.smallest),
            most_now=count(after.largest),
            middle_now=count(after.middle),
            least_now=count(after.smallest),
        ),
    )


def _levels(most: int) -> list[int]:
    return [each for each in (STEPS if most < SHORT else POWERS) if each <= most]


def _line(counts: Sequence[int], highest: float) -> str:
    """Points from the largest to the smallest. The scale is log(1 + n): nothing has a place, too."""
    falling = sorted(counts, reverse=True)
    last = len(falling) - 1
    steps = min(last, MOST_POINTS)
    ranks = [round(step * last / steps) for step in range(steps + 1)]
    return " ".join(
        f"{rank / last * SQUARE:.4g},{(1 - math.log10(1 + falling[rank]) / highest) * SQUARE:.4g}"
        for rank in ranks
    )


def down(share: float) -> str:
    """How far down a share of the height is, as SVG says it."""
    return f"{BOTTOM - share * (BOTTOM - TOP):.4g}%"
