"""The bare limit: every file decoded fully and hashed, on so many cores, and nothing else."""

import hashlib
import io
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from PIL import Image

from bench.ingest.pictures import Pictures


class Limit:
    """Processes that decode and hash; they wait in between, so that starting them costs nothing."""

    def __init__(self, pool: ProcessPoolExecutor, pictures: Pictures, cores: int) -> None:
        self._pool = pool
        self._pictures = pictures
        self._cores = cores

    def images_per_second(self, numbers: range, *, at_an_eighth: bool = False) -> float:
        """Of all processes together; on request decoded as ingestion does it, at an eighth."""
        parts = [numbers[core :: self._cores] for core in range(self._cores)]
        started = time.perf_counter()
        same = [self._pictures] * self._cores, [at_an_eighth] * self._cores
        list(self._pool.map(_decode_and_hash, parts, *same))
        return len(numbers) / (time.perf_counter() - started)


@contextmanager
def limit(pictures: Pictures, cores: int) -> Iterator[Limit]:
    """Start the processes; end them afterwards."""
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        made = Limit(pool, pictures, cores)
        made.images_per_second(range(100 * cores))  # imports, and the decoder's first call
        yield made


def _decode_and_hash(numbers: range, pictures: Pictures, at_an_eighth: bool) -> int:  # noqa: FBT001
    """Each picture once; gives the number of pixels, so that nothing is left out."""
    pixels = 0
    for number in numbers:
        data = pictures[number]
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if at_an_eighth:
                image.draft(None, (1, 1))
            image.load()
            pixels += image.width * image.height
        hashlib.sha256(data).hexdigest()
    return pixels
