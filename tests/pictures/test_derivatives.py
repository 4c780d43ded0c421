"""Small copies are made once and kept."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from app.blobs import BadKey, BlobMissing, FolderBlobs, derivative_key, original_key
from app.derivatives import derivative, for_model
from app.pictures import PictureRefused, Size

from .making import busy, encode, quarters


def store(blobs: FolderBlobs, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    blobs.put(original_key(sha256), data)
    return sha256


def test_a_copy_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    sha256 = store(blobs, encode(quarters(640, 480), "JPEG"))
    key = derivative_key(sha256, "thumbnail")
    assert not blobs.exists(key)
    made = derivative(blobs, sha256, Size.THUMBNAIL)
    assert Image.open(io.BytesIO(made)).size == (320, 240)
    assert blobs.get(key) == made
    blobs.delete(original_key(sha256))
    assert derivative(blobs, sha256, Size.THUMBNAIL) == made


def test_racing_makers_agree(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    sha256 = store(blobs, encode(busy(400, 300), "PNG"))
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: derivative(blobs, sha256, Size.THUMBNAIL), range(8)))
    assert made == {blobs.get(derivative_key(sha256, "thumbnail"))}


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    with pytest.raises(BlobMissing):
        derivative(blobs, "0" * 64, Size.SCREEN)
    with pytest.raises(BadKey):
        derivative(blobs, "../../etc", Size.SCREEN)
    sha256 = store(blobs, b"no picture")
    with pytest.raises(PictureRefused):
        derivative(blobs, sha256, Size.SCREEN)


@pytest.mark.parametrize(
    ("size", "short", "read"),
    [
        ((1535, 1000), 256, (1535, 1000)),  # not large: as it came
        ((1536, 1024), 256, (512, 341)),
        ((1024, 1536), 341, (341, 512)),
        ((1536, 1024), 342, (1536, 1024)),  # a model that wants more than the copy has
        ((3000, 400), 256, (3000, 400)),  # a panorama: its copy is too narrow
    ],
)
def test_models_read_the_same_file_every_time(
    tmp_path: Path, size: tuple[int, int], short: int, read: tuple[int, int]
) -> None:
    blobs = FolderBlobs(tmp_path)
    sha256 = store(blobs, encode(quarters(*size), "JPEG"))
    first = for_model(blobs, sha256, short)
    assert Image.open(io.BytesIO(first)).size == read
    assert for_model(blobs, sha256, short) == first
    assert blobs.exists(derivative_key(sha256, "model")) == (max(size) >= 1536)
    # Made on the way, or by another worker before: no difference.
    blobs.delete(derivative_key(sha256, "model"))
    assert for_model(blobs, sha256, short) == first
