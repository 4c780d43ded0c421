"""One flower head: whorls of petals, the disc, stamens and the green cup below."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vetted.demo.drawing.blades import Bend, facing, lay_petal, middle_depth
from vetted.demo.drawing.colours import Colour, blend, ink, jitter, parse, shift
from vetted.demo.drawing.pose import Light, Pose, polar
from vetted.demo.drawing.species import Disc, Petal, Species
from vetted.demo.drawing.sprites import Look, Sprite, petal_sprite

_WITHERED, _FADED = 0.07, 0.4
_GOLDEN = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True)
class Kit:
    """What the flowers of one picture share, painted once: petals, colours and the light."""

    species: Species
    petals: tuple[Sprite, ...]
    sepal: Sprite
    disc: Image.Image
    light: Light
    green: Colour
    anther: Colour
    filament: Colour


def make_kit(
    rng: np.random.Generator, species: Species, light: Light, green: Colour, *, radius: float
) -> Kit:
    """Choose a colour form and paint the sprites for flowers of about ``radius`` pixels."""
    palette = species.palettes[_form(rng, len(species.palettes))]
    hue, saturation = float(rng.normal(0, 0.014)), float(np.exp(rng.normal(0, 0.14)))
    value = float(np.exp(rng.normal(0, 0.05)))
    base, middle, tip, mark = (
        shift(parse(c), hue=hue, saturation=saturation, value=value)
        for c in (palette.base, palette.middle, palette.tip, palette.mark)
    )
    withered = float(rng.uniform(0.25, 0.8)) if rng.random() < _WITHERED else 0.0
    fade = float(rng.uniform(0, 0.3)) if rng.random() < _FADED else 0.0
    look = Look(
        petal=species.petal,
        width=species.width * float(np.exp(rng.normal(0, 0.05))),
        base=base,
        middle=middle,
        tip=tip,
        mark=species.mark,
        mark_colour=blend(mark, middle, fade),
        veins=species.veins * float(rng.uniform(0.5, 1.5)),
        withered=withered,
    )
    pixels = int(np.clip(radius, 14, 150))
    sprites = tuple(petal_sprite(rng, look, pixels) for _ in range(4))
    sepal_look = Look(
        petal=Petal.POINTED, width=0.42, base=green, middle=green, tip=shift(green, value=1.15),
        mark=look.mark.NONE, mark_colour=green, veins=0.05,
    )  # fmt: skip
    return Kit(
        species=species,
        petals=sprites,
        sepal=petal_sprite(rng, sepal_look, max(12, pixels // 2)),
        disc=_disc_sprite(rng, species),
        light=light,
        green=green,
        anther=jitter(rng, parse(species.anther)),
        filament=blend(base, (0.93, 0.93, 0.72), 0.6),
    )


def _form(rng: np.random.Generator, count: int) -> int:
    """Index of a colour form: each is 2.4 times as rare as the one before."""
    odds = 2.4 ** -np.arange(count, dtype=np.float64)
    return int(rng.choice(count, p=odds / odds.sum()))


def draw_flower(
    canvas: Image.Image, rng: np.random.Generator, kit: Kit, pose: Pose, *, openness: float
) -> None:
    """Draw a flower; ``openness`` runs from 0 (bud) to 1 (fully open)."""
    petals = _petal_bends(rng, kit.species, pose, openness)
    behind = [b for b in petals if facing(pose, b) >= 0]
    before = [b for b in petals if facing(pose, b) < 0]
    seen_from_below = math.cos(pose.tilt) < 0
    if not seen_from_below:
        _sepals(canvas, kit, pose, openness)
    _lay_all(canvas, rng, kit, pose, behind)
    if not seen_from_below:
        _disc(canvas, kit, pose)
        _stamens(canvas, rng, kit, pose, openness)
    _lay_all(canvas, rng, kit, pose, sorted(before, key=lambda b: middle_depth(pose, b)))
    if seen_from_below:
        _sepals(canvas, kit, pose, openness)


def _lay_all(
    canvas: Image.Image, rng: np.random.Generator, kit: Kit, pose: Pose, bends: list[Bend]
) -> None:
    for bend in bends:
        sprite = kit.petals[int(rng.integers(len(kit.petals)))]
        lay_petal(canvas, sprite, pose, bend, kit.light)


def _petal_bends(
    rng: np.random.Generator, species: Species, pose: Pose, openness: float
) -> list[Bend]:
    """The petals of all whorls, outer ones and farther ones first."""
    count = species.petals + int(rng.integers(-species.petal_spread, species.petal_spread + 1))
    steep = math.radians(86) * (1 - openness)
    cup = [math.radians(c) * openness + steep for c in species.cup]
    bends: list[Bend] = []
    for whorl in range(species.whorls):
        share = species.inner_length if whorl else 1.0
        ring = [
            _one_bend(rng, species, (pose.spin + (i + whorl / 2) * 2 * math.pi / count), share, cup)
            for i in range(count)
        ]
        # Seen at a slant the far petals come first; seen from above any order is a true one.
        order = rng.permutation(count)
        slanted = math.sin(pose.tilt) > math.sin(math.radians(35))
        keys = {
            i: middle_depth(pose, ring[i]) if slanted else float(order[i]) for i in range(count)
        }
        bends.extend(ring[i] for i in sorted(keys, key=keys.__getitem__))
    return bends


def _one_bend(
    rng: np.random.Generator, species: Species, angle: float, share: float, cup: list[float]
) -> Bend:
    crowded = species.petals > 10  # noqa: PLR2004 - many rays need less play than few petals
    return Bend(
        angle=angle + float(rng.normal(0, 0.03 if crowded else 0.045)),
        start=species.disc_radius * 0.6 if species.disc is Disc.SEEDS else 0.03,
        rise=0.05 if share < 1 else 0.0,
        length=share * (1 - 0.5 * species.disc_radius) * float(np.exp(rng.normal(0, 0.035))),
        at_base=cup[0] + float(rng.normal(0, 0.05)) + (0.2 if share < 1 else 0.0),
        at_tip=cup[1] + float(rng.normal(0, 0.12)),
    )


def _sepals(canvas: Image.Image, kit: Kit, pose: Pose, openness: float) -> None:
    if openness > 0.7 and math.cos(pose.tilt) > 0.75:  # noqa: PLR2004 - hidden below the petals
        return
    count = 3 if kit.species.nodding else 5
    reach = 0.36 if openness > 0.4 else 0.5  # noqa: PLR2004 - a bud is still wrapped
    for i in range(count):
        bend = Bend(
            angle=pose.spin + (i + 0.5) * 2 * math.pi / count,
            start=0.01,
            rise=-0.03,
            length=reach,
            at_base=math.radians(70 - 50 * openness) if not kit.species.nodding else 1.1,
            at_tip=math.radians(80 - 80 * openness) if not kit.species.nodding else 1.0,
        )
        lay_petal(canvas, kit.sepal, pose, bend, kit.light)


def _disc_sprite(rng: np.random.Generator, species: Species, size: int = 96) -> Image.Image:
    """A lit dome with the grain of the species, [size, size] RGBA."""
    bright, dark = (jitter(rng, parse(c)) for c in species.disc_colours)
    image = Image.new("RGBA", (size, size), ink(dark, 0))
    pen = ImageDraw.Draw(image)
    centre = size / 2
    pen.ellipse((2, 2, size - 3, size - 3), fill=ink(blend(dark, bright, 0.25)))
    if species.disc is Disc.SMOOTH:
        for step in range(14):
            t = step / 13
            reach = (centre - 4) * (1 - t * 0.8)
            x = centre - t * 9
            pen.ellipse(
                (x - reach, x - reach, x + reach, x + reach), fill=ink(blend(dark, bright, t))
            )
        return image
    count = 230 if species.disc is Disc.SEEDS else 120
    for i in range(count):
        share = i / count
        reach = (centre - 5) * math.sqrt(1 - share)
        angle = (count - i) * _GOLDEN
        x, y = centre + reach * math.cos(angle), centre + reach * math.sin(angle)
        dot = (1.9 + 1.5 * math.sqrt(1 - share)) * float(rng.uniform(0.8, 1.15))
        light = 0.25 + 0.6 * (1 - reach / centre) - 0.25 * (x + y - size) / size
        colour = blend(dark, bright, min(1.0, max(0.0, light + float(rng.normal(0, 0.14)))))
        pen.ellipse((x - dot, y - dot, x + dot, y + dot), fill=ink(colour))
        pen.ellipse((x - dot * 0.6, y - dot * 0.7, x, y), fill=ink(shift(colour, value=1.25)))
    return image


def _disc(canvas: Image.Image, kit: Kit, pose: Pose) -> None:
    radius = kit.species.disc_radius * pose.radius
    if radius < 1.5:  # noqa: PLR2004 - smaller than a pixel and a half nothing shows
        return
    squash = max(0.45, math.cos(pose.tilt))
    size = max(4, round(2 * radius))
    face = kit.disc.resize((size, max(3, round(size * squash))), Image.Resampling.BILINEAR)
    face = face.rotate(-math.degrees(pose.roll), Image.Resampling.BICUBIC, expand=True)
    x, y = pose.place((0.0, 0.0, 0.06 + 0.2 * kit.species.disc_radius))
    _stamp(canvas, face, x, y)


def _stamp(canvas: Image.Image, image: Image.Image, x: float, y: float) -> None:
    """Composite ``image`` centred at a point, cut at the canvas' border."""
    left, top = round(x - image.width / 2), round(y - image.height / 2)
    box = (max(0, -left), max(0, -top), min(image.width, canvas.width - left),
           min(image.height, canvas.height - top))  # fmt: skip
    if box[2] > box[0] and box[3] > box[1]:
        canvas.alpha_composite(image.crop(box), (left + box[0], top + box[1]))


