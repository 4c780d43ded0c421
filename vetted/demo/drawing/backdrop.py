"""Out-of-focus backgrounds: foliage, soil, sky, a bed of other flowers, a plain dark studio."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vetted.demo.drawing.colours import Colour, blend, ink, jitter, parse, shift

_DOWN = 4
"""Backgrounds are blurred anyway, so they are drawn at a quarter of the canvas' size."""


def backdrop(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Paint a background of ``size``, RGBA and opaque."""
    small = (size[0] // _DOWN + 1, size[1] // _DOWN + 1)
    painters = (_foliage, _foliage, _meadow, _soil, _sky, _bed, _studio)
    image = painters[int(rng.integers(len(painters)))](rng, small)
    return image.resize(size, Image.Resampling.BICUBIC).convert("RGBA")


def clouds(
    rng: np.random.Generator, size: tuple[int, int], first: Colour, second: Colour, cells: int = 4
) -> Image.Image:
    """Two colours mixed by soft noise of two octaves."""
    total = np.zeros((size[1], size[0]), np.float32)
    for octave, weight in ((cells, 0.65), (cells * 3, 0.35)):
        coarse = Image.fromarray(rng.uniform(0, 1, (octave, octave)).astype(np.float32))
        total += weight * np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    share = np.clip((total - 0.5) * 1.6 + 0.5, 0, 1)[..., None]
    mixed = np.asarray(first, np.float32) * (1 - share) + np.asarray(second, np.float32) * share
    return Image.fromarray((np.clip(mixed, 0, 1) * 255).astype(np.uint8))


def _green(rng: np.random.Generator) -> Colour:
    return shift(
        parse("#4c7a34"), hue=float(rng.normal(0, 0.035)), saturation=float(rng.uniform(0.6, 1.1)),
        value=float(rng.uniform(0.5, 1.25)),
    )  # fmt: skip


def _foliage(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    green = _green(rng)
    image = clouds(rng, size, shift(green, value=0.35), shift(green, value=1.05))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(14, 34))):
        _blade(rng, pen, size, shift(jitter(rng, green, 1.6), value=float(rng.uniform(0.5, 1.35))))
    image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.8, 6))))
    return _bokeh(rng, image, green) if rng.random() < 0.4 else image  # noqa: PLR2004


def _blade(
    rng: np.random.Generator, pen: ImageDraw.ImageDraw, size: tuple[int, int], colour: Colour
) -> None:
    """A leaf-shaped polygon anywhere."""
    x, y = float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))
    length, angle = float(rng.uniform(0.15, 0.5)) * size[0], float(rng.uniform(0, 2 * math.pi))
    wide = length * float(rng.uniform(0.08, 0.3))
    ca, sa = math.cos(angle), math.sin(angle)
    outline = []
    for s, w in (
        (0, 0),
        (0.25, 0.8),
        (0.5, 1),
        (0.75, 0.7),
        (1, 0),
        (0.75, -0.7),
        (0.5, -1),
        (0.25, -0.8),
    ):
        outline.append((x + ca * s * length - sa * w * wide, y + sa * s * length + ca * w * wide))
    pen.polygon(outline, fill=ink(colour)[:3])


def _bokeh(rng: np.random.Generator, image: Image.Image, colour: Colour) -> Image.Image:
    layer = Image.new("RGB", image.size)
    pen = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(5, 16))):
        x, y = float(rng.uniform(0, image.width)), float(rng.uniform(0, image.height))
        r = float(rng.uniform(0.03, 0.09)) * image.width
        glow = blend(shift(colour, value=1.6), (1.0, 0.97, 0.8), float(rng.uniform(0.1, 0.6)))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=ink(shift(glow, value=0.55))[:3])
    layer = layer.filter(ImageFilter.GaussianBlur(0.8))
    lit = 255 - (255 - np.asarray(image, np.float32)) * (255 - np.asarray(layer, np.float32)) / 255
    return Image.fromarray(lit.astype(np.uint8))


def _meadow(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    green = _green(rng)
    image = clouds(rng, size, shift(green, value=0.5), shift(green, value=1.2), cells=3)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(40, 80))):
        x, sway = float(rng.uniform(-5, size[0] + 5)), float(rng.normal(0, 12))
        top = float(rng.uniform(-0.1, 0.8)) * size[1]
        colour = shift(jitter(rng, green, 2), value=float(rng.uniform(0.6, 1.5)))
        pen.line((x, size[1], x + sway * 0.3, (size[1] + top) / 2, x + sway, top),
                 fill=ink(colour)[:3], width=int(rng.integers(1, 4)))  # fmt: skip
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 3))))


def _soil(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    brown = shift(
        parse("#6e5138"), hue=float(rng.normal(0, 0.012)), value=float(rng.uniform(0.6, 1.25))
    )
    image = clouds(rng, size, shift(brown, value=0.55), brown, cells=7)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(60, 120))):
        x, y = float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))
        r = float(rng.exponential(1.6)) + 0.6
        tone = shift(jitter(rng, brown, 2), value=float(rng.uniform(0.5, 1.5)))
        pen.ellipse((x - r, y - r * 0.7, x + r, y + r * 0.7), fill=ink(tone)[:3])
    for _ in range(int(rng.integers(0, 9))):
        _blade(rng, pen, size, shift(_green(rng), value=0.8))
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2.4))))


def _sky(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    blue = shift(parse("#7fb0e0"), hue=float(rng.normal(0, 0.02)), saturation=float(rng.uniform(0.5, 1.3)),
                 value=float(rng.uniform(0.75, 1.1)))  # fmt: skip
    image = clouds(rng, size, blue, blend(blue, (1, 1, 1), 0.75), cells=3)
    pen = ImageDraw.Draw(image)
    green = _green(rng)
    horizon = float(rng.uniform(0.75, 1.2)) * size[1]
    for i in range(14):
        x = i / 13 * size[0]
        r = float(rng.uniform(0.08, 0.2)) * size[0]
        y = horizon + r * 0.5 + float(rng.normal(0, 4))
        pen.ellipse((x - r, y - r, x + r, y + r * 3), fill=ink(jitter(rng, green, 1.5))[:3])
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(2.5, 5))))


def _bed(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Blurred flowers of any colour among foliage: what stands behind says nothing of what stands before."""
    image = _foliage(rng, size)
    pen = ImageDraw.Draw(image)
    hue = float(rng.uniform(0, 1))
    for _ in range(int(rng.integers(6, 20))):
        x, y = float(rng.uniform(0, size[0])), float(rng.uniform(0, size[1]))
        r = float(rng.uniform(0.04, 0.1)) * size[0]
        colour = shift((0.9, 0.35, 0.35), hue=hue + float(rng.normal(0, 0.06)),
                       saturation=float(rng.uniform(0.2, 1.2)))  # fmt: skip
        for k in range(5):
            a = k * 2 * math.pi / 5 + x
            px, py = x + math.cos(a) * r * 0.7, y + math.sin(a) * r * 0.55
            pen.ellipse(
                (px - r * 0.55, py - r * 0.5, px + r * 0.55, py + r * 0.5), fill=ink(colour)[:3]
            )
        pen.ellipse((x - r * 0.3, y - r * 0.3, x + r * 0.3, y + r * 0.3), fill=(214, 176, 60))
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.6, 3.6))))


def _studio(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    tone = shift(parse("#46505a"), hue=float(rng.uniform(-0.5, 0.5)), saturation=float(rng.uniform(0.3, 1.5)),
                 value=float(rng.uniform(0.4, 2.2)))  # fmt: skip
    return clouds(rng, size, shift(tone, value=0.7), shift(tone, value=1.15), cells=3).filter(
        ImageFilter.GaussianBlur(4)
    )
