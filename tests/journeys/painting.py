"""Larger pictures than those of the factories, for looking closely."""

import io

from PIL import Image as Pillow

WIDTH, HEIGHT = 2400, 1800
"""More pixels than the copy for screens has."""


def paint_large(category: int, index: int) -> bytes:
    """A JPEG of 2400 x 1800 pixels; equal arguments, equal bytes."""
    hue = (category * 67 + index * 5 + 20) % 256
    picture = Pillow.new("HSV", (WIDTH, HEIGHT), (hue, 150, 190))
    for bit in range(12):
        if (index + 1) >> bit & 1:
            picture.paste((0, 0, 240), (200 * bit, 150 * bit, 200 * bit + 200, 150 * bit + 150))
    data = io.BytesIO()
    picture.convert("RGB").save(data, "JPEG", quality=80)
    return data.getvalue()
