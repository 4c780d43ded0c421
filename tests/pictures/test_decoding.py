"""Oddities of good pictures: each is shown as a viewer shows it."""

import hashlib
import io
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageCms, features

from app.pictures import PictureFormat, PictureLimits, PictureRefused, Size, decode, derive, inspect

from .making import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    animation,
    busy,
    chunk,
    corners,
    encode,
    exif,
    near,
    png,
    quarters,
    same_corners,
)

# The product's own filters are replaced by those of pytest.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LIMITS = PictureLimits()
FORMS = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]

# The turn that undoes each EXIF orientation, so that stored pixels need it.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(orientation: int) -> Image.Image:
    step = STORED[orientation]
    return quarters() if step is None else quarters().transpose(step)


@pytest.mark.parametrize("form", FORMS)
def test_inspect_tells_the_facts(form: str) -> None:
    data = encode(quarters(), form)
    picture = inspect(data, LIMITS)
    assert picture.format is PictureFormat(form)
    assert (picture.width, picture.height, picture.bytes) == (64, 48, len(data))
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.frames == 1
    assert picture.mode == ("P" if form == "GIF" else "RGB")
    assert picture.format.media_type == f"image/{form.lower()}"


@pytest.mark.parametrize("form", FORMS)
def test_plain_pictures_keep_their_colours(form: str) -> None:
    image = decode(encode(quarters(), form))
    assert type(image) is Image.Image
    assert (image.mode, image.size, image.info) == ("RGB", (64, 48), {})
    assert same_corners(image)


def test_avif_is_shown_or_refused_by_name() -> None:
    # A Pillow without libavif is legitimate; then bytes of the container stand in for a picture.
    if features.check("avif"):
        assert same_corners(decode(encode(quarters(), "AVIF")), 12)
        turned = encode(stored(6), "AVIF", exif=exif(6))
        assert same_corners(decode(turned), 12)
        assert inspect(turned, LIMITS).width == 64
    else:
        with pytest.raises(PictureRefused, match="AVIF"):
            decode(b"\0\0\0\x18ftypavif\0\0\0\0avifmif1")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_is_made_upright(form: str, orientation: int) -> None:
    data = encode(stored(orientation), form, exif=exif(orientation))
    picture = inspect(data, LIMITS)
    assert (picture.width, picture.height) == (64, 48)
    assert decode(data).size == (64, 48)
    assert same_corners(decode(data), 12)
    small = Image.open(io.BytesIO(derive(data, 32)))
    assert small.size == (32, 24)
    assert same_corners(small.convert("RGB"), 24)


@pytest.mark.parametrize(
    "metadata", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\xff\xff", exif(1)[:-9], exif(77)]
)
def test_broken_exif_is_ignored(metadata: bytes) -> None:
    assert same_corners(decode(encode(quarters(), "JPEG", exif=metadata)))


def test_an_orientation_in_xmp_is_ignored_as_browsers_do() -> None:
    data = encode(quarters(), "JPEG", xmp=b'<x tiff:Orientation="6"/>')
    assert inspect(data, LIMITS).width == 64


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(form: str) -> None:
    data = encode(quarters().convert("CMYK"), form)
    assert inspect(data, LIMITS).mode == "CMYK"
    assert same_corners(decode(data))


def test_cmyk_stored_inverted_by_adobe_is_not_a_negative() -> None:
    # Pillow writes CMYK as Adobe does, inverted and marked; 0 ink is stored as 255.
    data = encode(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=95)
    assert b"Adobe" in data
    assert near(decode(data).getpixel((8, 8)), WHITE)


def test_ycck_keeps_its_colours() -> None:
    # Adobe turns the inks C, M, Y to YCbCr as if they were R, G, B, and stores black inverted.
    inks = quarters().convert("CMYK").split()
    planes = Image.merge("RGB", inks[:3]).convert("YCbCr").split()
    # Pillow inverts all four planes as it writes CMYK; invert them before, and mark as YCCK.
    negative = [plane.point(lambda value: 255 - value) for plane in planes]
    data = bytearray(encode(Image.merge("CMYK", [*negative, inks[3]]), "JPEG", quality=100))
    data[data.index(b"Adobe") + 11] = 2
    assert same_corners(decode(bytes(data)))


def grey16(values: list[int]) -> Image.Image:
    raw = struct.pack(f"<{len(values)}H", *values)
    return Image.frombytes("I;16", (len(values), 1), raw).resize((len(values), 8))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_16_bit_gradient_keeps_its_gradient(form: str) -> None:
    data = encode(grey16([257 * v for v in range(256)]), form)
    assert inspect(data, LIMITS).mode == "I;16"
    image = decode(data)
    assert [image.getpixel((x, 4)) for x in range(256)] == [(v, v, v) for v in range(256)]


