"""Step two of a round: train the embedding and the anchors on S(i-1) and H(i-1), and measure them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.queries import CURVES
from app.db.tables import Round
from app.domain.accuracy import mean_accuracy
from app.domain.dataset import Split
from app.usecases.rounds.publish_round import Trained, publish_trained
from models import checkpoint, metrics
from models.config import MetricConfig
from models.neighbours import centre_of
from models.network import MetricModel
from models.score import score
from models.train import fit
from workers import round_data
from workers.backbones import backbone_of, best_device
from workers.feature_store import FeatureStore
from workers.leaks import kept_rows
from workers.round_data import Labeled
from workers.runner import JobFailedError, Publish, Work

_EXEMPLARS = 9


@dataclass(frozen=True)
class Data:
    """What a round trains on; `categories` are in the order of the model's outputs."""

    categories: list[int]
    train: list[Labeled]
    test: list[Labeled]
    rejected: list[Labeled]


def compute(work: Work) -> Publish:
    """Train, test, choose exemplars; the checkpoint is stored before anything refers to it."""
    bench = work.bench
    with bench.sessions() as session:
        running = session.get_one(Round, work.claim.round_id)
        data = read_data(session, running)
        parent_id = round_data.parent_model(session, running)
    backbone = backbone_of(running, bench.settings)
    store = FeatureStore(bench.sessions, bench.blobs, backbone.fingerprint)
    data, features, test_features = without_leaks(data, store)
    config = replace(MetricConfig(), seed=running.seed)
    losses: list[tuple[int, float]] = []
    accuracies: list[tuple[int, float]] = []

    def look(step: int, model: MetricModel) -> None:
        counts = _test(model, data, test_features)
        if counts is not None:
            accuracies.append((step, round(metrics.top1(counts), 5)))

    model = fit_model(
        data,
        features,
        store,
        config,
        work.heart.progress,
        curve=lambda step, loss: losses.append((step, round(loss, 5))),
        # Shown to leads; nothing is chosen by it.
        look=look,
    )
    key = f"checkpoints/{running.id}-{work.claim.attempt}.safetensors"
    content = checkpoint.to_bytes(model)
    tested = _test(model, data, test_features)
    bench.blobs.put(key, content)
    trained = Trained(
        blob_key=key,
        sha256=hashlib.sha256(content).hexdigest(),
        fingerprint=backbone.fingerprint,
        config=model.config.to_json(),
        metrics={
            **_measure(data, tested),
            "machine": machine(),
            CURVES: {"loss": losses, "accuracy": accuracies},
        },
        parent_id=parent_id,
        exemplars=_exemplars(model, data, features),
        confusions=[] if tested is None else _confusions(data, tested),
    )
    return partial(publish_trained, trained=trained)


def read_data(session: Session, running: Round) -> Data:
    """The dataset version that a round trains on."""
    return Data(
        categories=round_data.category_ids(session, running),
        train=round_data.examples(session, running, Split.TRAIN),
        test=round_data.examples(session, running, Split.TEST),
        rejected=round_data.hard_negatives(session, running),
    )


def machine() -> dict[str, Any]:
    """What the numbers depend on in their last digits: sums are taken in another order elsewhere."""
    return {
        "torch": torch.__version__,
        "device": best_device().type,
        "threads": torch.get_num_threads(),
    }


def without_leaks(data: Data, store: FeatureStore) -> tuple[Data, Tensor, Tensor | None]:
    """The data without training images that nearly equal a test image; features of both splits."""
    features = store.load(round_data.hashes(data.train))
    if not data.test:
        return data, features, None
    test_features = store.load(round_data.hashes(data.test))
    kept = kept_rows(data.train, features, test_features, centre_of(features))
    return replace(data, train=[data.train[index] for index in kept]), features[kept], test_features


def fit_model(
    data: Data,
    features: Tensor,
    store: FeatureStore,
    config: MetricConfig,
    progress: Callable[[int, int], None],
    curve: Callable[[int, float], None] | None = None,
    look: Callable[[int, MetricModel], None] | None = None,
) -> MetricModel:
    """Train on the data, whose features (of the train split) these are; on the CPU afterwards.

    Raises:
        JobFailedError: when training is not possible; says why.
    """
    rejected = (
        store.load(round_data.hashes(data.rejected))
        if data.rejected
        else features.new_zeros(0, features.shape[1])
    )
    device = best_device()
    try:
        return fit(
            features.to(device),
            _outputs(data, data.train).to(device),
            rejected.to(device),
            _outputs(data, data.rejected).to(device),
            categories=len(data.categories),
            config=config,
            progress=progress,
            curve=curve,
            look=look,
        ).cpu()
    except ValueError as error:
        raise JobFailedError(f"Training is not possible: {error}") from error


def _outputs(data: Data, rows: Sequence[Labeled]) -> Tensor:
    """int64 [len(rows)]: the model's output for each row's category."""
    output = {category: index for index, category in enumerate(data.categories)}
    return torch.tensor([output[row.category_id] for row in rows], dtype=torch.int64)


def _test(model: MetricModel, data: Data, test_features: Tensor | None) -> Tensor | None:
    """int64 [N, N]: how often category i was taken for j; None without a picture to test with."""
    # A category may be tested although nothing of it was in the train split at this version.
    known = [
        index for index, row in enumerate(data.test) if row.category_id in set(data.categories)
    ]
    if test_features is None or not known:
        return None
    chunk = test_features[known].to(model.mean.device)  # a model in training may be on a GPU
    predicted = torch.cat([category for category, _ in score(model, [chunk])]).cpu()
    labels = _outputs(data, [data.test[index] for index in known])
    return metrics.confusion(labels, predicted, len(data.categories))


def _measure(data: Data, counts: Tensor | None) -> dict[str, Any]:
    sizes = {"trained_on": len(data.train), "hard_negatives": len(data.rejected)}
    if counts is None:
        return {**sizes, "tested_on": 0}
    right, tested = counts.diagonal().tolist(), counts.sum(1).tolist()
    mean = mean_accuracy(list(zip(right, tested, strict=True)))
    assert mean is not None  # noqa: S101 - a known picture was tested
    return {
        **sizes,
        "tested_on": sum(tested),
        "top1": metrics.top1(counts),
        "mean_class": mean.share,
        "mean_class_low": mean.low,
        "mean_class_high": mean.high,
    }


def _confusions(data: Data, counts: Tensor) -> list[tuple[int, int, int]]:
    """(category, the one it was taken for, pictures): what is not 0, so no more rows than pictures."""
    return [
        (data.categories[of], data.categories[other], int(counts[of, other]))
        for of, other in counts.nonzero().tolist()
    ]


def _exemplars(model: MetricModel, data: Data, features: Tensor) -> dict[int, list[int]]:
    """For each category the examples nearest to its anchors, one anchor after the other."""
    with torch.inference_mode():
        embedded = model(features)
        distances = torch.cdist(embedded, model.anchors.flatten(0, 1)).square()
    outputs, found = _outputs(data, data.train), {}
    per_category = model.anchors.shape[1]
    for output, category in enumerate(data.categories):
        rows = (outputs == output).nonzero().flatten()
        near = distances[rows][:, output * per_category : (output + 1) * per_category]
        # Column by column would show one mode only; row-wise flattening takes turns between anchors.
        turns = rows[near.argsort(dim=0).flatten()].tolist()
        found[category] = [
            data.train[row].image_id for row in list(dict.fromkeys(turns))[:_EXEMPLARS]
        ]
    return found
