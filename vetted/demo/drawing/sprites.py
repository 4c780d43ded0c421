"""Petals and leaves as small textures, computed point by point over their own length and width."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetted.demo.drawing.colours import Colour, blend
from vetted.demo.drawing.species import Mark, Petal

Floats = NDArray[np.float32]

START, END = -0.05, 1.1
"""A sprite reaches a little beyond the blade, so that its edge and its shadow fade out inside it."""


@dataclass(frozen=True)
class Sprite:
    """A painted blade.

    Attributes:
        pixels: float32 [height, width, 4] in 0..1, not premultiplied; the axis of the blade runs along
            the width from ``START`` to ``END``.
        across: float32 [height], the lateral position of each row, -1 and 1 at the widest points.
        half_width: Half the width of the sprite over the length of the blade.
    """

    pixels: Floats
    across: Floats
    half_width: float


@dataclass(frozen=True)
class Look:
    """The colours of a petal in one picture, with the marks that make out its species."""

    petal: Petal
    width: float
    base: Colour
    middle: Colour
    tip: Colour
    mark: Mark
    mark_colour: Colour
    veins: float
    withered: float = 0.0


@dataclass(frozen=True)
class _Grid:
    """Coordinates of a sprite: ``u`` [1, W] along, ``y`` [H, 1] across, in lengths of the blade."""

    u: Floats
    y: Floats
    pixels: int


# Exponents (a, b) of the half width u^a (1 - u)^b: where a blade is widest and how blunt it ends.
_PROFILE = {
    Petal.ROUNDED: (0.75, 0.42),
    Petal.POINTED: (0.62, 0.92),
    Petal.NOTCHED: (0.75, 0.34),
    Petal.HEART: (0.85, 0.24),
    Petal.STRAP: (0.3, 0.26),
    Petal.FRINGED: (0.8, 0.22),
    Petal.BROAD: (0.7, 0.3),
}
# Depth of the cut in the tip, and half its width over half the width of the petal.
_NOTCH = {Petal.NOTCHED: (0.15, 0.5), Petal.HEART: (0.24, 0.6)}


def petal_sprite(rng: np.random.Generator, look: Look, pixels: int) -> Sprite:
    """Paint one petal that is ``pixels`` long; each call varies the edge, the veins and the spots."""
    half = look.width / 2 * 1.14 + 2.5 / pixels
    grid = _grid(half, pixels)
    inside = _petal_inside(rng, look, grid)
    colour = _petal_colour(rng, look, grid, inside)
    return _finish(colour, inside, grid, half, shadow=blend(look.base, (0.05, 0.03, 0.08), 0.72))


def leaf_sprite(
    rng: np.random.Generator, *, width: float, colour: Colour, pixels: int, lobes: int = 0
) -> Sprite:
    """Paint a leaf with a midrib and side veins; ``lobes`` cuts its edge that many times a side."""
    half = width / 2 * 1.1 + 2.5 / pixels
    grid = _grid(half, pixels)
    profile = _profile(grid.u, 0.55, 0.8)
    if lobes:
        wave = np.abs(np.sin(np.pi * lobes * (grid.u * 0.92 + 0.04)))
        profile = profile * (0.36 + 0.64 * wave)
    edge = profile * np.float32(width / 2) * _wavy(rng, grid.u, 0.04)
    inside = np.minimum(edge - np.abs(grid.y), _along(grid.u)) * np.float32(grid.pixels)
    across = grid.y / np.float32(width / 2)
    slant = rng.uniform(0.5, 0.9)
    side_veins = np.sin((grid.u - np.abs(grid.y) * slant) * 2 * np.pi * rng.uniform(7, 11))
    shade = 0.92 + 0.1 * _bump(rng, grid) + 0.05 * side_veins * (1 - np.abs(across))
    shade = shade + 0.1 * np.sign(across) * np.minimum(np.abs(across) * 6, 1)
    shade = shade + 0.3 * np.exp(-((across / 0.06) ** 2))
    painted = shade[..., None] * np.asarray(colour, np.float32)
    tinge = np.asarray(blend(colour, (0.75, 0.72, 0.3), 0.35), np.float32)
    weight = (np.clip(1 - inside / 9, 0, 1) * 0.5)[..., None]
    painted = painted * (1 - weight) + tinge * weight
    return _finish(painted, inside, grid, half, shadow=blend(colour, (0.02, 0.04, 0.02), 0.75))


def _grid(half: float, pixels: int) -> _Grid:
    columns = max(8, round((END - START) * pixels))
    rows = max(6, round(2 * half * pixels))
    u = START + (np.arange(columns) + 0.5) / columns * (END - START)
    y = (2 * (np.arange(rows) + 0.5) / rows - 1) * half
    return _Grid(u[None, :].astype(np.float32), y[:, None].astype(np.float32), pixels)


def _profile(u: Floats, a: float, b: float) -> Floats:
    inner = np.clip(u, 0, 1)
    peak = a / (a + b)
    top = peak**a * (1 - peak) ** b
    return np.asarray(inner**a * (1 - inner) ** b / top, np.float32)


def _along(u: Floats) -> Floats:
    return np.minimum(u, 1 - u) * np.float32(2)


def _wavy(rng: np.random.Generator, u: Floats, amount: float) -> Floats:
    phases = rng.uniform(0, 2 * np.pi, 3)
    wave = sum(
        np.sin(u * f + p) / (i + 1)
        for i, (f, p) in enumerate(zip((5, 11, 23), phases, strict=True))
    )
    return np.asarray(1 + amount * wave, np.float32)


def _petal_inside(rng: np.random.Generator, look: Look, grid: _Grid) -> Floats:
    """Signed distance to the outline in pixels (roughly), positive inside."""
    a, b = _PROFILE[look.petal]
    half = np.float32(look.width / 2)
    lean = np.where(grid.y > 0, _wavy(rng, grid.u, 0.03), _wavy(rng, grid.u, 0.03))
    side = _profile(grid.u, a, b) * half * lean - np.abs(grid.y)
    tip = _tip(rng, look.petal, grid.y / half) - grid.u
    distance = np.minimum(np.minimum(side, tip), grid.u + 0.02) * np.float32(grid.pixels)
    return np.asarray(distance, np.float32)


def _tip(rng: np.random.Generator, petal: Petal, across: Floats) -> Floats:
    if petal in _NOTCH:
        depth, reach = _NOTCH[petal]
        cut = np.clip(1 - np.abs(across - rng.normal(0, 0.03)) / reach, 0, 1)
        return np.asarray(1 - depth * rng.uniform(0.85, 1.2) * cut**1.3, np.float32)
    if petal is Petal.FRINGED:
        bent = across + 0.09 * np.sin(across * 7 + rng.uniform(0, 6))
        saw = np.abs(((bent * 4.2 + rng.uniform()) % 1) - 0.5) * 2
        fine = np.abs(((across * 9.1 + rng.uniform()) % 1) - 0.5) * 2
        return np.asarray(1 - 0.13 * saw - 0.07 * fine - 0.05 * across**2, np.float32)
    if petal is Petal.BROAD:
        return np.asarray(0.98 + 0.025 * np.sin(across * 9 + rng.uniform(0, 6)), np.float32)
    return np.ones_like(across)


def _petal_colour(rng: np.random.Generator, look: Look, grid: _Grid, inside: Floats) -> Floats:
    base, middle, tip = (np.asarray(c, np.float32) for c in (look.base, look.middle, look.tip))
    low = _smooth(grid.u / 0.45)[..., None]
    high = _smooth((grid.u - 0.4) / 0.6)[..., None]
    colour = (base * (1 - low) + middle * low) * (1 - high) + tip * high
    colour = np.broadcast_to(colour, (*inside.shape, 3))
    weight = _mark_weight(rng, look, grid, inside)
    if weight is not None:
        weight = weight[..., None]
        colour = colour * (1 - weight) + np.asarray(look.mark_colour, np.float32) * weight
    colour = colour * _petal_shade(rng, look, grid)[..., None]
    if look.withered:
        brown = (
            np.asarray((0.45, 0.31, 0.17), np.float32) * (0.8 + 0.4 * _bump(rng, grid))[..., None]
        )
        patch = 0.6 + 0.7 * _bump(rng, grid)
        reach = np.clip(look.withered * patch - inside / (0.2 * grid.pixels), 0, 0.85)[..., None]
        colour = colour * (1 - reach) + brown * reach
    return np.asarray(colour, np.float32)


def _petal_shade(rng: np.random.Generator, look: Look, grid: _Grid) -> Floats:
    half = np.float32(look.width / 2)
    spread = half * (0.25 + 0.75 * np.clip(grid.u, 0, 1) ** 0.7)
    v = grid.y / spread
    lines = np.sin(v * rng.uniform(11, 15) + rng.uniform(0, 6) + 0.6 * np.sin(grid.u * 9))
    throat = 1 - 0.3 * np.exp(-np.clip(grid.u, 0, 1) / 0.12)
    fold = 0.07 * np.exp(-((grid.y / half / 0.09) ** 2)) * (1 - grid.u)
    shade = (
        throat * (0.98 + look.veins * lines * (0.4 + 0.6 * grid.u) + 0.1 * _bump(rng, grid)) - fold
    )
    return np.asarray(shade, np.float32)


def _mark_weight(
    rng: np.random.Generator, look: Look, grid: _Grid, inside: Floats
) -> Floats | None:
    """How much of the mark's colour shows at each point, 0..1 [H, W]; None without a mark."""
    jag = 0.02 * np.sin(grid.y / look.width * rng.uniform(30, 50) + rng.uniform(0, 6))
    u = grid.u + jag
    if look.mark is Mark.RING:
        weight = _smooth((u - 0.2) / 0.06) * _smooth((0.42 - u) / 0.09) * 0.88
    elif look.mark is Mark.BLOTCH:
        weight = _smooth(
            (0.36 + 0.05 * rng.normal() - u - 0.1 * (grid.y / look.width * 2) ** 2) / 0.1
        )
    elif look.mark is Mark.BAND:
        weight = _smooth((0.52 + 0.04 * rng.normal() - u) / 0.2) * 0.9
    elif look.mark is Mark.STRIPE:
        reach = 0.19 * look.width * np.clip(1.05 - grid.u, 0.12, 1)
        weight = _smooth((reach - np.abs(grid.y)) / 0.03) * _smooth((0.93 - grid.u) / 0.08) * 0.85
    elif look.mark is Mark.RIM:
        weight = _smooth((0.13 * grid.pixels - inside) / (0.06 * grid.pixels)) * 0.9
        weight = weight * _smooth((grid.u - 0.45) / 0.2)
    elif look.mark is Mark.SPOTS:
        weight = _spots(rng, look, grid)
    else:
        return None
    return np.asarray(weight, np.float32)


