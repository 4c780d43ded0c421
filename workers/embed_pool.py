"""Step one of a round: the pool is screened, and every picture that the round needs has features."""

from app.db.session import database_now, transaction
from app.db.tables import Round
from app.domain.dataset import Split
from app.usecases.pool.screen_pool import take_over_screening
from app.usecases.rounds.publish_round import publish_embedded
from workers import round_data
from workers.backbones import backbone_of
from workers.feature_store import FeatureStore
from workers.reading import embed
from workers.runner import JobFailedError, Publish, Work
from workers.screening import Screening


def compute(work: Work) -> Publish:
    """Screen what is new and embed what is missing, block by block; a killed worker loses one."""
    bench = work.bench
    with transaction(bench.sessions) as session:
        running = session.get_one(Round, work.claim.round_id)
        take_over_screening(session, running.project_id, database_now(session))
    backbone = backbone_of(running, bench.settings)
    Screening(work, running.project_id, backbone).run()
    with bench.sessions() as session:
        labeled = round_data.hashes(
            [
                *round_data.examples(session, running, Split.TRAIN),
                *round_data.examples(session, running, Split.TEST),
                *round_data.hard_negatives(session, running),
            ]
        )
        pool = [sha256 for _, sha256 in round_data.candidates(session, running)]
    store = FeatureStore(bench.sessions, bench.blobs, backbone.fingerprint)
    unreadable = embed(bench.blobs, backbone, store, [*labeled, *pool], work.heart.progress)
    # A candidate without features waits for another round.
    if lost := sorted(unreadable.intersection(labeled)):
        raise JobFailedError(
            f"The stored picture {lost[0]} cannot be read. Restore it from a backup."
        )
    return publish_embedded
