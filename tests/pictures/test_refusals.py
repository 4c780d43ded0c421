"""What is no picture, not a whole one, or too much of one."""

import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from app.pictures import (
    MOST_PIXELS,
    PictureLimits,
    PictureRefused,
    RefusalReason,
    decode,
    derive,
    inspect,
)

from .making import animation, busy, chunk, encode, png, quarters

# The product's own filters are replaced by those of pytest.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

LIMITS = PictureLimits()


def refusal(data: bytes, limits: PictureLimits = LIMITS) -> PictureRefused:
    with pytest.raises(PictureRefused) as caught:
        inspect(data, limits)
    assert caught.value.detail == str(caught.value)
    assert caught.value.detail.endswith(".")
    return caught.value


def test_nothing_is_empty() -> None:
    assert refusal(b"").reason is RefusalReason.EMPTY


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf\n <HTML lang=en><svg></svg>", "web page"),
        (b'<?xml version="1.0"?><!-- x --><html xmlns="x">', "web page"),
        (b'{"error": "not found"}', "text"),
        (b"Forbidden", "text"),
        (bytes(1000), "known picture"),
        (b"Rar!\x1a\x07\x01\x00", "RAR archive"),
        (b"PK\x03\x04" + bytes(30), "zip"),
        (b"RIFF\x10\0\0\0WAVEfmt \0\0\0\0", "known picture"),
    ],
)
def test_other_things_are_not_an_image(data: bytes, word: str) -> None:
    refused = refusal(data)
    assert refused.reason is RefusalReason.NOT_AN_IMAGE
    assert word in refused.detail


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "MP4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?>\n<svg/>', "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", "EPS"),
        (b"8BPS\0\1", "PSD"),
        (b"%PDF-1.7", "PDF"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"P6\n2 2\n255\n............", "Netpbm"),
        (b"II+\0\x08\0\0\0", "BigTIFF"),
        (b"II*\0\x10\0\0\0CR\2\0", "CR2"),
    ],
)
def test_other_formats_are_refused_by_name(data: bytes, name: str) -> None:
    refused = refusal(data)
    assert refused.reason is RefusalReason.UNSUPPORTED_FORMAT
    assert name in refused.detail
    assert "JPEG" in refused.detail


