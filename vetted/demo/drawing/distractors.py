"""What a crawler brings in by mistake: things that are none of the species."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vetted.demo.drawing.backdrop import backdrop, clouds
from vetted.demo.drawing.colours import Colour, blend, ink, jitter, parse, shift
from vetted.demo.drawing.plant import leaf
from vetted.demo.drawing.scene import develop, picture_size
from vetted.demo.drawing.species import Leaf

_SALT = 0xD157
"""Keeps the numbers of the distractors apart from those of the species."""


def draw_distractor(index: int, *, seed: int = 0) -> Image.Image:
    """Draw distractor ``index``, RGB, 224 to 320 pixels a side; the kinds take turns.

    The same index and seed give the same pixels in every process.
    """
    rng = np.random.default_rng([seed, _SALT, index])
    canvas = backdrop(rng, picture_size(rng))
    _KINDS[index % len(_KINDS)](rng, canvas)
    return develop(rng, canvas)


def _vivid(rng: np.random.Generator) -> Colour:
    return shift((0.9, 0.2, 0.2), hue=float(rng.uniform(0, 1)), saturation=float(rng.uniform(0.6, 1.1)),
                 value=float(rng.uniform(0.75, 1.05)))  # fmt: skip


def _spot(
    rng: np.random.Generator, canvas: Image.Image, low: float, high: float
) -> tuple[float, float, float]:
    """A place near the middle and a size."""
    side = min(canvas.size)
    x = canvas.width * (0.5 + float(rng.normal(0, 0.09)))
    y = canvas.height * (0.5 + float(rng.normal(0, 0.08)))
    return x, y, side * float(rng.uniform(low, high))


def _ball(canvas: Image.Image, box: tuple[float, float, float, float], colour: Colour) -> None:
    """An ellipsoid lit from the upper left; ``box`` is its centre and its two radii."""
    x, y, rx, ry = box
    width, height = max(2, round(2 * rx)), max(2, round(2 * ry))
    u = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / width * 2 - 1
    v = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / height * 2 - 1
    square = u * u + v * v
    z = np.sqrt(np.clip(1 - square, 0, 1))
    lit = np.clip(-0.45 * u - 0.55 * v + 0.7 * z, 0, 1)
    shine = np.clip(lit - 0.86, 0, 1) * 3.5
    pixels = np.asarray(colour, np.float32) * (0.38 + 0.72 * lit)[..., None] + shine[..., None]
    alpha = np.clip((1 - np.sqrt(square)) * min(rx, ry), 0, 1)[..., None]
    _put(canvas, np.concatenate([pixels, alpha], axis=-1), x - rx, y - ry)


def _put(canvas: Image.Image, pixels: np.ndarray, left: float, top: float) -> None:
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    layer = Image.new("RGBA", canvas.size)
    layer.paste(image, (round(left), round(top)))
    canvas.alpha_composite(layer)


def _shadow(canvas: Image.Image, x: float, y: float, rx: float, ry: float) -> None:
    """A soft dark ellipse on the ground."""
    layer = Image.new("RGBA", (canvas.width // 4, canvas.height // 4))
    box = ((x - rx) / 4, (y - ry) / 4, (x + rx) / 4, (y + ry) / 4)
    ImageDraw.Draw(layer).ellipse(box, fill=(10, 8, 6, 150))
    layer = layer.filter(ImageFilter.GaussianBlur(4))
    canvas.alpha_composite(layer.resize(canvas.size, Image.Resampling.BICUBIC))


def _mushroom(rng: np.random.Generator, canvas: Image.Image) -> None:
    cap = parse(("#c63324", "#9a6a3c", "#d9c7a2", "#7b4a2e")[int(rng.integers(4))])
    for _ in range(int(rng.integers(1, 4))):
        x, y, size = _spot(rng, canvas, 0.16, 0.3)
        x += float(rng.normal(0, 0.14)) * canvas.width
        wide, tall = size * float(rng.uniform(0.22, 0.34)), size * float(rng.uniform(0.7, 1.2))
        _shadow(canvas, x + size * 0.2, y + tall, size * 0.9, size * 0.2)
        _ball(canvas, (x, y + tall * 0.5, wide, tall * 0.55), (0.9, 0.86, 0.76))
        under = ImageDraw.Draw(canvas)
        under.ellipse((x - size * 0.96, y - size * 0.18, x + size * 0.96, y + size * 0.26),
                      fill=ink(blend(cap, (0.85, 0.78, 0.62), 0.7)))  # fmt: skip
        layer = canvas.copy()
        _ball(layer, (x, y, size, size * 0.78), jitter(rng, cap))
        canvas.paste(layer.crop((0, 0, canvas.width, round(y + 2))), (0, 0))
        for _ in range(int(rng.integers(0, 14))):
            a, r = float(rng.uniform(math.pi, 2 * math.pi)), float(rng.uniform(0.1, 0.85))
            px, py, dot = x + math.cos(a) * r * size, y + math.sin(a) * r * size * 0.7, size * 0.06
            ImageDraw.Draw(canvas).ellipse((px - dot, py - dot * 0.8, px + dot, py + dot * 0.8),
                                           fill=(240, 232, 214, 235))  # fmt: skip


def _butterfly(rng: np.random.Generator, canvas: Image.Image) -> None:
    x, y, size = _spot(rng, canvas, 0.24, 0.4)
    colour, turn = _vivid(rng), float(rng.uniform(-0.6, 0.6))
    layer = Image.new("RGBA", canvas.size)
    pen = ImageDraw.Draw(layer)
    fold = float(rng.uniform(0.55, 1.0))
    dark = shift(colour, value=0.22)
    for side in (-1, 1):
        for reach, drop, scale in ((0.62, -0.34, 0.6), (0.46, 0.36, 0.46)):
            for share, tone in ((1.0, dark), (0.84, colour), (0.45, shift(colour, value=1.25))):
                cx, cy = x + side * reach * size * fold, y + drop * size
                rx, ry = size * scale * share * fold, size * scale * share * 0.8
                pen.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=ink(tone))
            dot = size * 0.09
            cx, cy = x + side * (reach + 0.28) * size * fold, y + drop * size * 1.1
            pen.ellipse((cx - dot, cy - dot, cx + dot, cy + dot), fill=ink((0.97, 0.95, 0.85)))
    pen.ellipse(
        (x - size * 0.07, y - size * 0.5, x + size * 0.07, y + size * 0.6), fill=(30, 24, 22, 255)
    )
    for side in (-1, 1):
        pen.line(
            (x, y - size * 0.45, x + side * size * 0.25, y - size * 0.95),
            fill=(30, 24, 22, 255),
            width=4,
        )
    canvas.alpha_composite(
        layer.rotate(math.degrees(turn), Image.Resampling.BICUBIC, center=(x, y))
    )


def _foliage(rng: np.random.Generator, canvas: Image.Image) -> None:
    shape = tuple(Leaf)[int(rng.integers(len(Leaf)))]
    autumn = rng.random() < 0.4  # noqa: PLR2004
    tone = parse("#b5622a") if autumn else parse("#5c8f40")
    for _ in range(int(rng.integers(5, 15))):
        x, y = float(rng.uniform(0, canvas.width)), float(rng.uniform(0, canvas.height))
        angle, length = (
            float(rng.uniform(0, 2 * math.pi)),
            float(rng.uniform(0.25, 0.5)) * canvas.width,
        )
        along = (math.cos(angle) * length, math.sin(angle) * length)
        leaf(canvas, rng, shape, jitter(rng, tone, 2.5), (x, y), along)


def _balloons(rng: np.random.Generator, canvas: Image.Image) -> None:
    for _ in range(int(rng.integers(2, 7))):
        x, y, size = _spot(rng, canvas, 0.11, 0.22)
        x += float(rng.normal(0, 0.2)) * canvas.width
        y += float(rng.normal(-0.05, 0.16)) * canvas.height
        pen = ImageDraw.Draw(canvas)
        sway = float(rng.normal(0, 30))
        pen.line(
            [(x, y + size), (x + sway, y + size * 2), (x, canvas.height + 9)],
            fill=(230, 230, 230, 255),
            width=2,
        )
        _ball(canvas, (x, y, size * 0.86, size), _vivid(rng))


def _plate(rng: np.random.Generator, canvas: Image.Image) -> None:
    x, y, size = _spot(rng, canvas, 0.3, 0.45)
    squash = float(rng.uniform(0.45, 1.0))
    _shadow(canvas, x + 8, y + size * squash * 0.3, size * 1.05, size * squash)
    pen = ImageDraw.Draw(canvas)
    accent = _vivid(rng)
    white = (0.95, 0.94, 0.91)
    rings = ((1.0, blend(white, (0.5, 0.5, 0.5), 0.3)), (0.97, white), (0.9, accent), (0.85, white),
             (0.64, blend(white, (0.6, 0.6, 0.62), 0.25)), (0.62, (0.98, 0.97, 0.95)))  # fmt: skip
    for share, colour in rings:
        rx, ry = size * share, size * share * squash
        pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=ink(colour))
    for _ in range(int(rng.integers(0, 8))):
        px, py = x + float(rng.normal(0, 0.2)) * size, y + float(rng.normal(0, 0.2)) * size * squash
        r = size * float(rng.uniform(0.08, 0.16))
        _ball(canvas, (px, py, r, r * 0.9), _vivid(rng))


def _stripes(rng: np.random.Generator, canvas: Image.Image) -> None:
    """A parasol of coloured gores, seen from above."""
    x, y, size = _spot(rng, canvas, 0.33, 0.48)
    count = 2 * int(rng.integers(4, 9))
    first, second = _vivid(rng), (0.95, 0.93, 0.88) if rng.random() < 0.6 else _vivid(rng)  # noqa: PLR2004
    squash, turn = float(rng.uniform(0.5, 1.0)), float(rng.uniform(0, 2 * math.pi))
    pen = ImageDraw.Draw(canvas)
    _shadow(canvas, x, y + size * 0.35, size, size * squash)
    for i in range(count):
        a, b = turn + i * 2 * math.pi / count, turn + (i + 1) * 2 * math.pi / count
        light = 0.82 + 0.22 * math.sin(a + 0.6)
        colour = shift(first if i % 2 else second, value=light)
        corners = [(x + math.cos(t) * size, y + math.sin(t) * size * squash) for t in (a, b)]
        pen.polygon([(x, y - size * 0.18), *corners], fill=ink(colour))
    pen.ellipse(
        (x - 9, y - size * 0.18 - 9, x + 9, y - size * 0.18 + 9), fill=ink(shift(first, value=0.6))
    )


def _berries(rng: np.random.Generator, canvas: Image.Image) -> None:
    x, y, size = _spot(rng, canvas, 0.06, 0.12)
    colour = parse(("#c0202c", "#3b3f8e", "#e08a1e", "#6b1f55", "#7fae2e")[int(rng.integers(5))])
    for _ in range(int(rng.integers(2, 5))):
        heading, length = float(rng.uniform(0, 2 * math.pi)), size * float(rng.uniform(3, 5))
        along = (math.cos(heading) * length, math.sin(heading) * length)
        leaf(canvas, rng, Leaf.OVAL, jitter(rng, parse("#4f8238"), 2), (x, y), along)
    for _ in range(int(rng.integers(5, 19))):
        px, py = x + float(rng.normal(0, 1.6)) * size, y + float(rng.normal(0, 1.4)) * size
        ImageDraw.Draw(canvas).line((x, y - size * 2, px, py), fill=(74, 92, 40, 255), width=4)
        _ball(canvas, (px, py, size, size * float(rng.uniform(0.92, 1.08))), jitter(rng, colour))


def _beetle(rng: np.random.Generator, canvas: Image.Image) -> None:
    x, y, size = _spot(rng, canvas, 0.18, 0.28)
    along = (canvas.width * 0.9, float(rng.normal(0, 60)))
    leaf(canvas, rng, Leaf.OVAL, jitter(rng, parse("#5a9140"), 2), (canvas.width * 0.05, y), along)
    pen = ImageDraw.Draw(canvas)
    for k in range(3):
        reach = (k - 1) * 0.5 * size
        pen.line(
            (x + reach, y - size * 1.05, x + reach, y + size * 1.05),
            fill=(25, 22, 20, 255),
            width=6,
        )
    _ball(canvas, (x + size * 0.95, y, size * 0.4, size * 0.45), (0.12, 0.11, 0.11))
    _ball(canvas, (x, y, size, size * 0.82), _vivid(rng))
    pen.line((x - size, y, x + size * 0.9, y), fill=(20, 16, 16, 255), width=4)
    for px, py in ((-0.45, 0.38), (0.1, 0.45), (0.5, 0.25), (-0.1, 0.2)):
        for side in (-1, 1):
            dot, cx, cy = size * 0.11, x + px * size, y + side * py * size
            pen.ellipse((cx - dot, cy - dot, cx + dot, cy + dot), fill=(20, 16, 16, 255))


def _cup(rng: np.random.Generator, canvas: Image.Image) -> None:
    x, y, size = _spot(rng, canvas, 0.2, 0.3)
    colour = _vivid(rng)
    _shadow(canvas, x, y + size * 0.95, size * 1.2, size * 0.25)
    pen = ImageDraw.Draw(canvas)
    pen.arc(
        (x + size * 0.55, y - size * 0.55, x + size * 1.45, y + size * 0.45),
        -100,
        110,
        ink(shift(colour, value=0.75)),
        22,
    )
    columns = np.linspace(-1, 1, max(2, round(2 * size)), dtype=np.float32)
    light = (0.5 + 0.55 * np.clip(1 - np.abs(columns + 0.35), 0, 1))[None, :, None]
    body = np.broadcast_to(
        np.asarray(colour, np.float32) * light, (round(1.7 * size), columns.size, 3)
    )
    alpha = np.ones((*body.shape[:2], 1), np.float32)
    _put(canvas, np.concatenate([body, alpha], axis=-1), x - size, y - size * 0.8)
    pen.ellipse(
        (x - size, y + size * 0.62, x + size, y + size * 1.12), fill=ink(shift(colour, value=0.7))
    )
    pen.ellipse(
        (x - size, y - size * 1.1, x + size, y - size * 0.5),
        fill=ink(blend(colour, (1, 1, 1), 0.45)),
    )
    pen.ellipse(
        (x - size * 0.9, y - size * 1.03, x + size * 0.9, y - size * 0.56), fill=(66, 38, 22, 255)
    )


def _cloth(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Folded striped cloth that fills the picture."""
    width, height = canvas.size
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    angle, count = float(rng.uniform(0, math.pi)), float(rng.uniform(4, 14))
    across = x * math.cos(angle) + y * math.sin(angle) + 0.03 * np.sin(7 * y + 5 * x)
    share = (np.sin(across * count * 2 * math.pi) > float(rng.uniform(-0.6, 0.6)))[..., None]
    folds = 0.78 + 0.25 * np.sin(9 * x + 4 * y + 2 * np.sin(3 * y))[..., None]
    first, second = np.asarray(_vivid(rng), np.float32), np.asarray(_vivid(rng), np.float32)
    pixels = np.clip(np.where(share, first, second) * folds, 0, 1)
    canvas.paste(Image.fromarray((pixels * 255).astype(np.uint8)))


def _landscape(rng: np.random.Generator, canvas: Image.Image) -> None:
    """Hills in the haze."""
    canvas.paste(clouds(rng, canvas.size, (0.5, 0.68, 0.88), (0.93, 0.94, 0.96), cells=3))
    pen = ImageDraw.Draw(canvas)
    tone = shift(parse("#4d7a45"), hue=float(rng.normal(0, 0.05)))
    phases = rng.uniform(0, 6, (4, 2))
    for i, (p, q) in enumerate(phases):
        colour = blend(tone, (0.72, 0.8, 0.88), 0.7 - 0.22 * i)
        level = canvas.height * (0.42 + 0.14 * i)
        ridge = [
            (x, level + 26 * math.sin(x / 70 + p) + 12 * math.sin(x / 23 + q))
            for x in range(-8, canvas.width + 9, 8)
        ]
        pen.polygon(
            [*ridge, (canvas.width + 9, canvas.height), (-9, canvas.height)], fill=ink(colour)
        )


_KINDS: tuple[Callable[[np.random.Generator, Image.Image], None], ...] = (
    _mushroom, _butterfly, _foliage, _balloons, _plate, _stripes, _berries, _beetle, _cup, _cloth, _landscape,
)  # fmt: skip