def test_a_big_endian_16_bit_tiff_keeps_its_gradient() -> None:
    values = [257 * v for v in range(256)]
    raw = struct.pack(">256H", *values) * 8
    entries = [
        (256, 3, 1, 256 << 16),
        (257, 3, 1, 8 << 16),
        (258, 3, 1, 16 << 16),
        (259, 3, 1, 1 << 16),
        (262, 3, 1, 1 << 16),
        (273, 4, 1, 8 + 2 + 12 * 8 + 4),
        (277, 3, 1, 1 << 16),
        (279, 4, 1, len(raw)),
    ]
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    data = b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + bytes(4) + raw
    image = decode(data)
    assert [image.getpixel((x, 4)) for x in range(256)] == [(v, v, v) for v in range(256)]


def test_16_bit_colours_are_scaled() -> None:
    row = b"\0" + struct.pack(">3H", 0xFFFF, 0x8000, 0) * 16
    assert decode(png(16, 16, 16, 2, row * 16)).getpixel((3, 3)) == (255, 128, 0)


def test_16_bit_alpha_is_put_on_white() -> None:
    row = b"\0" + struct.pack(">4H", 0, 0, 0, 0x8000) * 16
    assert near(decode(png(16, 16, 16, 6, row * 16)).getpixel((3, 3)), (127, 127, 127), 1)


@pytest.mark.parametrize(
    ("colour", "samples", "shown"),
    [(0, (0xABCD,), 0xAB), (2, (0xABCD, 0xABCD, 0xABCD), 0xAB)],
)
def test_a_16_bit_transparent_colour_does_no_harm(
    colour: int, samples: tuple[int, ...], shown: int
) -> None:
    row = b"\0" + struct.pack(f">{len(samples)}H", *samples) * 16
    key = chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))
    assert decode(png(16, 16, 16, colour, row * 16, key)).getpixel((3, 3)) == (shown,) * 3


def palette(transparency: int | bytes) -> bytes:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([*RED, *BLUE, *GREEN])
    image.paste(1, (8, 0, 16, 16))
    return encode(image, "PNG", transparency=transparency)


def test_a_palette_with_transparency_is_put_on_white() -> None:
    one = decode(palette(1))
    assert (one.getpixel((2, 2)), one.getpixel((12, 2))) == (RED, WHITE)
    half = decode(palette(bytes([128, 255, 255])))
    assert near(half.getpixel((2, 2)), (255, 127, 127), 1)
    assert half.getpixel((12, 2)) == BLUE


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_colour_is_put_on_white(mode: str) -> None:
    key = 0 if mode == "L" else (0, 0, 0)
    data = encode(Image.new(mode, (16, 16)), "PNG", transparency=key)
    assert decode(data).getpixel((4, 4)) == WHITE


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_put_on_white(form: str) -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 255, 128))
    image.paste((255, 0, 0, 0), (8, 0, 16, 16))
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    shown = decode(encode(image, form, **options))
    assert near(shown.getpixel((2, 2)), (127, 127, 255), 1)
    assert shown.getpixel((12, 2)) == WHITE


def test_grey_with_alpha_is_put_on_white() -> None:
    data = encode(Image.new("LA", (16, 16), (0, 64)), "PNG")
    assert near(decode(data).getpixel((2, 2)), (191, 191, 191), 1)


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "TIFF"])
def test_black_and_white_is_shown(form: str) -> None:
    image = Image.new("1", (16, 16), 0)
    image.paste(1, (8, 0, 16, 16))
    shown = decode(encode(image, form))
    assert (shown.getpixel((2, 2)), shown.getpixel((12, 2))) == ((0, 0, 0), WHITE)


@pytest.mark.parametrize("form", FORMS)
def test_grey_is_shown(form: str) -> None:
    assert near(decode(encode(Image.new("L", (16, 16), 90), form)).getpixel((4, 4)), (90,) * 3, 2)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_spaces_of_tiff_are_shown(mode: str) -> None:
    image = quarters().convert("YCbCr")
    if mode == "LAB":
        image = Image.new("LAB", (64, 48), (255, 128, 128))  # white, as Pillow stores it
        assert decode(encode(image, "TIFF")).size == (64, 48)
    else:
        assert same_corners(decode(encode(image, "TIFF")))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_shows_its_first_frame(form: str) -> None:
    data = animation(form)
    assert inspect(data, LIMITS).frames == 3
    assert decode(data).getpixel((5, 5)) == RED
    copy = Image.open(io.BytesIO(derive(data, 10)))
    assert getattr(copy, "n_frames", 1) == 1


def test_a_first_frame_smaller_than_its_canvas_is_put_on_white() -> None:
    data = bytearray(encode(Image.new("P", (16, 16), 0), "GIF"))
    data[6:10] = struct.pack("<HH", 32, 32)
    image = decode(bytes(data))
    assert image.size == (32, 32)
    assert image.getpixel((4, 4)) == (0, 0, 0)
    assert image.getpixel((24, 24)) == WHITE


