"""The map of a round, drawn from a project that is written into the database."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import torch
from sqlalchemy import select, update

from app.blobs import FolderBlobs
from app.db.tables import (
    Example,
    HardNegative,
    Image,
    Job,
    ModelVersion,
    Proposal,
    Round,
    RoundMap,
    User,
)
from app.domain.dataset import Split
from app.domain.embedding_map import (
    COLUMNS,
    NO_CATEGORY,
    NO_CONFIDENCE,
    PointKind,
    column_at,
    images_key,
    points_key,
)
from app.domain.job import JobKind
from app.usecases.run_jobs import queue_job
from models import checkpoint
from models.config import MetricConfig
from models.network import build
from tests import factories
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory
from workers import map_data
from workers.feature_store import FeatureStore
from workers.runner import Workbench, run_one

WIDTH = 16


@pytest.fixture
def bench(alone: Factory) -> Workbench:
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    return Workbench(alone.settings, alone.sessions, blobs, MemoryJobs())


@pytest.fixture
def labeling(alone: Factory, bench: Workbench) -> factories.Labeling:
    """Six proposals, six seeds of which one is a test picture, one rejected picture, two others.

    Every picture has random features, but for the first of the others: those of the test picture.
    """
    with alone.transaction() as session:
        lead = session.get_one(User, alone.lead)
        project = factories.make_project(session, lead)
        made = factories.make_labeling(
            session, alone.settings.data_dir / "blobs", project, proposals=4
        )
        asked = session.scalars(
            select(Proposal).where(Proposal.round_id == made.round_id).order_by(Proposal.id)
        ).all()
        tested = session.scalars(select(Example).order_by(Example.id)).first()
        assert tested is not None
        tested.split = Split.TEST
        unasked = [proposal.image_id for proposal in asked[:2]]
        decision = factories.answer(session, asked[2], lead.id, "no")
        session.add(
            HardNegative(
                project_id=project.id,
                image_id=asked[2].image_id,
                category_id=asked[2].category_id,
                round_id=made.round_id,
                decision_id=decision.id,
                from_version=1,
            )
        )
        asked[2].gold = "no"
        for proposal in asked[:2]:
            session.delete(proposal)
        _give_model(session, bench, made)
        hashes = dict(session.execute(select(Image.id, Image.sha256)).all())
        test_image, near_test = hashes[tested.image_id], hashes[unasked[0]]
    order = [test_image, *(each for each in hashes.values() if each != test_image)]
    features = torch.randn(len(order), WIDTH, generator=torch.Generator().manual_seed(5))
    features[order.index(near_test)] = features[0] * 1.0001
    FeatureStore(alone.sessions, bench.blobs, "test").add(order, features)
    return replace(made, proposal_ids=made.proposal_ids[2:])


def _give_model(session, bench: Workbench, made: factories.Labeling) -> None:  # noqa: ANN001
    torch.manual_seed(1)
    model = build(features=WIDTH, categories=2, config=MetricConfig(dimension=8))
    torch.nn.init.normal_(model.anchors)
    bench.blobs.put("checkpoints/map", checkpoint.to_bytes(model))
    session.execute(
        update(ModelVersion)
        .where(ModelVersion.round_id == made.round_id)
        .values(blob_key="checkpoints/map")
    )


def draw(alone: Factory, bench: Workbench, round_id: int) -> Job:
    with alone.transaction() as session:
        job_id = queue_job(session, round_id, JobKind.DRAW_MAP).id
    run_one(bench, job_id)
    return alone.job(job_id)


def columns(blobs: FolderBlobs, of: RoundMap) -> dict[str, np.ndarray]:
    content = blobs.get(points_key(of.points_hash))
    return {
        each.name: np.frombuffer(
            content, each.type, of.points * each.width, column_at(each.name, of.points)
        )
        for each in COLUMNS
    }


def test_a_map_shows_the_round_without_test_pictures(
    alone: Factory, bench: Workbench, labeling: factories.Labeling
) -> None:
    job = draw(alone, bench, labeling.round_id)
    assert (job.state, job.error) == ("done", None)
    with alone.sessions() as session:
        drawn = session.get_one(RoundMap, labeling.round_id)
        number = session.get_one(Round, labeling.round_id).number
        asked = dict(
            session.execute(
                select(Proposal.image_id, Proposal.confidence).where(Proposal.gold.is_(None))
            ).all()
        )
        names = dict(session.execute(select(Image.id, Image.sha256)).all())
        trained = set(session.scalars(select(Example.image_id).where(Example.split == Split.TRAIN)))
        tested = session.scalars(select(Example.image_id).where(Example.split == Split.TEST)).one()
    # Beneath all others the one that was not proposed; the other one nearly equals a test picture.
    expected = [4, *[3] * 5, 2, *[0] * 5]
    found = columns(bench.blobs, drawn)  # type: ignore[arg-type]
    assert found["kind"].tolist() == expected
    assert (drawn.points, drawn.training, drawn.proposed) == (12, 5, 5)
    assert (drawn.rejected, drawn.others) == (1, 2)
    assert set(found["image"][found["kind"] == PointKind.TRAINING].tolist()) == trained
    assert set(found["image"][found["kind"] == PointKind.OPEN].tolist()) == set(asked)
    assert tested not in found["image"]
    assert found["round"].tolist() == [0, *[number] * 6, *[0] * 5]
    assert set(found["category"].tolist()) <= {0, 1}
    assert NO_CATEGORY not in found["category"]
    for kind, image, percent in zip(
        *(found[n] for n in ("kind", "image", "confidence")), strict=True
    ):
        if kind == PointKind.OPEN:
            assert percent == round(100 * asked[image])
        else:
            assert (percent == NO_CONFIDENCE) is (kind != PointKind.OTHER)
    for view in ("pca", "neighbours"):
        assert np.isfinite(found[view]).all()
        assert np.abs(found[view]).max() == pytest.approx(1)
    assert 0 < drawn.variance_y <= drawn.variance_x < 1
    hashes = bench.blobs.get(images_key(drawn.images_hash))
    assert hashlib.sha256(hashes).hexdigest() == drawn.images_hash
    assert hashes.hex() == "".join(names[image] for image in found["image"].tolist())


def test_drawing_again_gives_the_same_bytes(
    alone: Factory, bench: Workbench, labeling: factories.Labeling
) -> None:
    draw(alone, bench, labeling.round_id)
    kept = []
    for _ in range(2):
        with alone.transaction() as session:
            drawn = session.get_one(RoundMap, labeling.round_id)
            kept.append((drawn.points_hash, drawn.images_hash))
            session.delete(drawn)
            job = session.scalars(select(Job).where(Job.kind == JobKind.DRAW_MAP)).one()
            # As if its worker had died before it could publish.
            job.state, job_id = "queued", job.id
        run_one(bench, job_id)
    assert kept[0] == kept[1]


def test_a_map_gives_way_to_a_step_of_a_round(
    alone: Factory, bench: Workbench, labeling: factories.Labeling
) -> None:
    with alone.transaction() as session:
        step = session.scalars(select(Job).where(Job.kind == JobKind.TRAIN_ROUND)).one()
        was, step.state = step.state, "queued"
        step.created_at -= timedelta(minutes=1)
        step_id = step.id
    job = draw(alone, bench, labeling.round_id)
    assert (job.state, job.attempt, job.lease_expires_at) == ("queued", 1, None)
    with alone.transaction() as session:
        session.get_one(Job, step_id).state = was
    run_one(bench, job.id)
    job = alone.job(job.id)
    assert (job.state, job.attempt) == ("done", 2)


def test_a_map_that_fails_leaves_the_round_to_its_labelers(
    alone: Factory, bench: Workbench, labeling: factories.Labeling
) -> None:
    bench.blobs.delete("checkpoints/map")
    assert draw(alone, bench, labeling.round_id).state == "failed"
    assert alone.round(labeling.round_id).state == "labeling"


def test_of_too_many_pictures_each_kind_gives_up_the_same_share(
    alone: Factory, labeling: factories.Labeling
) -> None:
    def choose(most: int) -> list[int]:
        with alone.sessions() as session:
            found = map_data.choose(session, session.get_one(Round, labeling.round_id), most)
        kinds = [each.kind for each in found.pictures]
        assert found.counts[PointKind.TRAINING] == 5
        return [kinds.count(kind) for kind in PointKind]

    assert choose(100) == [5, 0, 1, 5, 2]
    assert choose(12) == [5, 0, 1, 5, 1]
    assert choose(6) == [3, 0, 1, 2, 0]
