"""Test accuracy over rounds as a line that is drawn by the server."""

import math
from collections.abc import Sequence

from app.web.pages.frame import Chart, Dot, Rule
from app.web.words import Words

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 28, 30
INSET = 28  # keeps the first value clear of the axis
STEPS = (0.01, 0.02, 0.05, 0.1, 0.25)
MOST_RULES = 5


def accuracy_chart(points: Sequence[tuple[int, float]], words: Words) -> Chart | None:
    """The chart of (round, accuracy in 0..1), in rounds' order; None below two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    levels = levels_around(min(y for _, y in points), max(y for _, y in points))
    low, high = levels[0], levels[-1]

    def down(share: float) -> float:
        return round(TOP + (high - share) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    across = (WIDTH - LEFT - INSET - RIGHT) / (len(points) - 1)
    dots = tuple(
        Dot(round(LEFT + INSET + place * across, 1), down(share), words.percent(share), f"{number}")
        for place, (number, share) in enumerate(points)
    )
    values = [words.t("round {number} {value}", number=dot.round, value=dot.value) for dot in dots]
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots),
        dots=dots,
        rules=tuple(Rule(down(level), f"{level * 100:.0f}\u00a0%") for level in levels),
        summary=words.t("Accuracy on the test split: {values}", values=", ".join(values)),
    )


def levels_around(low: float, high: float) -> list[float]:
    """Round values that enclose low and high: the axis does not begin at 0, its labels say so."""
    for step in STEPS:
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last:
            first, last = (first - 1, last) if last > 0 else (first, last + 1)
        if last - first < MOST_RULES:
            break
    return [index * step for index in range(first, last + 1)]
