"""The precision of a category over rounds with its intervals, drawn by the server.

Places are percentages of the chart, as in `tail_chart`.
"""

from collections.abc import Sequence

from app.domain.audit import Rate
from app.web.pages.categories import Bar, Level, PrecisionChart
from app.web.tail_chart import LEFT, SQUARE, down
from app.web.words import Words

MOST_NAMED = 10
RIGHT = 97.0


def precision_chart(points: Sequence[tuple[int, Rate]], words: Words) -> PrecisionChart | None:
    """The chart of (round, precision), the oldest first; None below two rounds."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    last = len(points) - 1
    every = -(-len(points) // MOST_NAMED)  # so many rounds share a name below the chart
    inset = 3.0
    across = (RIGHT - LEFT - inset) / last
    told = [
        words.t("round {number} {value}", number=str(number), value=words.percent(rate.share))
        for number, rate in points
    ]
    return PrecisionChart(
        levels=tuple(
            Level(down(level), f"{level * 100:.0f}\u00a0%") for level in (0, 0.25, 0.5, 0.75, 1)
        ),
        bars=tuple(
            Bar(
                x=f"{LEFT + inset + place * across:.4g}%",
                y=down(rate.share),
                low=down(rate.low),
                high=down(rate.high),
                round=str(number) if (last - place) % every == 0 else "",
            )
            for place, (number, rate) in enumerate(points)
        ),
        line=" ".join(
            f"{(inset + place * across) / (100 - LEFT) * SQUARE:.4g},{(1 - rate.share) * SQUARE:.4g}"
            for place, (_, rate) in enumerate(points)
        ),
        summary=words.t("Precision by round: {values}", values=", ".join(told)),
    )
