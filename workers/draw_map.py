"""After a round is scored: its pictures as points in the plane, for the lead."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session
from torch import Tensor

from app.blobs import Blobs
from app.db.tables import ModelVersion, Round, RoundMap
from app.domain.dataset import Split
from app.domain.embedding_map import (
    COLUMNS,
    NO_CATEGORY,
    NO_CONFIDENCE,
    PointKind,
    images_key,
    points_key,
)
from app.usecases.takedowns.find import taken_down
from app.usecases.takedowns.unmap import forget_on_map
from models import checkpoint, plane
from models.neighbours import nearly_equal
from models.network import MetricModel
from models.score import best_votes
from workers import round_data
from workers.courtesy import Courteous
from workers.feature_store import FeatureStore
from workers.map_data import Chosen, Pictured, choose
from workers.runner import JobFailedError, Publish, Work

_CHUNK = 4096


@dataclass(frozen=True)
class Seen:
    """The pictures of a map as the model sees them.

    Attributes:
        pictures: Those that may be shown.
        embedded: Float [n, d].
        likely: int64 [n], the model's best category, as an index of its outputs.
        confidence: Float [n] in it.
    """

    pictures: list[Pictured]
    embedded: Tensor
    likely: Tensor
    confidence: Tensor


def compute(work: Work) -> Publish:
    """Two views of one set of points: the PCA, and one that keeps neighbours together."""
    bench = work.bench
    with bench.sessions() as session:
        running = session.get_one(Round, work.claim.round_id)
        trained = session.scalars(
            select(ModelVersion).where(ModelVersion.round_id == running.id)
        ).one()
        chosen = choose(session, running)
        categories = round_data.category_ids(session, running)
        test = round_data.hashes(round_data.examples(session, running, Split.TEST))
    store = FeatureStore(bench.sessions, bench.blobs, trained.fingerprint)
    model = checkpoint.from_bytes(bench.blobs.get(trained.blob_key))
    seen = look(work, model, store, chosen, test)
    pca, variance = plane.principal(seen.embedded)
    near = plane.neighbours(seen.embedded, pca, seed=running.seed, progress=Courteous(work))
    points = pack(seen, plane.fitted(pca), plane.fitted(near), categories)
    images = b"".join(bytes.fromhex(each.sha256) for each in seen.pictures)
    drawn = RoundMap(
        round_id=running.id,
        points_hash=_put(bench.blobs, points_key, points),
        images_hash=_put(bench.blobs, images_key, images),
        points=len(seen.pictures),
        training=chosen.counts[PointKind.TRAINING],
        rejected=chosen.counts[PointKind.REJECTED],
        proposed=chosen.counts[PointKind.OPEN],
        others=chosen.counts[PointKind.OTHER],
        category_ids=categories,
        variance_x=variance[0],
        variance_y=variance[1],
    )

    def publish(session: Session, running: Round) -> None:
        session.add(drawn)
        # Those that went since the pictures were chosen; the project is locked here.
        forget_on_map(bench.blobs, drawn, taken_down(session, running.project_id))

    return publish


def look(
    work: Work, model: MetricModel, store: FeatureStore, chosen: Chosen, test: Sequence[str]
) -> Seen:
    """Embed the pictures in bounded memory, without those that nearly equal a test picture."""
    wanted = chosen.pictures
    late = set(store.missing([each.sha256 for each in wanted]))
    wanted = [each for each in wanted if each.sha256 not in late]
    test_features = store.load(test) if test else None
    pictures: list[Pictured] = []
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in range(0, len(wanted), _CHUNK):
        work.heart.check()
        part = wanted[start : start + _CHUNK]
        features = store.load([each.sha256 for each in part])
        if test_features is not None:
            shown = ~nearly_equal(features, test_features, model.mean)
            features = features[shown]
            part = [each for each, show in zip(part, shown.tolist(), strict=True) if show]
        with torch.inference_mode():
            embedded = model(features)
            parts.append((embedded, *best_votes(model, embedded)))
        pictures += part
    if not pictures:
        raise JobFailedError("There is no map: every picture nearly equals one of the test split.")
    embedded, likely, confidence = (torch.cat(column) for column in zip(*parts, strict=True))
    return Seen(pictures, embedded, likely, confidence)


def pack(seen: Seen, pca: Tensor, near: Tensor, categories: Sequence[int]) -> bytes:
    """The columns of `domain.embedding_map`, one after the other."""
    output = {category: index for index, category in enumerate(categories)}
    category = [
        likely if each.category_id is None else output.get(each.category_id, NO_CATEGORY)
        for each, likely in zip(seen.pictures, seen.likely.tolist(), strict=True)
    ]
    values = {
        "pca": pca.numpy(),
        "neighbours": near.numpy(),
        "image": [each.image_id for each in seen.pictures],
        "round": [each.round for each in seen.pictures],
        "category": category,
        "kind": [each.kind for each in seen.pictures],
        "confidence": [
            _percent(each, sure)
            for each, sure in zip(seen.pictures, seen.confidence.tolist(), strict=True)
        ],
    }
    return b"".join(np.asarray(values[each.name], each.type).tobytes() for each in COLUMNS)


def _percent(of: Pictured, sure: float) -> int:
    """The confidence of the proposal, or else of the model, in hundredths; an example needs none."""
    if of.kind in {PointKind.TRAINING, PointKind.REJECTED}:
        return NO_CONFIDENCE
    return round(100 * (sure if of.confidence is None else of.confidence))


def _put(blobs: Blobs, key: Callable[[str], str], content: bytes) -> str:
    """Store under the content's hash, which is returned; another attempt's equal bytes are the same."""
    digest = hashlib.sha256(content).hexdigest()
    blobs.put(key(digest), content)
    return digest
