"""Lays a painted blade (petal or leaf) into the picture as a bent, lit surface."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from vetted.demo.drawing.pose import Light, Pose, Vector, polar
from vetted.demo.drawing.sprites import END, START, Floats, Sprite

_STRIPS = ((70.0, 4), (34.0, 3), (16.0, 2), (0.0, 1))
"""A petal of at least so many pixels is bent in so many strips."""


@dataclass(frozen=True)
class Bend:
    """How a petal leaves the centre, in petal lengths and radians."""

    angle: float
    start: float
    rise: float
    length: float
    at_base: float
    at_tip: float

    def elevation(self, u: float) -> float:
        """Elevation of the petal at the fraction ``u`` of its length."""
        return self.at_base + (self.at_tip - self.at_base) * u


def lay_petal(canvas: Image.Image, sprite: Sprite, pose: Pose, bend: Bend, light: Light) -> None:
    """Draw a petal: strips across its length, each flat, joined along lines that all run the same way.

    Because only the elevation changes along a petal, its lateral direction is constant, and neighbouring
    strips share their whole border: an affine map a strip makes a curved surface without seams.
    """
    side = (-math.sin(bend.angle), math.cos(bend.angle), 0.0)
    lateral = pose.turn(side)
    strips = next(count for size, count in _STRIPS if pose.radius * bend.length >= size)
    cuts = [START + (END - START) * i / strips for i in range(strips + 1)]
    points = _spine(bend, cuts)
    normals = [
        pose.turn(polar(bend.angle, bend.elevation(min(1.0, max(0.0, u))) + math.pi / 2))
        for u in cuts
    ]
    image = _lit(sprite, cuts, normals, lateral, light)
    half = sprite.half_width * bend.length * pose.radius
    flat = [pose.place(p) for p in points]
    depth = [pose.turn(p)[2] for p in points]
    across = (lateral[0] * half, lateral[1] * half)
    step = image.width / strips
    for i in sorted(range(strips), key=lambda i: depth[i] + depth[i + 1]):
        _lay_part(canvas, image, (i * step, (i + 1) * step), flat[i], flat[i + 1], across)


def facing(pose: Pose, bend: Bend) -> float:
    """Positive when the eye sees the inner face of the petal's middle."""
    return pose.turn(polar(bend.angle, bend.elevation(0.5) + math.pi / 2))[2]


def middle_depth(pose: Pose, bend: Bend) -> float:
    """Depth of the petal's middle, larger when nearer to the eye."""
    return pose.turn(_spine(bend, [START, 0.5])[1])[2]


def lay_flat(
    canvas: Image.Image,
    sprite: Sprite,
    origin: tuple[float, float],
    along: tuple[float, float],
    *,
    squash: float = 1.0,
    brightness: float = 1.0,
) -> None:
    """Draw a leaf from ``origin`` along a vector in pixels, its width foreshortened by ``squash``."""
    pixels = np.clip(sprite.pixels * np.float32(255), 0, 255)
    pixels[..., :3] *= np.float32(brightness)
    image = _premultiplied(pixels)
    dx, dy = along
    across = (-dy * sprite.half_width * squash, dx * sprite.half_width * squash)
    first = (origin[0] + dx * START, origin[1] + dy * START)
    last = (origin[0] + dx * END, origin[1] + dy * END)
    _lay_part(canvas, image, (0, image.width), first, last, across)


def _spine(bend: Bend, cuts: list[float]) -> list[Vector]:
    """Integrate the petal's direction to the points of its axis at ``cuts``."""
    flat, height = bend.start, bend.rise
    ca, sa = math.cos(bend.angle), math.sin(bend.angle)
    flat += cuts[0] * bend.length * math.cos(bend.at_base)
    height += cuts[0] * bend.length * math.sin(bend.at_base)
    points = [(ca * flat, sa * flat, height)]
    for u, v in pairwise(cuts):
        e = bend.elevation((u + v) / 2)
        flat += (v - u) * bend.length * math.cos(e)
        height += (v - u) * bend.length * math.sin(e)
        points.append((ca * flat, sa * flat, height))
    return points


def _lit(
    sprite: Sprite, cuts: list[float], normals: list[Vector], lateral: Vector, light: Light
) -> Image.Image:
    """Shade the sprite: along by the bend's normals, across by a slight curl of the petal."""
    width = sprite.pixels.shape[1]
    u = np.linspace(START, END, width, dtype=np.float32)
    levels = [light.shade(n if n[2] >= 0 else (-n[0], -n[1], -n[2])) for n in normals]
    along = np.interp(u, cuts, levels).astype(np.float32)
    tilt = sum(p * q for p, q in zip(lateral, light.direction, strict=True))
    curl = sprite.across * np.float32(0.22 * tilt * light.hardness)
    pixels = sprite.pixels * np.float32(255)
    pixels[..., :3] *= (along[None, :] + curl[:, None])[..., None]
    if normals[len(normals) // 2][2] < 0:
        pixels[..., :3] = pixels[..., :3] * np.float32(0.84) + np.float32(14)
    return _premultiplied(pixels)


def _premultiplied(pixels: Floats) -> Image.Image:
    """Bytes for interpolation: Pillow would convert every strip to this mode, here it is done once."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGBa")


def _lay_part(
    canvas: Image.Image,
    image: Image.Image,
    columns: tuple[float, float],
    first: tuple[float, float],
    last: tuple[float, float],
    across: tuple[float, float],
) -> None:
    """Map the columns of ``image`` onto the parallelogram between ``first`` and ``last``."""
    ux, uy = last[0] - first[0], last[1] - first[1]
    vx, vy = across
    area = ux * vy - uy * vx
    if abs(area) < 1.0:
        return
    xs = [p[0] + s * vx for p in (first, last) for s in (-1, 1)]
    ys = [p[1] + s * vy for p in (first, last) for s in (-1, 1)]
    left, top = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
    right = min(canvas.width, math.ceil(max(xs)) + 1)
    bottom = min(canvas.height, math.ceil(max(ys)) + 1)
    if right <= left or bottom <= top:
        return
    # A pixel more at both ends closes the hairline that antialiasing would leave between strips.
    start, stop = max(0, math.floor(columns[0]) - 1), min(image.width, math.ceil(columns[1]) + 1)
    part = image.crop((start, 0, stop, image.height))
    scale_u = (columns[1] - columns[0]) / area
    scale_v = image.height / 2 / area
    ox, oy = left - first[0], top - first[1]
    a, b = vy * scale_u, -vx * scale_u
    d, e = -uy * scale_v, ux * scale_v
    c = a * ox + b * oy + columns[0] - start
    f = d * ox + e * oy + image.height / 2
    size = (right - left, bottom - top)
    warped = part.transform(
        size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    canvas.alpha_composite(warped.convert("RGBA"), (left, top))
