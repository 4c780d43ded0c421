"""Stored pictures are decoded once: for their features, and for whoever else wants to look."""

from collections.abc import Callable, Sequence
from itertools import islice

import structlog
import torch
from PIL.Image import Image, new

from app.blobs import Blobs
from app.derivatives import for_model
from app.pictures import PictureRefused, decode
from models.backbone import Backbone
from models.features import extract
from workers.feature_store import FeatureStore

log = structlog.get_logger()

# One block of features, and what a killed worker computes again at most.
_BLOCK = 512
_BATCH = 32
_THREADS = 2

Progress = Callable[[int, int], None]


def embed(
    blobs: Blobs,
    backbone: Backbone,
    store: FeatureStore,
    hashes: Sequence[str],
    progress: Progress = lambda _done, _of: None,
    look: Callable[[str, Image], None] = lambda _sha256, _picture: None,
) -> set[str]:
    """Store the features of these pictures where they are missing; each block is kept at once.

    `look` is called in a thread with each picture that is decoded for it.

    Returns:
        Those that cannot be read: gone from the blobs, or not whole any more.
    """
    missing = store.missing(hashes)
    unreadable: set[str] = set()
    progress(0, len(missing))

    def load(sha256: str) -> Image:
        picture = read(blobs, sha256, backbone.image_size)
        if picture is None:
            unreadable.add(sha256)
            return new("RGB", (1, 1))  # its features are dropped
        look(sha256, picture)
        return picture

    batches = extract(backbone, missing, load=load, batch_size=_BATCH, threads=_THREADS)
    done = 0
    for start in range(0, len(missing), _BLOCK):
        block = missing[start : start + _BLOCK]
        parts = []
        for part in islice(batches, -(-len(block) // _BATCH)):
            done += len(part)
            parts.append(part)
            progress(done, len(missing))
        rows = [row for row, sha256 in enumerate(block) if sha256 not in unreadable]
        if rows:
            store.add([block[row] for row in rows], torch.cat(parts)[rows])
    return unreadable


def read(blobs: Blobs, sha256: str, image_size: int = 224) -> Image | None:
    """The picture upright in RGB; None where it cannot be read, which the log tells.

    Not smaller than `models.features.prepare` wants it for `image_size`, unless it came so.
    """
    try:
        return decode(for_model(blobs, sha256, short=-(-image_size * 256 // 224)))
    except (KeyError, PictureRefused) as error:
        log.warning("stored picture cannot be read", sha256=sha256, error=str(error))
        return None
