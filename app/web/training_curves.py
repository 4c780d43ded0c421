"""What a training measured on its way, as lines that are drawn by the server."""

import math
from collections.abc import Callable, Mapping, Sequence

from app.web.chart import BOTTOM, HEIGHT, LEFT, MOST_RULES, RIGHT, TOP, WIDTH, levels_around
from app.web.pages.frame import Rule
from app.web.pages.rounds import Curve
from app.web.words import Words, count, marked

Points = Sequence[tuple[int, float]]


def training_curves(kept: Mapping[str, Points], words: Words) -> tuple[Curve, ...]:
    """The curves of a training, each of (steps done, value); those below two points are left out."""
    drawn = (
        loss_curve(kept.get("loss", ()), words),
        accuracy_curve(kept.get("accuracy", ()), words),
    )
    return tuple(curve for curve in drawn if curve is not None)


def loss_curve(points: Points, words: Words) -> Curve | None:
    """The curve of the mean loss since the point before; None below two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    levels = _from_zero(max(loss for _, loss in points))
    return _curve(
        words.t("Loss, the mean of a hundredth of the steps at each point"),
        points,
        levels,
        lambda loss: words.decimal(loss, 3),
        marked("Loss of the training over {steps} steps: {first} at first, {last} in the end"),
        words,
    )


def accuracy_curve(points: Points, words: Words) -> Curve | None:
    """The curve of the accuracy on the test split, in 0..1; None below two points."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    shares = [share for _, share in points]
    return _curve(
        words.t("Accuracy on the test split on the way; it is only shown, nothing is chosen by it"),
        points,
        levels_around(min(shares), max(shares)),
        words.percent,
        marked("Accuracy over {steps} steps: {first} at first, {last} in the end"),
        words,
    )


def _curve(
    title: str,
    points: Points,
    levels: Sequence[float],
    say: Callable[[float], str],
    summary: str,
    words: Words,
) -> Curve:
    """The curve on an axis with these levels; `summary` has places for {steps}, {first}, {last}."""
    low, high = levels[0], levels[-1]
    steps = points[-1][0]

    def down(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    across = (WIDTH - LEFT - RIGHT) / steps
    return Curve(
        title=title,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        line=" ".join(f"{round(LEFT + step * across, 1)},{down(y)}" for step, y in points),
        rules=tuple(Rule(down(level), say(level)) for level in levels),
        steps=count(steps),
        summary=words.t(
            summary, steps=count(steps), first=say(points[0][1]), last=say(points[-1][1])
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