def _spots(rng: np.random.Generator, look: Look, grid: _Grid) -> Floats:
    weight = np.zeros((grid.y.shape[0], grid.u.shape[1]), np.float32)
    for _ in range(int(rng.integers(11, 19))):
        u0 = rng.uniform(0.12, 0.72)
        y0 = rng.uniform(-0.34, 0.34) * look.width
        size = rng.uniform(0.013, 0.026)
        distance = np.sqrt(((grid.u - u0) * 0.75) ** 2 + (grid.y - y0) ** 2)
        weight = np.maximum(weight, np.clip((size - distance) * grid.pixels + 0.6, 0, 1))
    return weight * np.float32(0.85)


def _bump(rng: np.random.Generator, grid: _Grid) -> Floats:
    """Slow unevenness, about -1..1."""
    p = rng.uniform(0, 2 * np.pi, 2)
    k = rng.uniform(5, 9, 2)
    return np.asarray(
        np.sin(grid.u * k[0] + p[0] + grid.y * 3) * np.cos(grid.y * k[1] + p[1]), np.float32
    )


def _finish(colour: Floats, inside: Floats, grid: _Grid, half: float, *, shadow: Colour) -> Sprite:
    """Add the alpha channel: the blade, and a soft contact shadow that darkens what lies below."""
    blade = np.clip(inside + 0.5, 0, 1)
    halo = 0.28 * np.exp(np.minimum(inside, 0) / max(1.5, 0.022 * grid.pixels))
    rim = np.clip(halo - 0.02, 0, 1) * np.clip((END - grid.u) / 0.05, 0, 1)
    alpha = blade + (1 - blade) * rim
    edge = np.float32(1) - np.float32(0.16) * np.exp(-np.maximum(inside, 0) / 1.6)
    mixed = colour * (edge * blade)[..., None]
    mixed = mixed + np.asarray(shadow, np.float32) * (1 - blade)[..., None]
    pixels = np.concatenate([mixed, alpha[..., None]], axis=-1).astype(np.float32)
    across = (grid.y[:, 0] / np.float32(half)).astype(np.float32)
    return Sprite(pixels, across, half)


def _smooth(t: Floats) -> Floats:
    x = np.clip(t, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)
