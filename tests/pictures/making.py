"""Pictures made for the tests: small, and with corners that tell which way is up."""

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green / blue, white: no turn or flip of it looks like another."""
    image = Image.new("RGB", (width, height), WHITE)
    middle = (width // 2, height // 2)
    image.paste(RED, (0, 0, *middle))
    image.paste(GREEN, (middle[0], 0, width, middle[1]))
    image.paste(BLUE, (0, middle[1], middle[0], height))
    return image


def corners(image: Image.Image) -> list[Any]:
    width, height = image.size
    left, right, top, bottom = width // 4, 3 * width // 4, height // 4, 3 * height // 4
    spots = [(left, top), (right, top), (left, bottom), (right, bottom)]
    return [image.getpixel(spot) for spot in spots]


def near(one: Any, other: Any, tolerance: int = 6) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def same_corners(image: Image.Image, tolerance: int = 6) -> bool:
    expected = [RED, GREEN, BLUE, WHITE]
    return all(near(a, b, tolerance) for a, b in zip(corners(image), expected, strict=True))


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def busy(width: int = 40, height: int = 30) -> Image.Image:
    """Pixels that compress badly, the same in every run."""
    values = bytes(zlib.crc32(struct.pack("<I", i)) & 255 for i in range(width * height * 3))
    return Image.frombytes("RGB", (width, height), values)


def exif(orientation: int = 1, *, place: bool = False) -> bytes:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    if place:
        degrees = TiffImagePlugin.IFDRational
        tags[ExifTags.IFD.GPSInfo] = {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (degrees(52), degrees(31), degrees(12)),
        }
    return tags.tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    sum_ = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG of exactly these parts, for what Pillow cannot write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *extra,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def animation(form: str) -> bytes:
    first = Image.new("RGB", (20, 10), RED)
    rest = [Image.new("RGB", (20, 10), colour) for colour in (GREEN, BLUE)]
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    return encode(first, form, save_all=True, append_images=rest, duration=50, **options)
