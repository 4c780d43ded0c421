"""Pictures to browsers, from a folder and from a bucket: ranges, caches, signed addresses."""

import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from PIL import Image as Pillow

from app.api.served import byte_range
from app.domain.errors import BeyondTheEndError
from app.main import create_app
from tests import factories
from tests.api.service import Service, make_service, make_settings, one_application, problem
from tests.s3 import S3

PICTURE = factories.paint(0, 0)


@pytest.fixture(params=["folder", "objects"])
def stored(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Service]:
    """The application with one picture, on either store."""
    others = {}
    if request.param == "objects":
        s3: S3 = request.getfixturevalue("s3")
        others = s3.given() | {"blobs": s3.prefix()}
    made = make_service(one_application(), database_url, tmp_path, **others)
    assert made.upload("/images", ("a.jpg", PICTURE)).json()["stored"] == 1
    yield made
    made.sessions.kw["bind"].dispose()


def path(size: str = "original") -> str:
    return f"/projects/flowers/images/{sha256(PICTURE).hexdigest()}/{size}"


def test_originals_and_copies_are_served_whole_in_parts_or_not_at_all(stored: Service) -> None:
    for size, kind in (("original", "image/jpeg"), ("thumbnail", "image/webp")):
        whole = stored.call("ben", "GET", path(size))
        content, length = whole.content, len(whole.content)
        assert (whole.status_code, whole.headers["content-type"]) == (200, kind)
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["cache-control"] == "private, max-age=31536000, immutable"
        head = stored.call("ben", "HEAD", path(size))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(length)
        assert head.headers["etag"] == whole.headers["etag"]
        assert (
            "content-range"
            not in stored.call("ben", "HEAD", path(size), headers={"Range": "bytes=0-1"}).headers
        )

        def get(*, of: str = size, **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return stored.call("ben", "GET", path(of), headers=named)

        part = get(Range="bytes=10-59")
        assert (part.status_code, part.content) == (206, content[10:60])
        assert part.headers["content-range"] == f"bytes 10-59/{length}"
        assert part.headers["content-length"] == "50"
        assert get(Range="bytes=-7").content == content[-7:]
        assert get(Range="bytes=10-").content == content[10:]
        beyond = get(Range=f"bytes={length}-")
        problem(beyond, 416, "beyond-the-end")
        assert beyond.headers["content-range"] == f"bytes */{length}"
        # What has changed meanwhile is sent whole: half of it would not fit to the other half.
        tag = whole.headers["etag"]
        assert get(Range="bytes=0-9", If_Range=tag).status_code == 206
        for other in ('"another"', f"W/{tag}", "Sat, 21 Nov 2026 00:00:00 GMT"):
            again = get(Range="bytes=0-9", If_Range=other)
            assert (again.status_code, again.content) == (200, content)
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            same = get(If_None_Match=known)
            assert (same.status_code, same.content) == (304, b"")
            assert "immutable" in same.headers["cache-control"]
        assert get(If_None_Match='"another"').content == content
    for method in ("GET", "HEAD"):
        assert stored.call("olga", method, path()).status_code == 404
        assert stored.call(None, method, path("thumbnail")).status_code == 401


def test_a_large_original_is_sent_in_pieces(stored: Service) -> None:
    file = io.BytesIO()
    noise = Pillow.effect_noise((990, 990), 90)
    noise.save(file, "PNG")
    data = file.getvalue()
    settings = stored.app.state.context.settings
    object.__setattr__(settings, "most_image_bytes", 3_000_000)
    (image,) = stored.upload("/images", ("large.png", data)).json()["images"]
    at = f"/projects/flowers/images/{image['sha256']}/original"
    assert stored.call("ben", "GET", at).content == data
    part = stored.call("ben", "GET", at, headers={"Range": "bytes=5-"})
    assert (part.status_code, part.content == data[5:]) == (206, True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=3-99", (3, 10)),
        ("Bytes=9-", (9, 10)),
        ("bytes=-99", (0, 10)),
        *((ignored, None) for ignored in ("", "bytes=5-3", "bytes=", "bytes=-", "lines=0-1")),
        *((ignored, None) for ignored in ("bytes=0-1,3-4", "bytes=a-b", "bytes 0-1")),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str, expected: object) -> None:
    assert byte_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_beyond_the_end_is_none(header: str) -> None:
    with pytest.raises(BeyondTheEndError):
        byte_range(header, 10)


def test_browsers_may_be_sent_to_the_bucket(database_url: str, tmp_path: Path, s3: S3) -> None:
    others = s3.given() | {"blobs": s3.prefix(), "signed_urls": True}
    app = create_app(make_settings(database_url, tmp_path, **others))
    service = make_service(app, database_url, tmp_path, **others)
    service.upload("/images", ("a.jpg", PICTURE))
    for size, kind in (("original", "image/jpeg"), ("screen", "image/webp")):
        sent = service.call("ben", "GET", path(size))
        assert (sent.status_code, sent.content) == (307, b"")
        # Kept for as long as the address is good, by this browser alone.
        assert sent.headers["cache-control"] == "private, max-age=240"
        picture = httpx.get(sent.headers["location"])
        assert (picture.status_code, picture.headers["content-type"]) == (200, kind)
        assert picture.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert "X-Amz-Expires=300&" in sent.headers["location"]
        # The signature is for reading: a HEAD is answered here.
        assert service.call("ben", "HEAD", path(size)).status_code == 200
    s3.requests.clear()
    assert service.call("olga", "GET", path()).status_code == 404
    assert service.call(None, "GET", path()).status_code == 401
    assert service.call("ben", "GET", path("screen")).status_code == 307
    assert [each.method for each in s3.requests] == ["HEAD"]  # a copy that is there is not made
    page = service.client.get("/sign-in")
    assert f"img-src 'self' blob: data: {s3.url};" in page.headers["content-security-policy"]
    service.sessions.kw["bind"].dispose()
