"""Step three of a round: score the candidates and make proposals of the likely ones."""

from collections.abc import Iterator

import torch
from sqlalchemy import select
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.session import database_now
from app.db.tables import ModelVersion, Round
from app.domain.dataset import Split
from app.domain.proposing import Score, labeling_order, propose
from app.usecases.publish_round import Scored, publish_scored
from models import checkpoint
from models.neighbours import nearly_equal
from models.score import score
from workers import round_data
from workers.beside import Surroundings, read_known
from workers.feature_store import FeatureStore
from workers.runner import Publish, Work

_CHUNK = 4096


def compute(work: Work) -> Publish:
    """One pass over the pool in bounded memory; near-duplicates of test pictures are withheld.

    What is kept of a likely candidate is its embedding: the contrasts need no second pass.
    """
    bench = work.bench
    with bench.sessions() as session:
        running = session.get_one(Round, work.claim.round_id)
        trained = session.scalars(
            select(ModelVersion).where(ModelVersion.round_id == running.id)
        ).one()
        categories = round_data.category_ids(session, running)
        pool = round_data.candidates(session, running)
        rejected = {
            (row.image_id, row.category_id) for row in round_data.hard_negatives(session, running)
        }
        test = round_data.hashes(round_data.examples(session, running, Split.TEST))
        known = read_known(session, running)
    store = FeatureStore(bench.sessions, bench.blobs, trained.fingerprint)
    # What was ingested after the features were made waits for the next round.
    late = set(store.missing([sha256 for _, sha256 in pool]))
    pool = [(image_id, sha256) for image_id, sha256 in pool if sha256 not in late]
    model = checkpoint.from_bytes(bench.blobs.get(trained.blob_key))
    test_features = store.load(test) if test else None
    withheld: set[int] = set()

    def chunks() -> Iterator[Tensor]:
        for start in range(0, len(pool), _CHUNK):
            part = pool[start : start + _CHUNK]
            features = store.load([sha256 for _, sha256 in part])
            if test_features is not None:
                hidden = (
                    nearly_equal(features, test_features, model.mean).nonzero().flatten().tolist()
                )
                withheld.update(part[index][0] for index in hidden)
            work.heart.progress(start, len(pool))
            current[0] = features
            yield features

    current: list[Tensor] = [torch.empty(0)]
    scores: list[Score] = []
    # Of the likely ones only: the others are not asked about.
    place: dict[int, int] = {}
    embedded: list[Tensor] = []
    for output, confidence in score(model, chunks()):
        likely = (confidence > running.threshold).nonzero()[:, 0]
        with torch.inference_mode():
            embedded.append(model(current[0][likely]))
        for row in likely.tolist():
            place[pool[len(scores) + row][0]] = len(place)
        for category, sure in zip(output.tolist(), confidence.tolist(), strict=True):
            scores.append(Score(pool[len(scores)][0], categories[category], sure))
    kept = propose(scores, threshold=running.threshold, rejected=rejected, withheld=withheld)
    order = {category: position for position, category in enumerate(categories)}
    around = Surroundings(model, store, known, categories, test_features)
    questions = around.with_gold(labeling_order(kept, order), running.gold_share, running.seed)
    scored = Scored(
        image_ids=[image_id for image_id, _ in pool],
        proposals=questions,
        beside=around.beside(work, questions, torch.cat(embedded), place),
        withheld=len(withheld),
    )

    def publish(session: Session, running: Round) -> None:
        publish_scored(session, running, scored, database_now(session))

    return publish