def test_a_bmp_with_an_unused_alpha_byte_is_solid() -> None:
    header = struct.pack(
        "<2sIHHI IiiHHIIiiII 4I", b"BM", 0, 0, 0, 70, 56, 16, 16, 1, 32, 3, 0, 0, 0, 0, 0,
        0xFF0000, 0xFF00, 0xFF, 0xFF000000,
    )  # fmt: skip
    assert decode(header + bytes([0, 0, 255, 0]) * 256).getpixel((4, 4)) == RED


def swapped_profile() -> bytes:
    """An sRGB profile whose red and blue primaries are exchanged: obvious when applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for entry in range(struct.unpack_from(">I", profile, 128)[0]):
        at = 132 + 12 * entry
        name = bytes(profile[at : at + 4])
        profile[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
    # Under another name, or it would be taken for the space it came from.
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_a_colour_profile_is_applied(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(Image.new("RGB", (16, 16), RED), form, icc_profile=swapped_profile(), **options)
    assert near(decode(data).getpixel((4, 4)), BLUE)
    copy = Image.open(io.BytesIO(derive(data, 8)))
    assert near(copy.convert("RGB").getpixel((4, 4)), BLUE, 12)
    assert "icc_profile" not in copy.info


def test_a_colour_profile_is_applied_under_alpha_and_palette() -> None:
    clear = encode(Image.new("RGBA", (16, 16), (*RED, 128)), "PNG", icc_profile=swapped_profile())
    assert near(decode(clear).getpixel((4, 4)), (127, 127, 255))
    image = Image.new("RGB", (16, 16), RED).quantize()
    few = encode(image, "PNG", icc_profile=swapped_profile())
    assert near(decode(few).getpixel((4, 4)), BLUE)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("profile", [b"rubbish", swapped_profile()[:300], bytes(128)])
def test_a_broken_or_foreign_profile_is_ignored(mode: str, profile: bytes) -> None:
    image = Image.new("RGB", (16, 16), (90, 90, 90)).convert(mode)
    data = encode(image, "JPEG", icc_profile=profile, quality=95)
    assert near(decode(data).getpixel((4, 4)), (90, 90, 90), 2)


def test_a_profile_of_another_mode_is_ignored() -> None:
    data = encode(Image.new("L", (16, 16), 90), "PNG", icc_profile=swapped_profile())
    assert decode(data).getpixel((4, 4)) == (90, 90, 90)


def test_the_place_is_stripped() -> None:
    xmp = b"<x:xmpmeta>52N 31E</x:xmpmeta>"
    data = encode(quarters(), "JPEG", exif=exif(6, place=True), xmp=xmp, comment=b"at home")
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    copy = derive(data, 32)
    assert {kind for kind in (b"EXIF", b"XMP ", b"ICCP", b"VP8X") if kind in copy} == set()
    shown = Image.open(io.BytesIO(copy))
    shown.load()
    assert not shown.getexif()
    assert not decode(data).getexif()


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((3000, 2000), Size.THUMBNAIL, (320, 213)),
        ((2000, 3000), Size.THUMBNAIL, (213, 320)),
        ((1700, 20), Size.SCREEN, (1600, 19)),
        ((100, 50), Size.THUMBNAIL, (100, 50)),
        ((320, 320), Size.THUMBNAIL, (320, 320)),
        ((1000, 8), 10, (10, 1)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_derivatives_fit_and_never_grow(
    form: str, size: tuple[int, int], longest: int, expected: tuple[int, int]
) -> None:
    copy = Image.open(io.BytesIO(derive(encode(quarters(*size), form), longest)))
    assert (copy.format, copy.size) == ("WEBP", expected)


def test_a_draft_looks_like_the_whole() -> None:
    # Eight times larger than needed, so the JPEG decoder skips detail; a PNG is always read whole.
    image = busy(20, 15).resize((1920, 1440), Image.Resampling.BICUBIC)
    data = encode(image, "JPEG", quality=92)
    whole = encode(decode(data), "PNG", compress_level=1)
    quick, slow = (
        Image.open(io.BytesIO(derive(source, 120))).convert("RGB").tobytes()
        for source in (data, whole)
    )
    differences = [abs(a - b) for a, b in zip(quick, slow, strict=True)]
    # A shift by half a pixel of the copy would differ by 8.
    assert sum(differences) / len(differences) < 4


def test_derivatives_are_reproducible_among_threads() -> None:
    data = encode(busy(200, 150), "JPEG", icc_profile=swapped_profile())
    with ThreadPoolExecutor(4) as pool:
        copies = set(pool.map(lambda _: derive(data, 100), range(16)))
    assert len(copies) == 1


def test_a_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="longest is 0"):
        derive(encode(quarters(), "PNG"), 0)


def test_corners_tell_turns_apart() -> None:
    # The tests above rest on this.
    seen = {tuple(corners(stored(orientation))) for orientation in STORED}
    assert len(seen) == 8
