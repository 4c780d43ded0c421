"""A plant: stems, leaves and the arrangement of its flowers."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vetted.demo.drawing.blades import lay_flat
from vetted.demo.drawing.colours import Colour, ink, jitter, shift
from vetted.demo.drawing.flower import Kit, draw_flower
from vetted.demo.drawing.pose import Pose
from vetted.demo.drawing.species import Growth, Leaf
from vetted.demo.drawing.sprites import leaf_sprite

Point = tuple[float, float]


@dataclass(frozen=True)
class Stand:
    """Where one stem stands: its head (or the middle of its head), its foot and its flowers' size."""

    head: Point
    foot: Point
    radius: float
    tilt: float
    roll: float


_LEAF_WIDTH = {
    Leaf.LANCE: 0.24,
    Leaf.OVAL: 0.5,
    Leaf.HEART: 0.78,
    Leaf.LOBED: 0.82,
    Leaf.FEATHER: 0.5,
    Leaf.GRASS: 0.085,
}
_LOBES = {Leaf.LOBED: 3, Leaf.FEATHER: 7}


def draw_plant(canvas: Image.Image, rng: np.random.Generator, kit: Kit, stand: Stand) -> None:
    """Draw a stem from its foot to its head, its leaves, and its flowers."""
    growth = kit.species.growth
    path = _stem_path(rng, stand)
    _leaves(canvas, rng, kit, path, stand)
    _stem(
        canvas, path, kit.green, max(2.0, stand.radius * (0.05 if growth is Growth.SINGLE else 0.1))
    )
    if growth is Growth.SINGLE:
        _single(canvas, rng, kit, stand)
    elif growth is Growth.CLUSTER:
        _cluster(canvas, rng, kit, stand)
    else:
        _spike(canvas, rng, kit, stand, path)


def leaf(
    canvas: Image.Image,
    rng: np.random.Generator,
    shape: Leaf,
    colour: Colour,
    origin: Point,
    along: Point,
) -> None:
    """Draw one leaf of ``shape`` from ``origin`` along a vector in pixels."""
    length = math.hypot(*along)
    sprite = leaf_sprite(
        rng,
        width=_LEAF_WIDTH[shape] * float(rng.uniform(0.85, 1.15)),
        colour=colour,
        pixels=int(np.clip(length, 16, 190)),
        lobes=_LOBES.get(shape, 0),
    )
    squash = float(rng.uniform(0.6, 1.0))
    lay_flat(canvas, sprite, origin, along, squash=squash, brightness=float(rng.uniform(0.8, 1.12)))


def _single(canvas: Image.Image, rng: np.random.Generator, kit: Kit, stand: Stand) -> None:
    openness = float(rng.uniform(0.82, 1.0))
    if rng.random() < 0.1:  # noqa: PLR2004 - one in ten is a half open bud
        openness = float(rng.uniform(0.3, 0.6))
    pose = Pose(
        *stand.head, stand.radius, stand.tilt, stand.roll, float(rng.uniform(0, 2 * math.pi))
    )
    draw_flower(canvas, rng, kit, pose, openness=openness)


def _cluster(canvas: Image.Image, rng: np.random.Generator, kit: Kit, stand: Stand) -> None:
    """A domed head: florets on a sunflower spiral, each turned outwards, the rim first."""
    count = int(rng.integers(kit.species.florets[0], kit.species.florets[1] + 1))
    spread = stand.radius * math.sqrt(count) * 0.86
    turn = float(rng.uniform(0, 2 * math.pi))
    squash = math.cos(stand.tilt * 0.7)
    for i in reversed(range(count)):
        reach = math.sqrt((i + 0.3) / count)
        angle = turn + i * math.pi * (3 - math.sqrt(5))
        x = (
            stand.head[0]
            + math.cos(angle) * reach * spread
            + float(rng.normal(0, 0.12)) * stand.radius
        )
        y = (
            stand.head[1]
            + math.sin(angle) * reach * spread * squash
            - spread * 0.25 * (1 - reach**2)
        )
        lean = reach * 0.85
        pose = Pose(
            x,
            y,
            stand.radius * float(rng.uniform(0.9, 1.08)),
            float(np.clip(lean + rng.normal(0, 0.12), 0, 1.2)),
            angle + math.pi / 2 + float(rng.normal(0, 0.2)),
            float(rng.uniform(0, 2 * math.pi)),
        )
        bud = rng.random() < 0.1  # noqa: PLR2004
        draw_flower(canvas, rng, kit, pose, openness=0.25 if bud else float(rng.uniform(0.88, 1)))


