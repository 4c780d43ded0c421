"""Opening and decoding under limits; every way in which Pillow can fail becomes a refusal."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore

from PIL import Image

from app.pictures.formats import PictureFormat, identify
from app.pictures.refusals import (
    PictureRefused,
    RefusalReason,
    damaged,
    too_many_pixels,
    truncated,
    unsupported,
)
from app.pictures.wholeness import count_frames

MOST_PIXELS = 200_000_000
"""No limit can be set above this: the largest sensors of today, and 800 MB once decoded."""

# Pillow guards allocations of its own (the disposal of GIF frames) by this global. It is set once,
# here, and never per call: other threads decode at the same time. Pillow warns above it, where
# our check refuses anyway, and raises above twice of it.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS

# What Pillow has to say about a stranger's file is told by the refusal. Set once, because
# warnings.catch_warnings() is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

# Memory in pieces above 32 MB goes back to the system when a picture is let go. Smaller ones, as Pillow
# asks for them by itself, stay with the thread: each would keep the largest picture it has met.
Image.core.set_block_size(1 << 26)  # type: ignore[attr-defined]

# All plugins are registered now, so that no two threads do it at once; `formats=` chooses.
Image.init()

_SHOWABLE = {
    *("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"),
    *("I;16", "I;16L", "I;16B"),
}


# One of 100 megapixels takes 400 MB, and some more while it is converted.
_LARGE = 10_000_000  # pixels
_TURNS = BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What is accepted.

    Attributes:
        bytes: the most bytes of a file.
        pixels: the most pixels (width x height), at most `MOST_PIXELS`.
        side: the fewest pixels of the shorter side.
    """

    bytes: int = 50_000_000
    pixels: int = 100_000_000
    side: int = 8

    def __post_init__(self) -> None:
        if not 0 < self.pixels <= MOST_PIXELS:
            raise ValueError(f"pixels is {self.pixels}: choose 1 to {MOST_PIXELS}")
        if self.bytes < 1 or self.side < 1:
            raise ValueError("bytes and side must be at least 1")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A decoded picture as stored in its file: not yet upright, in its own colours.

    Attributes:
        image: the pixels.
        size: width and height in the file, of which `image` may be a reduction.
        form: the format by content.
        frames: the frames of an animation; 1 for a still.
    """

    image: Image.Image
    size: tuple[int, int]
    form: PictureFormat
    frames: int


@contextmanager
def loaded(data: bytes, limits: PictureLimits, *, longest: int | None = None) -> Iterator[Loaded]:
    """The first frame, decoded entirely, for as long as the context lasts.

    Few large pictures are held at once, so that many threads which decode are bounded in memory.

    Args:
        data: the bytes of the file.
        limits: what is accepted.
        longest: when given, a JPEG may be decoded at a half, a quarter or an eighth, but not
            below twice this many pixels on its longest side. Its data is read to the end all the
            same: what is saved is the transform into pixels, which cannot fail.

    Raises:
        PictureRefused: the bytes are not a whole picture within the limits.
    """
    _check_bytes(data, limits)
    form = identify(data)
    frames = count_frames(form, data)
    with refusing(form, data, limits.pixels):
        image = Image.open(io.BytesIO(data), formats=[form.value])
        size = image.size
        if size[0] * size[1] > limits.pixels:
            raise too_many_pixels(limits.pixels, size)
        if longest is not None:
            _draft(image, 2 * longest)
    with _TURNS if size[0] * size[1] > _LARGE else nullcontext():
        with refusing(form, data, limits.pixels):
            image.load()
            if image.mode not in _SHOWABLE:
                raise unsupported(f"a {form} picture with measurements in place of colours")
            if frames is None:
                frames = int(getattr(image, "n_frames", 1))
        yield Loaded(image, size, form, frames)


@contextmanager
def refusing(form: PictureFormat, data: bytes, most_pixels: int = MOST_PIXELS) -> Iterator[None]:
    """Turn whatever a decoder raises about these bytes into a refusal."""
    try:
        yield
    except PictureRefused:
        raise
    except Exception as error:
        # Decoders of hostile bytes raise nearly everything: OSError, SyntaxError, ValueError,
        # struct.error, zlib.error, KeyError, AssertionError, OverflowError, RecursionError ...
        raise _refusal(error, form, data, most_pixels) from error


def _refusal(
    error: Exception, form: PictureFormat, data: bytes, most_pixels: int
) -> PictureRefused:
    bombs = Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError
    if isinstance(error, bombs):
        return too_many_pixels(most_pixels)
    endless = form is PictureFormat.JPEG and not data.rstrip(b"\x00").endswith(b"\xff\xd9")
    if endless or "truncated" in str(error).lower():
        return truncated(form)
    return damaged(form)


def _check_bytes(data: bytes, limits: PictureLimits) -> None:
    if len(data) > limits.bytes:
        raise PictureRefused(
            RefusalReason.TOO_LARGE,
            f"This file has {len(data):,} bytes; the limit is {limits.bytes:,}. "
            "Send a smaller version of it.",
        )


def _draft(image: Image.Image, longest: int) -> None:
    """Let a JPEG decoder skip detail that would be averaged away; other formats ignore this."""
    ratio = longest / max(image.size)
    # Round up: the decoder never goes below what it is asked for.
    image.draft(None, (int(image.width * ratio) + 1, int(image.height * ratio) + 1))
