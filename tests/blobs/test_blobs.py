"""What holds for stored bytes wherever they are stored: in a folder, or in a bucket."""

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from app.blobs import (
    BadKey,
    BlobMissing,
    Blobs,
    FolderBlobs,
    ObjectBlobs,
    derivative_key,
    open_blobs,
    original_key,
)
from app.settings import StorageSettings
from tests.s3 import S3

MEMORY = "/dev/shm"  # noqa: S108 - a disk of its own
SHA = "ab" * 2 + "0" * 60


@pytest.fixture(params=["folder", "objects"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return FolderBlobs(tmp_path / "not" / "yet")
    s3: S3 = request.getfixturevalue("s3")
    return open_blobs(s3.settings(blobs=s3.prefix()), tmp_path)


def test_bytes_come_back(blobs: Blobs) -> None:
    blobs.put("models/7/weights.safetensors", b"abc")
    assert blobs.get("models/7/weights.safetensors") == b"abc"
    assert blobs.exists("models/7/weights.safetensors")
    assert blobs.size("models/7/weights.safetensors") == 3
    with blobs.open("models/7/weights.safetensors") as file:
        assert file.read(2) == b"ab"
    path = blobs.path("models/7/weights.safetensors")
    assert path is None or path.read_bytes() == b"abc"
    assert blobs.address("models/7/weights.safetensors") is None
    assert blobs.origin is None


def test_a_put_replaces_and_repeats(blobs: Blobs) -> None:
    for data in (b"one", b"one", b"", b"three"):
        blobs.put("a", data, "image/webp")
        assert blobs.get("a") == data
        with blobs.open("a") as file:
            assert file.read() == data
        blobs.put_file("b", io.BytesIO(data))
        assert blobs.get("b") == data


@pytest.mark.parametrize("key", ["absent", "folder", "folder/file/below", "no/such/folder"])
def test_what_is_not_stored_is_missing(blobs: Blobs, key: str) -> None:
    blobs.put("folder/file", b"x")
    assert not blobs.exists(key)
    for verb in (blobs.get, blobs.open, blobs.size):
        with pytest.raises(BlobMissing, match=key) as caught:
            verb(key)
        assert caught.value.key == key
    assert issubclass(BlobMissing, KeyError)


def test_delete_forgets_and_repeats(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    for key in ("a/b", "a/b", "a/b/c", "a", "never"):
        blobs.delete(key)
        assert not blobs.exists(key)
    blobs.put("a/b", b"y")
    assert blobs.get("a/b") == b"y"


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "a/", "a//b", "..", "../a", "a/../b", "a/..", ".", "./a"),
        *(".hidden", "a/.b", "a..b", "A", "a b", "a\\b", "a\0b", "a\n", "ä", "a" * 201, "a/" * 300),
    ],
)
def test_bad_keys_are_refused(blobs: Blobs, key: str) -> None:
    for verb in ("get", "open", "exists", "size", "delete", "path", "address", "put", "put_file"):
        rest = {"put": [b"x"], "put_file": [io.BytesIO()]}.get(verb, [])
        with pytest.raises(BadKey, match="is no key"):
            getattr(blobs, verb)(key, *rest)


def test_concurrent_puts_of_one_key_leave_one_of_them(blobs: Blobs) -> None:
    contents = [bytes([letter]) * 200_000 for letter in range(16)]
    seen = []

    def put_and_read(content: bytes) -> None:
        blobs.put("new/folder/key", content)
        seen.append(blobs.get("new/folder/key"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_and_read, contents))
    assert set(seen) <= set(contents)


def test_a_large_file_goes_in_and_out_in_pieces(blobs: Blobs, tmp_path: Path) -> None:
    size = 20 << 20
    with (tmp_path / "large").open("w+b") as source:
        source.write(b"front")
        source.write(os.urandom(1 << 20) * (size >> 20))
        source.seek(5)  # what is left to read counts
        blobs.put_file("large", source)
        with blobs.open("large") as file:
            source.seek(5)
            while piece := file.read(300_000):
                assert source.read(300_000) == piece
    assert blobs.size("large") == size


@pytest.mark.parametrize("folder", [None, MEMORY], ids=["same disk", "another disk"])
def test_a_file_is_moved_in(blobs: Blobs, tmp_path: Path, folder: str | None) -> None:
    if folder is not None and not Path(folder).is_dir():
        pytest.skip("no other disk here")
    with tempfile.TemporaryDirectory(dir=folder or tmp_path) as place:
        file = Path(place) / "part"
        for data in (os.urandom(3 << 20), b"other"):
            file.write_bytes(data)
            blobs.move_in("uploads/a", file)
            assert (blobs.get("uploads/a"), file.exists()) == (data, False)
        with pytest.raises(FileNotFoundError):
            blobs.move_in("uploads/a", file)
    assert blobs.get("uploads/a") == b"other"


def test_a_file_is_read_from_any_place_as_archives_need_it(blobs: Blobs, tmp_path: Path) -> None:
    content = {f"{number}.jpg": os.urandom(400_000) for number in range(20)}
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with (tmp_path / "zip").open("rb") as source:
        blobs.put_file("zip", source)
    with blobs.open("zip") as file, zipfile.ZipFile(file) as archive:
        for name in ("19.jpg", "0.jpg", "7.jpg"):
            assert archive.read(name) == content[name]


