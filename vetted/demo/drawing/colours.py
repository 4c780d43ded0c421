"""Colours as three floats in 0..1."""

import colorsys

import numpy as np
from PIL import ImageColor

Colour = tuple[float, float, float]


def parse(text: str) -> Colour:
    """Read ``#rrggbb``."""
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red / 255, green / 255, blue / 255


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Mix ``share`` of the second colour into the first."""
    r, g, b = (p * (1 - share) + q * share for p, q in zip(first, second, strict=True))
    return r, g, b


def shift(
    colour: Colour, *, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0
) -> Colour:
    """Turn the hue (in turns) and scale saturation and value."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb((h + hue) % 1, min(1.0, s * saturation), min(1.0, v * value))


def jitter(rng: np.random.Generator, colour: Colour, amount: float = 1.0) -> Colour:
    """Vary a colour a little, as light and soil do."""
    return shift(
        colour,
        hue=float(rng.normal(0, 0.012 * amount)),
        saturation=float(np.exp(rng.normal(0, 0.1 * amount))),
        value=float(np.exp(rng.normal(0, 0.05 * amount))),
    )


def ink(colour: Colour, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """The colour as Pillow's RGBA bytes."""
    r, g, b = (max(0, min(255, round(c * 255))) for c in colour)
    return r, g, b, max(0, min(255, round(alpha * 255)))
