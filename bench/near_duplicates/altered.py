"""What crawlers bring a second time: photographs that somebody cropped, marked or saved again."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw, ImageFont, ImageOps

Altered = Callable[[Image.Image, random.Random], Image.Image]
_SURROUND = ((0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 180, 140))


def crop(share: float) -> Altered:
    """Cut this share off the width and off the height, divided among the sides by chance."""

    def alter(picture: Image.Image, chance: random.Random) -> Image.Image:
        width, height = (round(side * (1 - share)) for side in picture.size)
        left = chance.randint(0, picture.width - width)
        top = chance.randint(0, picture.height - height)
        return picture.crop((left, top, left + width, top + height))

    return alter


def saved_again(quality: int) -> Altered:
    """Through a JPEG file of this quality."""

    def alter(picture: Image.Image, _chance: random.Random) -> Image.Image:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return alter


def resized(factor: float) -> Altered:
    """To this factor of both sides."""

    def alter(picture: Image.Image, _chance: random.Random) -> Image.Image:
        size = (max(8, round(picture.width * factor)), max(8, round(picture.height * factor)))
        return picture.resize(size, Image.Resampling.BICUBIC)

    return alter


def mirrored(picture: Image.Image, _chance: random.Random) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(picture)


def bordered(share: float) -> Altered:
    """A frame of one colour, as wide as this share of the longer side."""

    def alter(picture: Image.Image, chance: random.Random) -> Image.Image:
        width = max(1, round(share * max(picture.size)))
        return ImageOps.expand(picture, width, chance.choice(_SURROUND))

    return alter


def written_on(picture: Image.Image, chance: random.Random) -> Image.Image:
    """A line of text across the lower part, half transparent, as agencies have it."""
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    size = max(8, picture.width // chance.randint(8, 12))
    font = ImageFont.load_default(size=size)
    place = (picture.width * chance.uniform(0.02, 0.2), picture.height * chance.uniform(0.3, 0.85))
    draw.text(place, "photo: example.org", fill=(255, 255, 255, 150), font=font)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def with_logo(picture: Image.Image, chance: random.Random) -> Image.Image:
    """An opaque badge in a corner, a fifth of the shorter side wide."""
    changed = picture.copy()
    side = min(picture.size) // 5
    left = chance.choice((4, picture.width - side - 4))
    top = chance.choice((4, picture.height - side - 4))
    draw = ImageDraw.Draw(changed)
    colour = tuple(chance.randrange(256) for _ in range(3))
    draw.ellipse((left, top, left + side, top + side), fill=colour)
    draw.rectangle((left + side // 3, top + side // 3, left + side // 2, top + side), fill="white")
    return changed


def several(*parts: Altered) -> Altered:
    """One after the other."""

    def alter(picture: Image.Image, chance: random.Random) -> Image.Image:
        for part in parts:
            picture = part(picture, chance)
        return picture

    return alter


ALTERATIONS: Mapping[str, Altered] = {
    "crop 5 %": crop(0.05),
    "crop 10 %": crop(0.10),
    "crop 15 %": crop(0.15),
    "crop 20 %": crop(0.20),
    "crop 25 %": crop(0.25),
    "JPEG quality 90": saved_again(90),
    "JPEG quality 60": saved_again(60),
    "JPEG quality 30": saved_again(30),
    "resized to 0.3": resized(0.3),
    "resized to 0.6": resized(0.6),
    "resized to 2": resized(2.0),
    "mirrored": mirrored,
    "border 2 %": bordered(0.02),
    "border 5 %": bordered(0.05),
    "border 10 %": bordered(0.10),
    "text": written_on,
    "logo": with_logo,
    "crop 10 %, resized to 0.5, quality 60": several(crop(0.1), resized(0.5), saved_again(60)),
    "mirrored, crop 10 %, text": several(mirrored, crop(0.1), written_on),
    "border 5 %, quality 50": several(bordered(0.05), saved_again(50)),
    "crop 20 %, mirrored, quality 40": several(crop(0.2), mirrored, saved_again(40)),
    "crop 10 %, border 5 %, logo": several(crop(0.1), bordered(0.05), with_logo),
}
"""What is tried, by name. Shares of crops are of each side: 25 % leaves 56 % of the area."""