@pytest.mark.parametrize(
    "form_options",
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
    ],
    ids=str,
)
def test_a_cut_anywhere_is_truncated(form_options: tuple[str, dict[str, bool]]) -> None:
    form, options = form_options
    whole = encode(busy(24, 16), form, **options)
    assert inspect(whole, LIMITS).format == form
    reasons = {refusal(whole[:end]).reason for end in range(1, len(whole))}
    assert reasons == {RefusalReason.TRUNCATED}


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_a_cut_after_the_first_frame_is_truncated(form: str) -> None:
    whole = animation(form)
    assert inspect(whole, LIMITS).frames == 3
    for end in range(len(whole) * 2 // 3, len(whole)):
        assert refusal(whole[:end]).reason is RefusalReason.TRUNCATED


@pytest.mark.parametrize("form_options", [("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})])
def test_a_cut_tiff_is_refused(form_options: tuple[str, dict[str, str]]) -> None:
    form, options = form_options
    whole = encode(busy(24, 16), form, **options)
    reasons = {refusal(whole[:end]).reason for end in range(1, len(whole), 5)}
    assert reasons <= {RefusalReason.TRUNCATED, RefusalReason.DAMAGED}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_bytes_after_the_end_are_forgiven(form: str) -> None:
    assert inspect(encode(quarters(), form) + b"\0trailing rubbish", LIMITS).format == form


def test_changed_pixels_of_a_png_are_damaged() -> None:
    whole = bytearray(encode(busy(), "PNG"))
    whole[whole.index(b"IDAT") + 100] ^= 1
    assert refusal(bytes(whole)).reason is RefusalReason.DAMAGED


def test_a_file_over_the_limit_is_too_large() -> None:
    data = encode(quarters(), "PNG")
    assert inspect(data, PictureLimits(bytes=len(data))).bytes == len(data)
    refused = refusal(data, PictureLimits(bytes=len(data) - 1))
    assert refused.reason is RefusalReason.TOO_LARGE
    assert f"{len(data) - 1:,}" in refused.detail


def test_a_short_side_is_too_small() -> None:
    assert inspect(encode(quarters(8, 8), "PNG"), LIMITS).width == 8
    refused = refusal(encode(quarters(200, 7), "PNG"))
    assert refused.reason is RefusalReason.TOO_SMALL
    assert "200 x 7" in refused.detail


def test_the_pixel_limit_is_exact_and_configurable() -> None:
    data = encode(quarters(40, 20), "JPEG")
    assert inspect(data, PictureLimits(pixels=800)).width == 40
    refused = refusal(data, PictureLimits(pixels=799))
    assert refused.reason is RefusalReason.TOO_MANY_PIXELS
    assert "40 x 20" in refused.detail


@pytest.mark.parametrize("pixels", [0, MOST_PIXELS + 1])
def test_limits_that_cannot_be_kept_are_errors(pixels: int) -> None:
    with pytest.raises(ValueError, match=r"choose 1 to"):
        PictureLimits(pixels=pixels)


def bomb(side: int) -> bytes:
    """A real picture of side x side white pixels in few bytes."""
    row = b"\0" + b"\xff" * (side * 3)
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("form", ["GIF", "BMP", "WEBP"])
def test_bombs_of_other_formats_are_refused_from_the_header(form: str) -> None:
    data = bytearray(encode(quarters(16, 16), form, lossless=True))
    at, sides = {
        "GIF": (6, struct.pack("<HH", 65535, 65535)),
        "BMP": (18, struct.pack("<ii", 30000, 30000)),
        "WEBP": (21, struct.pack("<I", 16382 | 16382 << 14)),
    }[form]
    data[at : at + len(sides)] = sides
    assert refusal(bytes(data)).reason is RefusalReason.TOO_MANY_PIXELS


_MEASURE = """
import resource, sys, time
from app.pictures import PictureLimits, PictureRefused, inspect
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
try:
    inspect(data, PictureLimits())
except PictureRefused as refused:
    print(refused.reason)
print(time.perf_counter() - start)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_is_refused_quickly_in_little_memory() -> None:
    # 30000 x 30000 would be 3.6 GB decoded. In a process of its own, for an honest peak.
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", _MEASURE],
        input=png(30000, 30000, 8, 2, bytes(1_000_000)),
        capture_output=True,
        check=True,
    )
    reason, seconds, kilobytes = run.stdout.decode().split()
    assert reason == "too_many_pixels"
    assert float(seconds) < 1
    assert int(kilobytes) < 30_000
    assert run.stderr == b""


_TOGETHER = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from app.pictures import PictureLimits, inspect
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(12) as pool:
    print(len(list(pool.map(lambda _: inspect(data, PictureLimits()), range(12)))))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_large_pictures_take_turns() -> None:
    # Twelve of 64 MB each; more than two at once would take more.
    run = subprocess.run(
        [sys.executable, "-c", _TOGETHER], input=bomb(4_000), capture_output=True, check=True
    )
    number, kilobytes = run.stdout.decode().split()
    assert number == "12"
    assert int(kilobytes) < 250_000


def test_a_complete_bomb_is_refused_by_each_verb() -> None:
    data = bomb(14500)  # 210 megapixels, between Pillow's warning and its error
    assert refusal(data).reason is RefusalReason.TOO_MANY_PIXELS
    for verb in (decode, lambda data: derive(data, 100)):
        with pytest.raises(PictureRefused):
            verb(data)


def tiff(*entries: tuple[int, int, int, int]) -> bytes:
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


def test_a_tiff_that_announces_endless_strips_is_damaged() -> None:
    assert refusal(tiff((273, 4, 50_000_000, 8))).reason is RefusalReason.DAMAGED


def test_a_camera_raw_file_in_tiff_clothes_is_named() -> None:
    assert "DNG" in refusal(tiff((50706, 1, 4, 8))).detail


def test_a_tiff_of_floats_is_refused() -> None:
    refused = refusal(encode(Image.new("F", (16, 16), 0.5), "TIFF"))
    assert refused.reason is RefusalReason.UNSUPPORTED_FORMAT


def test_no_warning_reaches_the_process() -> None:
    # In a process of its own: pytest puts its own filters in front of ours.
    code = (
        "import sys; from app.pictures import *\n"
        "try: inspect(sys.stdin.buffer.read(), PictureLimits())\n"
        "except PictureRefused as refused: print(refused.reason)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=png(17000, 17000, 8, 2, b"", chunk(b"acTL", bytes(8))),
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode().strip() == "too_many_pixels"
    assert run.stderr == b""
