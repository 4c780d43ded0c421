"""Pictures as crawlers bring them: real ones, at the size that the web has, any number of files."""

import io
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

_QUALITY = 85
_ASPECT = 0.75
_APP0_LENGTH = slice(4, 6)  # of the JFIF header that Pillow writes first


@dataclass(frozen=True)
class Pictures:
    """Files on disk, and as many editions of each as are asked for.

    An edition differs from its file by a comment inside: its hash is another, decoding it costs the
    same. So a hundred thousand distinct files take neither an hour to encode nor the whole disk.
    """

    files: tuple[Path, ...]

    def __getitem__(self, number: int) -> bytes:
        """The bytes of the picture with this number; read from the file each time."""
        data = self.files[number % len(self.files)].read_bytes()
        comment = f"edition {number}".encode()
        after = 4 + int.from_bytes(data[_APP0_LENGTH], "big") - 2 + 2
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return data[:after] + segment + data[after:]

    def mean_kb(self) -> float:
        """The mean size of a file."""
        return sum(file.stat().st_size for file in self.files) / len(self.files) / 1e3


def make_pictures(
    source: Path, folder: Path, number: int, longest: int, seed: int, processes: int
) -> Pictures:
    """Write `number` different JPEG files whose longest side is `longest`.

    Where that is more than the source pictures have, each is a sheet of several of them: enlarging
    one would leave it without the detail of a photograph, and decoding is paid by detail.

    Raises:
        SystemExit: the source holds no JPEG file.
    """
    found = sorted(source.rglob("*.jpg"))
    if not found:
        raise SystemExit(f"There are no .jpg files below {source}: name a folder with --source.")
    folder.mkdir(parents=True, exist_ok=True)
    make = partial(_make, found, folder, longest, seed)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return Pictures(tuple(pool.map(make, range(number), chunksize=16)))


def _make(found: Sequence[Path], folder: Path, longest: int, seed: int, number: int) -> Path:
    chosen = random.Random(f"{seed} {number}")  # noqa: S311 - reproducible, guards nothing
    size = (longest, round(longest * _ASPECT))
    sheet = Image.new("RGB", size)
    left = top = 0
    while top < size[1]:
        with Image.open(chosen.choice(found)) as opened:
            tile = opened.convert("RGB")
        sheet.paste(tile, (left, top))
        left += tile.width
        if left >= size[0]:
            # The next row begins a little higher than the lowest tile may end: no bare stripes.
            left, top = 0, top + min(tile.height, 150)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=_QUALITY)
    file = folder / f"{number:06}.jpg"
    file.write_bytes(buffer.getvalue())
    return file