class _Broken(io.BytesIO):
    """A file whose disk fails after ten megabytes."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 10 << 20:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_file_that_cannot_be_read_leaves_the_old_bytes(blobs: Blobs) -> None:
    blobs.put("a", b"old")
    broken: BinaryIO = _Broken(bytes(30 << 20))
    with pytest.raises(OSError, match="Input/output"):
        blobs.put_file("a", broken)
    assert blobs.get("a") == b"old"


def test_keys_spread_over_folders() -> None:
    assert original_key(SHA) == f"originals/ab/ab/{SHA}"
    assert derivative_key(SHA, "thumbnail") == f"derivatives/thumbnail/ab/ab/{SHA}.webp"


@pytest.mark.parametrize("sha256", ["", "ab", SHA.upper(), SHA + "0", SHA[:-1] + "g", SHA + "\n"])
def test_keys_need_a_hash(sha256: str) -> None:
    with pytest.raises(BadKey, match="no SHA-256"):
        original_key(sha256)


def test_keys_need_a_size_name() -> None:
    with pytest.raises(BadKey, match="size"):
        derivative_key(SHA, "../up")


def test_a_small_object_costs_one_request_and_a_replaced_one_is_never_mixed(
    s3: S3, tmp_path: Path
) -> None:
    blobs = open_blobs(s3.settings(blobs=s3.prefix()), tmp_path)
    blobs.put("a", b"small")
    s3.requests.clear()
    with blobs.open("a") as file:
        assert file.read() + file.read() == b"small"
    assert [each.method for each in s3.requests] == ["GET"]
    blobs.put("a", bytes(5 << 20))
    with blobs.open("a") as file:
        file.read(1000)
        blobs.put("a", b"x" * (5 << 20))
        file.seek(4 << 20)
        with pytest.raises(OSError, match="replaced"):
            file.read(1)


# In a process of its own: the server of the tests keeps all that it is sent.
_LARGE = """
import resource, sys
from pathlib import Path
from app.blobs import open_blobs
from app.settings import StorageSettings

blobs = open_blobs(StorageSettings(), Path("."))
blobs.put("a", b"x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open("/dev/zero", "rb") as zeros:
    class Some:
        left = 88 << 20
        def read(self, size):
            self.left -= (size := min(size, self.left))
            return zeros.read(size)
    blobs.put_file("a", Some())
with blobs.open("a") as file:
    while file.read(1 << 20):
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_memory_does_not_grow_with_the_file(s3: S3) -> None:
    named = {f"VETTED_{name.upper()}": value for name, value in s3.given().items()}
    told = subprocess.run(
        [sys.executable, "-c", _LARGE],
        env={**os.environ, **named, "VETTED_BLOBS": s3.prefix()},
        check=True,
        capture_output=True,
    )
    assert int(told.stdout) < 56_000  # kB; two parts of 8 MB are on their way, one is read


def test_what_breaks_off_leaves_no_parts_in_the_bucket(s3: S3, tmp_path: Path) -> None:
    blobs = open_blobs(s3.settings(blobs=s3.prefix()), tmp_path)
    s3.requests.clear()
    with pytest.raises(OSError, match="Input/output"):
        blobs.put_file("a", _Broken(bytes(30 << 20)))
    assert (s3.requests[0].query, s3.requests[-1].method) == ("uploads=", "DELETE")


@pytest.mark.parametrize(
    "place", ["bucket", "s3://", "s3://UP/x", "s3://ok/../x", "s3://ok//x", "https://ok/x"]
)
def test_a_place_that_is_no_bucket_is_refused_at_the_start(place: str) -> None:
    with pytest.raises(ValueError, match="names no bucket"):
        StorageSettings(blobs=place)
    with pytest.raises(ValueError, match="needs a bucket"):
        StorageSettings(signed_urls=True)


def test_the_usual_variables_are_read_and_ours_come_first(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = s3.prefix()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    theirs = open_blobs(StorageSettings(blobs=place), tmp_path)
    theirs.put("a", b"x")
    signing = open_blobs(StorageSettings(blobs=place, signed_urls=True), tmp_path)
    assert "Credential=theirs" in (signing.address("a") or "")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    ours = open_blobs(s3.settings(blobs=place), tmp_path)
    assert ours.get("a") == b"x"


def test_addresses_of_amazon_name_the_bucket_in_their_host(tmp_path: Path) -> None:
    settings = StorageSettings(
        blobs="s3://pictures/x", s3_region="eu-central-1", s3_key_id="a", s3_secret="b",
        signed_urls=True,
    )  # fmt: skip
    blobs = open_blobs(settings, tmp_path)
    assert isinstance(blobs, ObjectBlobs)
    assert blobs.origin == "https://pictures.s3.eu-central-1.amazonaws.com"
    assert (blobs.address("a/b") or "").startswith(f"{blobs.origin}/x/a/b?X-Amz-Algorithm=")
