"""The three verbs: inspect a new file, decode a known one, derive a small copy."""

import hashlib
import io
from dataclasses import dataclass
from enum import IntEnum

from PIL import Image

from app.pictures.colours import as_rgb, is_sideways, orientation, turn
from app.pictures.formats import PictureFormat, identify
from app.pictures.reading import MOST_PIXELS, Loaded, PictureLimits, loaded, refusing
from app.pictures.refusals import PictureRefused, RefusalReason

_QUALITY = 85
_EFFORT = 2  # libwebp's method: half the time of its default 4, for files 3 % larger

# What is stored passed the limits of its day. It is shown although they were tightened since.
_STORED = PictureLimits(bytes=2**62, pixels=MOST_PIXELS, side=1)


class Size(IntEnum):
    """The derivatives, by the pixels of their longest side."""

    THUMBNAIL = 320
    MODEL = 512
    SCREEN = 1600

    @property
    def word(self) -> str:
        """The name in keys and URLs: thumbnail, model, screen."""
        return self.name.lower()


SHOWN = (Size.THUMBNAIL, Size.SCREEN)
"""The derivatives that pages show; the other one is what models read of a large picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known about accepted bytes.

    Attributes:
        format: the format by content.
        width: pixels across, upright.
        height: pixels down, upright.
        bytes: the size of the file.
        sha256: the SHA-256 of the bytes, 64 hexadecimal digits.
        frames: the frames of an animation; 1 for a still.
        mode: Pillow's word for the colours as stored, such as RGB, P, CMYK, I;16.
    """

    format: PictureFormat
    width: int
    height: int
    bytes: int
    sha256: str
    frames: int
    mode: str


def inspect(data: bytes, limits: PictureLimits) -> Picture:
    """Check a new file by decoding it: the first frame entirely, the container to its end.

    A JPEG is decoded to the end of its data, but made into pixels at an eighth of its size: that
    refuses the same files in two thirds of the time.

    What this accepts, `decode` and `derive` can show.

    Raises:
        PictureRefused: the bytes are not a whole picture within the limits.
    """
    with loaded(data, limits, longest=1) as found:
        return _judged(found, data, limits)


def _judged(found: Loaded, data: bytes, limits: PictureLimits) -> Picture:
    width, height = reversed(found.size) if is_sideways(found.image) else found.size
    if min(width, height) < limits.side:
        raise PictureRefused(
            RefusalReason.TOO_SMALL,
            f"This picture is {width} x {height} pixels; each side needs at least {limits.side}. "
            "Send a larger version of it.",
        )
    return Picture(
        format=found.form,
        width=width,
        height=height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        frames=found.frames,
        mode=found.image.mode,
    )


def decode(data: bytes) -> Image.Image:
    """Decode to RGB as a viewer shows it: upright, in sRGB, over white, the first frame.

    The image carries no metadata, so nothing can turn it a second time.

    Raises:
        PictureRefused: the bytes are not a whole picture of at most `MOST_PIXELS`.
    """
    with loaded(data, _STORED) as found, refusing(found.form, data):
        image = turn(as_rgb(found.image), orientation(found.image))
        return _bare(image)


def extent(data: bytes) -> tuple[int, int]:
    """The sides of a known file in pixels, as its header tells them: not upright, not decoded.

    Raises:
        PictureRefused: the bytes do not begin as a picture does.
    """
    form = identify(data)
    with refusing(form, data), Image.open(io.BytesIO(data), formats=[form.value]) as image:
        return image.size


def derive(data: bytes, longest: int) -> bytes:
    """Make a WebP copy whose longest side is at most `longest` pixels, without any metadata.

    The copy of a smaller picture keeps its size. Equal input gives equal bytes.

    Raises:
        PictureRefused: the bytes are not a whole picture of at most `MOST_PIXELS`.
        ValueError: `longest` is not positive.
    """
    if longest < 1:
        raise ValueError(f"longest is {longest}: give at least 1 pixel")
    with loaded(data, _STORED, longest=longest) as found, refusing(found.form, data):
        # Shrink before turning: there is less to turn.
        small = turn(_shrink(as_rgb(found.image), longest), orientation(found.image))
        buffer = io.BytesIO()
        _bare(small).save(buffer, "WEBP", quality=_QUALITY, method=_EFFORT)
    return buffer.getvalue()


def _shrink(image: Image.Image, longest: int) -> Image.Image:
    ratio = longest / max(image.size)
    if ratio >= 1:
        return image
    size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _bare(image: Image.Image) -> Image.Image:
    """The pixels without their file: no EXIF with a place in it, no profile, no comment."""
    bare = image.copy()
    bare.info = {}
    return bare
