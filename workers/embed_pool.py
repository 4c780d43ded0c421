"""Step one of a round: features of every picture that it needs and that are not cached yet."""

from collections.abc import Sequence
from itertools import islice

import torch
from PIL.Image import Image as PillowImage
from sqlalchemy.orm import Session

from app.blobs import original_key
from app.db.tables import Round
from app.domain.dataset import Split
from app.pictures import PictureRefused, decode
from app.usecases.publish_round import publish_embedded
from models.features import extract
from workers import round_data
from workers.backbones import backbone_of
from workers.feature_store import FeatureStore
from workers.runner import JobFailedError, Publish, Work

_BATCH = 32
# One block of features, and what a killed worker computes again at most.
_SHARD = 512
_THREADS = 2


def compute(work: Work) -> Publish:
    """Embed what is missing, block by block; each block is kept even if this worker dies."""
    bench = work.bench
    with bench.sessions() as session:
        running = session.get_one(Round, work.claim.round_id)
        needed = _needed(session, running)
    backbone = backbone_of(running, bench.settings)
    store = FeatureStore(bench.sessions, bench.blobs, backbone.fingerprint)
    missing = store.missing(needed)
    work.heart.progress(0, len(missing))

    def picture(sha256: str) -> PillowImage:
        try:
            return decode(bench.blobs.get(original_key(sha256)))
        except (KeyError, PictureRefused) as error:
            raise JobFailedError(
                f"The stored picture {sha256} cannot be read: {error}. Restore it from a backup."
            ) from error

    batches = extract(backbone, missing, load=picture, batch_size=_BATCH, threads=_THREADS)
    done = 0
    for start in range(0, len(missing), _SHARD):
        block: Sequence[str] = missing[start : start + _SHARD]
        parts = []
        for part in islice(batches, -(-len(block) // _BATCH)):
            done += len(part)
            parts.append(part)
            work.heart.progress(done, len(missing))
        store.add(block, torch.cat(parts))
    return publish_embedded


def _needed(session: Session, running: Round) -> list[str]:
    rows = [
        *round_data.examples(session, running, Split.TRAIN),
        *round_data.examples(session, running, Split.TEST),
        *round_data.hard_negatives(session, running),
    ]
    pool = round_data.candidates(session, running)
    return [*round_data.hashes(rows), *(sha256 for _, sha256 in pool)]