def _stamens(
    canvas: Image.Image, rng: np.random.Generator, kit: Kit, pose: Pose, openness: float
) -> None:
    species = kit.species
    if not species.stamens or openness < 0.35:  # noqa: PLR2004 - a bud hides them
        return
    pen = ImageDraw.Draw(canvas)
    thick = max(1, round(pose.radius * 0.016))
    few = species.stamens < 10  # noqa: PLR2004 - few stamens are long and stout
    dot = max(1.3, pose.radius * (0.034 if few else 0.026))
    for i in range(species.stamens):
        angle = pose.spin + 2 * math.pi * (i + 0.5 + float(rng.normal(0, 0.12))) / species.stamens
        up = float(rng.uniform(0.75, 1.05)) if few else float(rng.uniform(0.45, 1.25))
        length = species.stamen_length * float(rng.uniform(0.82, 1.1))
        foot = pose.place(polar(angle, 0.3, species.disc_radius * 0.6))
        head = pose.place(polar(angle, up, length))
        pen.line((*foot, *head), fill=ink(shift(kit.filament, value=0.72)), width=thick + 1)
        pen.line((*foot, *head), fill=ink(kit.filament), width=thick)
        _anther(pen, kit.anther, head, dot)


def _anther(pen: ImageDraw.ImageDraw, colour: Colour, at: tuple[float, float], dot: float) -> None:
    x, y = at
    pen.ellipse(
        (x - dot, y - dot * 0.85, x + dot, y + dot * 1.05), fill=ink(shift(colour, value=0.62))
    )
    pen.ellipse((x - dot * 0.8, y - dot * 0.85, x + dot * 0.6, y + dot * 0.5), fill=ink(colour))
