"""Whatever comes, `inspect` gives a picture or refuses; what it accepts can be shown."""

import os
import time
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from app.pictures import PictureLimits, PictureRefused, RefusalReason, decode, derive, inspect
from bench.harness import peak_mb

from .making import animation, busy, chunk, encode, exif, png, quarters

# The product's own filters are replaced by those of pytest.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

MORE = int(os.environ.get("VETTED_FUZZ", "1"))  # times the usual; `make fuzz` sets it
LIMITS = PictureLimits(pixels=1_000_000)
LIMITED = {RefusalReason.TOO_SMALL, RefusalReason.TOO_MANY_PIXELS, RefusalReason.TOO_LARGE}
SLOWEST = 10.0  # seconds for a picture, on however busy a machine
MOST_MEMORY = 300  # MB more than before, for any number of pictures
# Numbers at which decoders go wrong: signs, overflows, sizes that are almost too large.
EDGES = (0, 1, 127, 128, 255, 256, 999, 32_767, 32_768, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)


@cache
def whole() -> tuple[bytes, ...]:
    """Sound pictures in every format and in most of the ways that these can be written."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo, cmyk, tiff = busy(), busy().convert("CMYK"), "TIFF"
    return (
        *(encode(photo, form) for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", tiff)),
        encode(photo, "JPEG", progressive=True, icc_profile=profile, exif=exif(6, place=True)),
        encode(photo.convert("L"), "JPEG", restart_marker_rows=1),
        encode(cmyk, "JPEG"),
        encode(photo.convert("LA"), "PNG"),
        encode(photo.convert("P"), "PNG", transparency=3, exif=exif(5)),
        encode(photo.convert("1"), "PNG", bits=1),
        png(8, 8, 16, 2, (b"\0" + bytes(range(48))) * 8, chunk(b"tRNS", bytes(6))),
        png(
            8, 8, 8, 0, (b"\0" + bytes(8)) * 8, chunk(b"iCCP", b"a\0\0x"), chunk(b"zTXt", b"a\0\0x")
        ),
        encode(photo.convert("P"), "BMP"),
        encode(photo.convert("RGBA"), "WEBP", lossless=True, exif=exif(3), icc_profile=profile),
        *(
            encode(photo, tiff, compression=kind)
            for kind in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
        ),
        encode(photo.convert("1"), tiff, compression="group4"),
        encode(cmyk, tiff, icc_profile=profile),
        encode(photo.convert("LAB"), tiff),
        encode(Image.new("I;16", (30, 20), 4_000), tiff),
        encode(quarters(), tiff, save_all=True, append_images=[busy()], exif=exif(8)),
        *(animation(form) for form in ("GIF", "PNG", "WEBP")),
        *([encode(photo, "AVIF"), encode(quarters(), "AVIF", exif=exif(7))] if has_avif() else []),
    )


def has_avif() -> bool:
    return bool(features.check("avif"))


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(whole())))
    for _ in range(draw(st.integers(1, 5))):
        # Headers steer decoders: half of the changes go there.
        end = max(1, min(len(data), draw(st.sampled_from([64, 400, 10**9]))))
        _change(draw, data, draw(st.integers(0, end - 1)))
    return bytes(data)


def _change(draw: st.DrawFn, data: bytearray, at: int) -> None:
    kind = draw(st.sampled_from(["byte", "number", "cut", "end", "repeat", "splice"]))
    if kind == "byte":
        data[at : at + 1] = bytes([draw(st.integers(0, 255))])
    elif kind == "number":
        width, order = draw(st.sampled_from([2, 4])), draw(st.sampled_from(["big", "little"]))
        value = draw(st.sampled_from(EDGES)) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, order)
    elif kind == "cut":
        del data[at : at + draw(st.integers(1, 60))]
    elif kind == "end":
        del data[at:]
    elif kind == "repeat":
        data[at:at] = data[at : at + draw(st.integers(1, 60))] * draw(st.integers(1, 200))
    else:
        other = draw(st.sampled_from(whole()))
        start = draw(st.integers(0, len(other) - 1))
        data[at : at + 40] = other[start : start + draw(st.integers(1, 400))]


def check(data: bytes) -> None:
    began = time.perf_counter()
    try:
        picture = inspect(data, LIMITS)
    except PictureRefused as refused:
        # Decoding at full size finds no less and no more.
        if refused.reason not in LIMITED:
            with pytest.raises(PictureRefused):
                decode(data)
    else:
        image = decode(data)
        assert image.mode == "RGB"
        assert image.size == (picture.width, picture.height)
        assert derive(data, 16).startswith(b"RIFF")
    assert time.perf_counter() - began < SLOWEST


@settings(max_examples=600 * MORE, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken())
def test_broken_pictures_are_shown_or_refused(data: bytes) -> None:
    check(data)


@settings(max_examples=100 * MORE, deadline=None)
@given(st.integers(0, 100), st.binary(max_size=300))
def test_signatures_before_noise_are_refused(which: int, noise: bytes) -> None:
    with pytest.raises(PictureRefused):
        inspect(whole()[which % len(whole())][:12] + noise, LIMITS)


@settings(max_examples=100 * MORE, deadline=None)
@given(st.binary(max_size=2_000))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(PictureRefused):
        inspect(noise, LIMITS)


def test_sound_pictures_are_shown_and_memory_stays_bounded() -> None:
    # Last: this process has decoded all of the above by now.
    for data in whole():
        inspect(data, LIMITS)
        check(data)
    before = peak_mb()
    for data in whole():
        for at in range(0, min(len(data), 300), 7):
            for edge in (b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff\xff"):
                check(data[:at] + edge + data[at + len(edge) :])
    assert peak_mb() - before < MOST_MEMORY
