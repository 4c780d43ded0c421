"""Test accuracy over rounds, and the loss of a training, as lines that are drawn by the server."""

import math
from collections.abc import Sequence

from app.web.pages.frame import Chart, Dot, Rule
from app.web.pages.rounds import Curve
from app.web.words import Words, count

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 28, 30
INSET = 28  # keeps the first value clear of the axis
STEPS = (0.01, 0.02, 0.05, 0.1, 0.25)
MOST_RULES = 5


def accuracy_chart(points: Sequence[tuple[int, float]], words: Words) -> Chart | None:
    """The chart of (round, accuracy in 0..1), in rounds' order; None below two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    levels = _levels(min(y for _, y in points), max(y for _, y in points))
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


def _levels(low: float, high: float) -> list[float]:
    """Round values that enclose low and high: the axis does not begin at 0, its labels say so."""
    for step in STEPS:
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last:
            first, last = (first - 1, last) if last > 0 else (first, last + 1)
        if last - first < MOST_RULES:
            break
    return [index * step for index in range(first, last + 1)]


def loss_curve(points: Sequence[tuple[int, float]], words: Words) -> Curve | None:
    """The curve of (steps done, mean loss since the point before); None below two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    losses = [loss for _, loss in points]
    highest, steps = max(losses), points[-1][0]
    levels = _from_zero(highest)

    def down(loss: float) -> float:
        return round(TOP + (1 - loss / levels[-1]) * (HEIGHT - TOP - BOTTOM), 1)

    across = (WIDTH - LEFT - RIGHT) / steps
    line = " ".join(f"{round(LEFT + step * across, 1)},{down(loss)}" for step, loss in points)
    first, last = words.decimal(losses[0], 3), words.decimal(losses[-1], 3)
    return Curve(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        line=line,
        rules=tuple(Rule(down(level), words.decimal(level, 3)) for level in levels),
        steps=count(steps),
        summary=words.t(
            "Loss of the training over {steps} steps: {first} at first, {last} in the end",
            steps=count(steps),
            first=first,
            last=last,
        ),
    )


def _from_zero(highest: float) -> list[float]:
    """Round values from 0 to one that is at least the highest."""
    if highest <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** math.floor(math.log10(highest / (MOST_RULES - 1)))
    step = next(
        unit * factor for factor in (1, 2, 5, 10) if unit * factor * (MOST_RULES - 1) >= highest
    )
    return [index * step for index in range(math.ceil(highest / step) + 1)]
