"""Step three of a round: score the candidates and make proposals of the likely ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from sqlalchemy import select
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.session import database_now
from app.db.tables import ModelVersion, Round
from app.domain.dataset import Split
from app.domain.manifest import list_hash
from app.domain.proposing import Score, labeling_order, propose
from app.usecases.rounds.publish_round import Scored, publish_scored
from models import checkpoint
from models.neighbours import nearly_equal
from models.network import MetricModel
from models.score import score
from workers import candidate_list, round_data
from workers.beside import Known, Surroundings, read_known
from workers.feature_store import FeatureStore
from workers.runner import JobFailedError, Publish, Work

_CHUNK = 4096


@dataclass(frozen=True)
class Pool:
    """What a round scores, and what it must not ask.

    Attributes:
        categories: Ids in the order of the model's outputs.
        candidates: (image id, content hash), in order of id.
        rejected: (image id, category id) that a labeler has refused.
        test: Content hashes of the test split.
        known: What stands beside questions.
    """

    categories: list[int]
    candidates: list[tuple[int, str]]
    rejected: set[tuple[int, int]]
    test: list[str]
    known: Known


@dataclass(frozen=True)
class Asked:
    """What scoring asks: questions in labeling order, and what their surroundings are made of."""

    questions: list[Score]
    withheld: int
    around: Surroundings
    embedded: Tensor
    place: dict[int, int]


def compute(work: Work) -> Publish:
    """One pass over the pool in bounded memory; near-duplicates of test pictures are withheld."""
    bench = work.bench
    with bench.sessions() as session:
        running = session.get_one(Round, work.claim.round_id)
        trained = session.scalars(
            select(ModelVersion).where(ModelVersion.round_id == running.id)
        ).one()
        pool = read_pool(session, running, round_data.candidates(session, running))
    store = FeatureStore(bench.sessions, bench.blobs, trained.fingerprint)
    # What was ingested after the features were made waits for the next round.
    late = set(store.missing([sha256 for _, sha256 in pool.candidates]))
    pool = replace(pool, candidates=[each for each in pool.candidates if each[1] not in late])
    if not pool.candidates:
        raise JobFailedError(
            "No candidate is left to score: screening kept back all that were new. "
            "Ingest more images."
        )
    model = checkpoint.from_bytes(bench.blobs.get(trained.blob_key))
    asked = ask(model, store, pool, Asking.of(running), work.heart.progress)
    # Kept, because the pool changes: the round can be replayed from it.
    key = f"candidates/{running.id}-{work.claim.attempt}"
    bench.blobs.put(key, candidate_list.to_bytes(image_id for image_id, _ in pool.candidates))
    scored = Scored(
        image_ids=[image_id for image_id, _ in pool.candidates],
        candidates_key=key,
        candidates_hash=list_hash(sha256 for _, sha256 in pool.candidates),
        proposals=asked.questions,
        beside=asked.around.beside(work, asked.questions, asked.embedded, asked.place),
        withheld=asked.withheld,
    )

    def publish(session: Session, running: Round) -> None:
        publish_scored(session, running, scored, database_now(session))

    return publish


def read_pool(session: Session, running: Round, candidates: list[tuple[int, str]]) -> Pool:
    """These candidates with what the round's dataset version says of them."""
    return Pool(
        categories=round_data.category_ids(session, running),
        candidates=candidates,
        rejected={
            (row.image_id, row.category_id) for row in round_data.hard_negatives(session, running)
        },
        test=round_data.hashes(round_data.examples(session, running, Split.TEST)),
        known=read_known(session, running),
    )


@dataclass(frozen=True)
class Asking:
    """The settings that decide what is asked."""

    threshold: float
    gold_share: float
    audit_share: float
    seed: int

    @classmethod
    def of(cls, running: Round) -> Self:
        """Those of a round."""
        return cls(running.threshold, running.gold_share, running.audit_share, running.seed)


def ask(
    model: MetricModel,
    store: FeatureStore,
    pool: Pool,
    settings: Asking,
    progress: Callable[[int, int], None],
) -> Asked:
    """Score the pool and make questions of what is likely.

    What is kept of a likely candidate is its embedding: the contrasts need no second pass.
    """
    candidates = pool.candidates
    test_features = store.load(pool.test) if pool.test else None
    withheld: set[int] = set()

    def chunks() -> Iterator[Tensor]:
        for start in range(0, len(candidates), _CHUNK):
            part = candidates[start : start + _CHUNK]
            features = store.load([sha256 for _, sha256 in part])
            if test_features is not None:
                hidden = (
                    nearly_equal(features, test_features, model.mean).nonzero().flatten().tolist()
                )
                withheld.update(part[index][0] for index in hidden)
            progress(start, len(candidates))
            current[0] = features
            yield features

    current: list[Tensor] = [torch.empty(0)]
    scores: list[Score] = []
    # Of the likely ones only: the others are not asked about.
    place: dict[int, int] = {}
    embedded: list[Tensor] = []
    for output, confidence in score(model, chunks()):
        likely = (confidence > settings.threshold).nonzero()[:, 0]
        with torch.inference_mode():
            embedded.append(model(current[0][likely]))
        for row in likely.tolist():
            place[candidates[len(scores) + row][0]] = len(place)
        for category, sure in zip(output.tolist(), confidence.tolist(), strict=True):
            scores.append(Score(candidates[len(scores)][0], pool.categories[category], sure))
    kept = propose(scores, threshold=settings.threshold, rejected=pool.rejected, withheld=withheld)
    order = {category: position for position, category in enumerate(pool.categories)}
    around = Surroundings(model, store, pool.known, pool.categories, test_features)
    questions = around.with_gold(labeling_order(kept, order), settings.gold_share, settings.seed)
    questions = around.with_audits(questions, settings.audit_share, settings.seed)
    return Asked(questions, len(withheld), around, torch.cat(embedded), place)
