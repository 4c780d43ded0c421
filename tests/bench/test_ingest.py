"""The pictures of the benchmark of ingestion."""

import hashlib
from pathlib import Path

from app.pictures import PictureFormat, PictureLimits, inspect
from bench.ingest.limit import limit
from bench.ingest.pictures import make_pictures
from vetted.demo.drawing import SPECIES, draw


def test_editions_are_different_files_of_one_size(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number, species in enumerate(SPECIES[:3]):
        draw(species, number).convert("RGB").save(source / f"{number}.jpg")
    pictures = make_pictures(source, tmp_path / "made", 4, longest=500, seed=0, processes=1)
    files = [pictures[number] for number in range(12)]
    assert len({hashlib.sha256(each).digest() for each in files}) == 12
    found = [inspect(each, PictureLimits()) for each in files]
    assert {(each.format, each.width, each.height) for each in found} == {
        (PictureFormat.JPEG, 500, 375)
    }
    assert pictures[3] == make_pictures(source, tmp_path / "again", 4, 500, 0, 1)[3]
    with limit(pictures, cores=1) as bare:
        assert bare.images_per_second(range(12)) > 1
