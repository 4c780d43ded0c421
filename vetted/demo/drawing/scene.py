"""A whole picture: background, plants, what hides them, and the camera's faults."""

import math
import zlib

import numpy as np
from PIL import Image, ImageFilter

from vetted.demo.drawing.backdrop import backdrop
from vetted.demo.drawing.colours import jitter, parse, shift
from vetted.demo.drawing.flower import Kit, make_kit
from vetted.demo.drawing.plant import Stand, draw_plant, leaf
from vetted.demo.drawing.pose import Light
from vetted.demo.drawing.species import Growth, Leaf, Species

_SCALE = 2
"""Pictures are drawn at twice their size and reduced: that is all the antialiasing they get."""


def draw(species: Species, index: int, *, seed: int = 0) -> Image.Image:
    """Draw picture ``index`` of a species, RGB, 224 to 320 pixels a side.

    The same species, index and seed give the same pixels in every process.
    """
    rng = np.random.default_rng([seed, zlib.crc32(species.slug.encode()), index])
    canvas = backdrop(rng, picture_size(rng))
    light = draw_light(rng)
    green = shift(parse("#5f9440"), hue=float(rng.normal(0, 0.02)), saturation=float(rng.uniform(0.7, 1.1)),
                  value=float(rng.uniform(0.75, 1.15)))  # fmt: skip
    radius = _radius(rng, species, min(canvas.size))
    kit = make_kit(rng, species, light, green, radius=radius)
    if rng.random() < 0.45:  # noqa: PLR2004 - often the same plant stands behind, out of focus
        canvas = _companions(rng, canvas, kit, radius)
    count = _front_count(rng, species)
    for i in range(count):
        draw_plant(canvas, rng, kit, _stand(rng, canvas, species, radius, i, count))
    if rng.random() < 0.22:  # noqa: PLR2004
        _occlude(rng, canvas)
    return develop(rng, canvas)


def picture_size(rng: np.random.Generator) -> tuple[int, int]:
    """Size of the canvas in its own, finer pixels."""
    long = int(rng.integers(256, 321))
    short = max(224, int(long * rng.choice([0.75, 0.8, 1.0])))
    width, height = (long, short) if rng.random() < 0.5 else (short, long)  # noqa: PLR2004
    return width * _SCALE, height * _SCALE


def draw_light(rng: np.random.Generator) -> Light:
    """Light from somewhere above, soft or hard."""
    angle, height = rng.uniform(-math.pi, 0), rng.uniform(0.6, 1.3)
    flat = math.cos(height)
    direction = (math.cos(angle) * flat, math.sin(angle) * flat, math.sin(height))
    return Light(direction, float(rng.uniform(0.25, 0.85)))


