"""What the web really serves where a picture was promised, sent as crawlers send it."""

import dataclasses
import io
import itertools
import json
import struct
import time
import zipfile
import zlib

import pytest
from PIL import Image as Pillow
from PIL import features

from app.db.tables import Image
from app.pictures import SHOWN
from tests.api.service import Service
from tests.pictures.making import GREEN, busy, chunk, corners, encode, exif, near, png, quarters

JPEG = encode(busy(), "JPEG", quality=90)
PNG = encode(quarters(), "PNG")
PAGE = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>Gone</body></html>"
GREY = (b"\x00" + b"\x40" * 16) * 16
PACKED = zlib.compress(bytes(60_000_000), 9)  # 58 kB that unpack to 60 MB


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("index.html", PAGE)
    return file.getvalue()


def heic() -> bytes:
    brands = b"heic" + bytes(4) + b"mif1heic"
    return struct.pack(">I4s", len(brands) + 8, b"ftyp") + brands + bytes(500)


def film(frames: int) -> bytes:
    """A GIF of one pixel that changes very often."""
    head = b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    first = b"," + struct.pack("<HHHHB", 0, 0, 16, 16, 0) + solid(16 * 16)
    dot = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + first + dot * (frames - 1) + b";"


def solid(pixels: int) -> bytes:
    """Codes of a picture in one colour, each pixel between two clear codes: no dictionary."""
    bits, length = 0, 0
    for code in (*itertools.chain.from_iterable([(4, 0)] * pixels), 5):
        bits |= code << length
        length += 3
    packed = bits.to_bytes(-(-length // 8), "little")
    blocks = (packed[at : at + 255] for at in range(0, len(packed), 255))
    return b"\x02" + b"".join(bytes([len(each)]) + each for each in blocks) + b"\x00"


def one(service: Service, name: str, data: bytes) -> dict:
    answer = service.upload("/images", (name, data))
    assert answer.status_code == 200, answer.text
    (image,) = answer.json()["images"]
    return dict(image)


@pytest.mark.parametrize(
    ("name", "data", "shown_as"),
    [
        ("really-a-png.jpg", PNG, "image/png"),
        ("really-a-jpeg.png", JPEG, "image/jpeg"),
        ("no extension", JPEG, "image/jpeg"),
        ("photo.php?id=12&w=400", JPEG, "image/jpeg"),
        ("Альпийская астра — 花.jpg", JPEG, "image/jpeg"),
        ("تفاح\u202egpj.exe", JPEG, "image/jpeg"),
        ("a" * 2000 + ".jpg", JPEG, "image/jpeg"),
        ("archive-behind.jpg", JPEG + archive(), "image/jpeg"),
        ("page-inside.png", png(16, 16, 8, 0, GREY, chunk(b"tEXt", b"a\0" + PAGE)), "image/png"),
        ("script.gif", film(1) + b"/*<script>alert(1)</script>*/", "image/gif"),
        ("film.gif", film(10_000), "image/gif"),
        *([("photo.avif", encode(busy(), "AVIF"), "image/avif")] if features.check("avif") else []),
    ],
)
def test_the_bytes_decide_what_it_is(
    service: Service, name: str, data: bytes, shown_as: str
) -> None:
    image = one(service, name, data)
    assert image["outcome"] == "stored", image
    assert image["filename"] == name[:255]
    url = f"/projects/flowers/images/{image['sha256']}"
    original = service.call("ben", "GET", f"{url}/original")
    # Kept as it came, and never taken for the page or script that may be in it.
    assert original.content == data
    assert original.headers["content-type"] == shown_as
    assert original.headers["x-content-type-options"] == "nosniff"
    for size in SHOWN:
        shown = service.call("ben", "GET", f"{url}/{size.word}")
        assert b"script" not in shown.content
        Pillow.open(io.BytesIO(shown.content)).load()


@pytest.mark.parametrize(
    ("name", "data", "reason", "says"),
    [
        ("saved.jpg", PAGE, "not_an_image", "web page"),
        ("error.jpg", json.dumps({"error": "rate limit"}).encode(), "not_an_image", "text"),
        ("photo.heic", heic(), "unsupported_format", "HEIC"),
        ("photo.heic.jpg", heic(), "unsupported_format", "HEIC"),
        ("cut.gif", film(50)[:-20], "truncated", "ends too early"),
        ("archive.jpg", archive(), "not_an_image", "zip archive"),
        ("huge.png", png(30_000, 30_000, 8, 2, bytes(3_000_000)), "too_many_pixels", "pixels"),
        ("tiny.gif", encode(Pillow.new("P", (1, 1)), "GIF"), "too_small", "1 x 1"),
        ("thin.png", encode(Pillow.new("L", (3000, 2)), "PNG"), "too_small", "3000 x 2"),
    ],
)
def test_what_is_no_picture_is_told_by_name(
    service: Service, name: str, data: bytes, reason: str, says: str
) -> None:
    refused = one(service, name, data)
    assert (refused["outcome"], refused["reason"]) == ("rejected", reason)
    assert says in refused["detail"]
    assert service.count(Image) == 0


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"Comment\0\0" + PACKED),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + PACKED),
        chunk(b"iCCP", b"profile\0\0" + PACKED),
        chunk(b"tEXt", b"a\0b") * 9_000,
    ],
    ids=["text", "unicode text", "profile", "many texts"],
)
def test_what_is_packed_beside_the_pixels_is_never_unpacked(service: Service, extra: bytes) -> None:
    began = time.perf_counter()
    image = one(service, "packed.png", png(16, 16, 8, 0, GREY, extra))
    assert time.perf_counter() - began < 5
    assert image["outcome"] in {"stored", "rejected"}
    if image["outcome"] == "stored":
        url = f"/projects/flowers/images/{image['sha256']}/thumbnail"
        assert service.call("ben", "GET", url).status_code == 200


def test_a_film_of_a_hundred_thousand_frames_is_one_picture(service: Service) -> None:
    context = service.app.state.context
    settings = context.settings.model_copy(update={"most_image_bytes": 1_950_000})
    service.app.state.context = dataclasses.replace(context, settings=settings)
    began = time.perf_counter()
    image = one(service, "film.gif", film(100_000))
    assert image["outcome"] == "stored", image
    url = f"/projects/flowers/images/{image['sha256']}/screen"
    assert service.call("ben", "GET", url).status_code == 200
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_no_copy_tells_where_a_picture_was_taken(service: Service, form: str) -> None:
    options = {} if form == "TIFF" else {"comment": b"at home"}
    data = encode(quarters(), form, exif=exif(6, place=True), **options)
    assert Pillow.open(io.BytesIO(data)).getexif().get_ifd(0x8825)  # the place is in there
    image = one(service, "garden.jpg", data)
    url = f"/projects/flowers/images/{image['sha256']}"
    assert service.call("ben", "GET", f"{url}/original").content == data
    for size in SHOWN:
        shown = Pillow.open(io.BytesIO(service.call("ben", "GET", f"{url}/{size.word}").content))
        assert not dict(shown.getexif())
        assert not shown.info.keys() & {"exif", "xmp", "icc_profile", "comment"}
        # Upright: the green of the upper right is in the lower right now.
        assert shown.size == (48, 64)
        assert near(corners(shown.convert("RGB"))[3], GREEN, 12)
