"""A lead asked for a coarse filter: it is trained or looked at, and then scores what was screened before.

The filter is published before it scores, so a job that is taken over, or that gives way to a round,
goes on with scoring. New candidates are scored by their screening.
"""

import dataclasses
from collections.abc import Sequence

import torch
from sqlalchemy.orm import Session
from torch import Tensor

from app.db.session import database_now, transaction
from app.db.tables import CoarseFilter, Project
from app.domain.filtering import LEAST, MOST, FilterOrigin, even_sample
from app.usecases.filter import score
from app.usecases.filter.ask import filter_key, store_file
from app.usecases.run_jobs import lock_owner
from models import coarse_filter
from models.backbone import Backbone
from models.neighbours import centre_of, nearly_equal
from workers.backbones import backbone_of
from workers.courtesy import Courteous
from workers.domain_score import stored_filter
from workers.feature_store import FeatureStore
from workers.reading import embed
from workers.runner import JobFailedError, Publish, Work

_BLOCK = 4096


def compute(work: Work) -> Publish:
    """Make the filter that was asked for, unless an earlier attempt has; then score block by block."""
    bench = work.bench
    with bench.sessions() as session:
        project = session.get_one(Project, work.claim.owner_id)
        asked = score.filter_asked_for(session, project.id)
    if asked is None:
        raise JobFailedError("Nobody asks for a coarse filter any more. Ask for it again.")
    backbone = backbone_of(project, bench.settings)
    store = FeatureStore(bench.sessions, bench.blobs, backbone.fingerprint)
    if asked.ready_at is None:
        trained = (
            uploaded(work, asked, backbone)
            if asked.origin == FilterOrigin.UPLOADED
            else train(work, project, backbone, store)
        )
        _make_ready(work, asked.id, trained)
    else:
        trained = stored_filter(work.bench.blobs, asked)
    score_pool(work, project.id, asked.id, trained, store)

    def publish(_session: Session, _project: Project) -> None:
        """The filter and each block of scores are published already."""

    return publish


def train(
    work: Work, project: Project, backbone: Backbone, store: FeatureStore
) -> coarse_filter.CoarseFilter:
    """A filter of the project's examples and negatives.

    Raises:
        JobFailedError: when too few of either are left; says what to do.
    """
    bench = work.bench
    with bench.sessions() as session:
        given = score.material(session, project.id)
    some = even_sample([category for _, category in given.positives], MOST, project.seed)
    others = even_sample([0] * len(given.negatives), MOST, project.seed)
    inside = [given.positives[row] for row in some]
    outside = [given.negatives[row] for row in others]
    needed = [*(sha256 for sha256, _ in inside), *outside, *given.test]
    lost = embed(bench.blobs, backbone, store, needed, work.heart.progress)
    inside = [row for row in inside if row[0] not in lost]
    outside = [sha256 for sha256 in outside if sha256 not in lost]
    test = [sha256 for sha256 in given.test if sha256 not in lost]
    positives = _load(store, [sha256 for sha256, _ in inside])
    negatives = _load(store, outside)
    groups = torch.tensor([category for _, category in inside])
    if test and inside:
        # What nearly equals a test picture would be kept for sure, and the filter look better.
        kept = ~nearly_equal(positives, store.load(test), centre_of(positives))
        positives, groups = positives[kept], groups[kept]
    for name, rows in (("examples", positives), ("negatives", negatives)):
        if len(rows) < LEAST:
            raise JobFailedError(
                f"Only {len(rows)} {name} can be trained on: others cannot be read, or nearly equal "
                f"test pictures. A coarse filter needs {LEAST}; add more, then train it again."
            )
    return coarse_filter.fit(
        positives,
        negatives,
        fingerprint=backbone.fingerprint,
        groups=groups,
        seed=project.seed,
        progress=work.heart.progress,
    )


def uploaded(work: Work, asked: CoarseFilter, backbone: Backbone) -> coarse_filter.CoarseFilter:
    """The filter of an uploaded file.

    Raises:
        JobFailedError: when it is damaged, or reads the features of another backbone.
    """
    found = stored_filter(work.bench.blobs, asked)
    if found.facts.fingerprint != backbone.fingerprint or len(found.mean) != backbone.dim:
        raise JobFailedError(
            "The uploaded coarse filter was trained on the features of another backbone, other weights "
            "or another image size. Train one here, or take the file of a project with the same."
        )
    return found


def _make_ready(work: Work, filter_id: int, trained: coarse_filter.CoarseFilter) -> None:
    content = coarse_filter.to_bytes(trained)
    digest = store_file(work.bench.blobs, content)
    with transaction(work.bench.sessions) as session:
        # The project's lock: whoever screens sees the new filter, or has published with the old one.
        lock_owner(session, work.claim)
        of = session.get_one(CoarseFilter, filter_id)
        facts = dataclasses.asdict(trained.facts)
        score.make_ready(of, filter_key(digest), digest, facts, database_now(session))


def score_pool(
    work: Work,
    project_id: int,
    filter_id: int,
    trained: coarse_filter.CoarseFilter,
    store: FeatureStore,
) -> None:
    """Score what another filter has scored, or none; what has no features is left as it is.

    Raises:
        GaveWayError: when a step of a round waits.
        StaleAttemptError: when the job was taken over.
    """
    sessions = work.bench.sessions
    courteous = Courteous(work)
    with sessions() as session:
        total = score.count_stale(session, project_id, filter_id)
    done = after = 0
    while True:
        courteous(done, max(done, total))
        with sessions() as session:
            block = score.next_stale(session, project_id, filter_id, after, _BLOCK)
        if not block:
            return
        late = set(store.missing([sha256 for _, sha256 in block]))
        known = [row for row in block if row[1] not in late]
        if known:
            scores = trained.scores(store.load([sha256 for _, sha256 in known]))
            with transaction(sessions) as session:
                images = [image_id for image_id, _ in known]
                score.publish_scores(session, filter_id, images, scores.tolist())
        done += len(block)
        after = block[-1][0]


def _load(store: FeatureStore, hashes: Sequence[str]) -> Tensor:
    return store.load(hashes) if hashes else torch.empty(0, 0)