def _spike(
    canvas: Image.Image, rng: np.random.Generator, kit: Kit, stand: Stand, path: list[Point]
) -> None:
    """Bells along the upper part of the stem: buds at the top, the oldest at the bottom."""
    count = int(rng.integers(kit.species.florets[0], kit.species.florets[1] + 1))
    upper = path[: max(3, int(len(path) * 0.72))]
    for i in range(count):
        age = i / (count - 1)
        x, y = upper[int(age * (len(upper) - 1))]
        side = (1 if i % 2 else -1) * float(rng.uniform(0.35, 0.95))
        radius = stand.radius * (0.5 + 0.55 * min(1.0, age * 1.9)) * float(rng.uniform(0.92, 1.08))
        # A hanging bell shows its outside: its axis points down and to its side of the stem.
        pose = Pose(
            x + side * stand.radius * 0.5,
            y + float(rng.normal(0, 0.1)) * stand.radius,
            radius,
            math.radians(float(rng.uniform(62, 104))),
            math.pi - side * float(rng.uniform(0.55, 1.0)),
            float(rng.uniform(0, 2 * math.pi)),
        )
        openness = min(1.0, 0.25 + age * 1.6) * float(rng.uniform(0.9, 1))
        _stalk(canvas, kit.green, (x, y - stand.radius * 0.2), (pose.x, pose.y))
        draw_flower(canvas, rng, kit, pose, openness=openness)


def _stalk(canvas: Image.Image, green: Colour, first: Point, last: Point) -> None:
    """The short arched stalk of a bell."""
    pen = ImageDraw.Draw(canvas)
    bend = ((first[0] + last[0]) / 2, min(first[1], last[1]) - abs(first[0] - last[0]) * 0.25)
    pen.line([first, bend, last], fill=ink(shift(green, value=0.8)), width=3, joint="curve")


def _stem_path(rng: np.random.Generator, stand: Stand, steps: int = 24) -> list[Point]:
    """A quadratic curve from the head to the foot."""
    (x0, y0), (x2, y2) = stand.head, stand.foot
    x1 = (x0 + x2) / 2 + float(rng.normal(0, 0.5)) * stand.radius
    y1 = (y0 + y2) / 2
    points = []
    for i in range(steps + 1):
        t = i / steps
        points.append(
            (
                (1 - t) ** 2 * x0 + 2 * t * (1 - t) * x1 + t * t * x2,
                (1 - t) ** 2 * y0 + 2 * t * (1 - t) * y1 + t * t * y2,
            )
        )
    return points


def _stem(canvas: Image.Image, path: list[Point], green: Colour, thick: float) -> None:
    pen = ImageDraw.Draw(canvas)
    pen.line(path, fill=ink(shift(green, value=0.62)), width=round(thick + 2), joint="curve")
    pen.line(path, fill=ink(shift(green, value=0.9)), width=round(thick), joint="curve")
    lit = [(x - thick * 0.2, y - thick * 0.1) for x, y in path]
    pen.line(
        lit, fill=ink(shift(green, value=1.2)), width=max(1, round(thick * 0.35)), joint="curve"
    )


def _leaves(
    canvas: Image.Image, rng: np.random.Generator, kit: Kit, path: list[Point], stand: Stand
) -> None:
    shape = kit.species.leaf
    size = {Growth.SINGLE: 1.25, Growth.CLUSTER: 4.2, Growth.SPIKE: 2.6}[kit.species.growth]
    if shape is Leaf.GRASS:
        size *= 1.8
    for i in range(int(rng.integers(2, 6))):
        at = path[int(rng.uniform(0.3, 0.95) * (len(path) - 1))]
        side = 1 if i % 2 else -1
        angle = math.pi / 2 - side * float(rng.uniform(0.5, 1.5)) - (math.pi / 2 + 0.35)
        length = stand.radius * size * float(rng.uniform(0.7, 1.15))
        along = (side * abs(math.cos(angle)) * length, -math.sin(abs(angle)) * length * 0.6)
        leaf(canvas, rng, shape, jitter(rng, kit.green, 1.5), at, along)