def develop(rng: np.random.Generator, canvas: Image.Image) -> Image.Image:
    """Reduce the canvas and give it a camera's focus, exposure, white balance, vignette and grain."""
    image = canvas.convert("RGB").reduce(_SCALE)
    if rng.random() < 0.3:  # noqa: PLR2004
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.3))))
    pixels = np.asarray(image, np.float32) / 255
    pixels = pixels * _veil(rng, image.size)[..., None]
    warmth = float(rng.normal(0, 0.05))
    exposure = float(np.exp(min(0.1, rng.normal(0, 0.13))))
    gains = np.asarray((1 + warmth, 1, 1 - warmth), np.float32) * np.float32(exposure)
    pixels = pixels * gains
    contrast = np.float32(np.exp(rng.normal(0, 0.08)))
    pixels = (pixels - np.float32(0.45)) * contrast + np.float32(0.45)
    grain = rng.standard_normal(pixels.shape[:2], np.float32) * np.float32(
        rng.uniform(0.003, 0.022)
    )
    pixels = np.clip((pixels + grain[..., None]) * 255, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def _veil(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Brightness over the picture: vignette, and now and then dappled shade."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    veil = 1 - np.float32(rng.uniform(0, 0.28)) * (x * x + y * y) / 2
    if rng.random() < 0.3:  # noqa: PLR2004
        cells = int(rng.integers(3, 6))
        coarse = Image.fromarray(rng.uniform(0, 1, (cells, cells)).astype(np.float32))
        shade = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
        veil = veil * (1.12 - 0.55 * np.clip((shade - 0.45) * 3.5, 0, 1))
    return np.asarray(veil, np.float32)


def _radius(rng: np.random.Generator, species: Species, side: int) -> float:
    """Petal length in pixels of the canvas."""
    share = float(rng.uniform(0.25, 0.42))
    if species.growth is Growth.CLUSTER:
        share = float(rng.uniform(0.1, 0.145))
    elif species.growth is Growth.SPIKE:
        share = float(rng.uniform(0.13, 0.18))
    return share * side


def _front_count(rng: np.random.Generator, species: Species) -> int:
    chances = [0.7, 0.2, 0.1] if species.growth is Growth.SINGLE else [0.75, 0.25, 0.0]
    return int(rng.choice([1, 2, 3], p=chances))


def _stand(
    rng: np.random.Generator,
    canvas: Image.Image,
    species: Species,
    radius: float,
    i: int,
    count: int,
) -> Stand:
    """Place the stem ``i`` of ``count``; the first, the largest, stands near the middle."""
    width, height = canvas.size
    x = width * (0.5 + float(rng.normal(0, 0.07)))
    y = height * (0.47 + float(rng.normal(0, 0.06)))
    if count > 1:
        turn = 2 * math.pi * (i / count) + float(rng.uniform(0, 1.2))
        x += math.cos(turn) * width * 0.24
        y += math.sin(turn) * height * 0.2
        radius *= float(rng.uniform(0.6, 0.85))
    if species.growth is Growth.SPIKE:
        y = height * float(rng.uniform(0.04, 0.16))
    roll = float(rng.normal(0, 0.35))
    tilt = min(1.3, abs(float(rng.normal(0, 0.52))))
    foot = (x + float(rng.normal(0, 0.12)) * width - math.sin(roll) * radius, height * 1.08)
    return Stand((x, y), foot, radius, tilt, roll)


def _companions(
    rng: np.random.Generator, canvas: Image.Image, kit: Kit, radius: float
) -> Image.Image:
    """Blurred flowers of the same kind behind the sharp ones, drawn small to save time."""
    shrink = 4
    layer = Image.new("RGBA", (canvas.width // shrink, canvas.height // shrink))
    most = 4 if kit.species.growth is Growth.SINGLE else 2
    for _ in range(int(rng.integers(1, most))):
        x = float(rng.uniform(0, layer.width))
        y = float(rng.uniform(0.05, 0.85)) * layer.height
        size = radius / shrink * float(rng.uniform(0.45, 0.8))
        foot = (x + float(rng.normal(0, 8)), layer.height * 1.1)
        stand = Stand((x, y), foot, size, abs(float(rng.normal(0, 0.6))), float(rng.normal(0, 0.4)))
        draw_plant(layer, rng, kit, stand)
    layer = layer.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.9, 2.6))))
    layer = layer.resize(canvas.size, Image.Resampling.BICUBIC)
    return Image.alpha_composite(canvas, layer)


def _occlude(rng: np.random.Generator, canvas: Image.Image) -> None:
    """A leaf or a blade of grass close to the lens, out of focus, reaching in from the border."""
    shrink = 4
    layer = Image.new("RGBA", (canvas.width // shrink, canvas.height // shrink))
    angle = float(rng.uniform(0, 2 * math.pi))
    x = layer.width * (0.5 + 0.62 * math.cos(angle))
    y = layer.height * (0.5 + 0.62 * math.sin(angle))
    length = layer.width * float(rng.uniform(0.3, 0.62))
    heading = angle + math.pi + float(rng.normal(0, 0.3))
    shape = (Leaf.LANCE, Leaf.GRASS, Leaf.OVAL)[int(rng.integers(3))]
    colour = jitter(rng, parse("#567f39"), 2)
    leaf(
        layer, rng, shape, colour, (x, y), (math.cos(heading) * length, math.sin(heading) * length)
    )
    layer = layer.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.6, 2.2))))
    canvas.alpha_composite(layer.resize(canvas.size, Image.Resampling.BICUBIC))
