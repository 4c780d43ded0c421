"""Whole rounds by real workers, that are killed, cut off and cancelled in the middle."""

import hashlib
import io
import time
from dataclasses import dataclass
from functools import cache

import pytest
from PIL import Image as Pillow
from redis import Redis
from sqlalchemy import func, select, update

from app.db.tables import (
    Candidate,
    Confusion,
    Exemplar,
    FeatureShard,
    Job,
    ModelVersion,
    Proposal,
    Round,
    RoundMap,
)
from app.domain.job import LEASE, MAX_ATTEMPTS, JobKind
from tests.factories import paint, until_blocked
from tests.workers.factory import Factory, eventually
from vetted.demo.drawing import SPECIES, draw

pytestmark = pytest.mark.slow

SIZE = 64


@dataclass(frozen=True)
class Policies:
    """What happened in two projects, by slug."""

    projects: dict[str, int]
    rounds: dict[str, list[Round]]
    visited: dict[str, list[set[int]]]


@cache
def flower(species: int, index: int, quality: int = 90) -> bytes:
    """A small drawn flower; another quality is another file of the same picture."""
    data = io.BytesIO()
    picture = draw(SPECIES[species], index).resize(
        (SIZE + 32, SIZE + 32), Pillow.Resampling.LANCZOS
    )
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


def flowers(species: int, start: int, stop: int) -> list[bytes]:
    return [flower(species, index) for index in range(start, stop)]


def small(slug: str, factory: Factory, first: int = 0, **columns: object) -> int:
    """Two categories, one of them with a single seed, and eight candidates."""
    return factory.project(
        slug,
        seeds=[flowers(first, 0, 3), flowers(first + 1, 0, 1)],
        pool=[*flowers(first, 3, 7), *flowers(first + 1, 3, 7)],
        threshold=0.0,
        **columns,
    )


def test_a_lost_message_and_an_absent_broker_cost_seconds_and_no_work(factory: Factory) -> None:
    factory.stop_computing()
    small("lost", factory)
    small("absent", factory)
    lost = factory.start_round("lost")
    assert factory.messages("compute") == 1
    with Redis.from_url(factory.settings.broker_url) as broker:
        broker.flushall()
    began = time.monotonic()
    absent = factory.start_round("absent", broker_url="redis://127.0.0.1:1/0")
    assert time.monotonic() - began < 8
    assert factory.messages("compute") == 0
    factory.keep_computing()
    for round_id in (lost, absent):
        found = factory.until(round_id, "labeling")
        assert (found.candidates, found.withheld) == (8, 0)
        assert {job.attempt for job in factory.jobs(round_id).values()} <= {0, 1}


def test_a_round_whose_worker_is_killed_in_every_step_ends_once(factory: Factory) -> None:
    factory.keep_computing()
    copy = flower(0, 20, quality=80)
    project_id = factory.project(
        "killed",
        seeds=[flowers(0, 0, 5), flowers(1, 0, 5), flowers(2, 0, 1)],
        test=[flowers(0, 20, 22), flowers(1, 20, 22), flowers(2, 20, 22)],
        # Enough for a second block.
        pool=[
            copy,
            *flowers(0, 5, 9),
            *flowers(1, 5, 9),
            *(paint(index % 3, index) for index in range(300)),
        ],
    )
    last = _last_candidate(factory, project_id)
    before = _shards(factory)
    round_id = factory.start_round("killed")
    _kill_while_embedding(factory, round_id, before)
    _kill_while_training(factory, round_id)
    _kill_while_scoring(factory, round_id, last)
    found = factory.until(round_id, "labeling")
    attempts = {kind: job.attempt for kind, job in factory.jobs(round_id).items()}
    assert [attempts[kind] for kind in ("embed_pool", "train_round", "score_pool")] == [2, 2, 2]
    pairs = factory.pairs(round_id)
    assert len({image for image, _ in pairs}) == len(pairs) == found.proposals
    # A picture that nearly equals one of the test split is seen by nobody.
    near = factory.image_id(project_id, hashlib.sha256(copy).hexdigest())
    with factory.sessions() as session:
        assert session.get_one(Candidate, near).standing == "quarantined"
    assert near not in {image for image, _ in pairs}
    assert found.candidates == 308
    _check_the_model(factory, found)
    for kind in ("derive_pictures", "draw_map"):
        eventually(lambda kind=kind: factory.jobs(round_id)[kind].state == "done")  # type: ignore[misc]
    with factory.sessions() as session:
        drawn = session.get_one(RoundMap, round_id)
        assert drawn.points == 11 + 308 - found.withheld


def _last_candidate(factory: Factory, project_id: int) -> int:
    with factory.sessions() as session:
        query = select(func.max(Candidate.image_id)).where(Candidate.project_id == project_id)
        return session.scalars(query).one()


def _shards(factory: Factory) -> int:
    with factory.sessions() as session:
        return session.scalars(select(func.count()).select_from(FeatureShard)).one()


def _kill_while_embedding(factory: Factory, round_id: int, before: int) -> None:
    job = factory.running(round_id, JobKind.EMBED_POOL)
    eventually(lambda: _shards(factory) > before)
    factory.kill_worker_of(job.id)
    assert factory.job(job.id).state == "running", "it was too quick to be hit"
    # This lease runs out by itself; the next ones are cut short.
    began = time.monotonic()
    eventually(lambda: factory.job(job.id).attempt == 2)
    assert time.monotonic() - began > LEASE.total_seconds() - 5
    eventually(lambda: factory.job(job.id).state == "done")
    # One of the examples and two of the pool, each made once.
    assert _shards(factory) == before + 3


def _kill_while_training(factory: Factory, round_id: int) -> None:
    job = factory.running(round_id, JobKind.TRAIN_ROUND)
    factory.kill_worker_of(job.id)
    assert factory.job(job.id).state == "running", "it was too quick to be hit"
    # From here on a test's lock keeps scoring from being published.
    factory.let_lapse(job.id)


def _kill_while_scoring(factory: Factory, round_id: int, candidate: int) -> None:
    """At the worst moment: its proposals are written and not committed."""
    with factory.sessions() as holder:
        holder.execute(select(Candidate).where(Candidate.image_id == candidate).with_for_update())
        job = factory.running(round_id, JobKind.SCORE_POOL)
        until_blocked(holder)
        factory.kill_worker_of(job.id)
        holder.rollback()
    assert factory.pairs(round_id) == []
    factory.let_lapse(job.id)


def _check_the_model(factory: Factory, found: Round) -> None:
    with factory.sessions() as session:
        model = session.scalars(select(ModelVersion).where(ModelVersion.round_id == found.id)).one()
        assert model.metrics["tested_on"] == 6
        assert 0 <= model.metrics["top1"] <= 1
        low, high = model.metrics["mean_class_low"], model.metrics["mean_class_high"]
        assert 0 <= low <= model.metrics["mean_class"] <= high <= 1
        cells = session.scalars(select(Confusion).where(Confusion.model_id == model.id)).all()
        right = sum(each.pictures for each in cells if each.category_id == each.taken_for_id)
        assert sum(each.pictures for each in cells) == 6
        assert right / 6 == pytest.approx(model.metrics["top1"])
        losses = model.metrics["curves"]["loss"]
        accuracies = model.metrics["curves"]["accuracy"]
        assert losses[-1][0] == accuracies[-1][0] == model.config["steps"]
        assert accuracies[-1][1] == round(model.metrics["top1"], 5)
        shown = session.execute(
            select(Exemplar.category_id, func.count())
            .where(Exemplar.round_id == found.id)
            .group_by(Exemplar.category_id)
            .order_by(Exemplar.category_id)
        )
        assert [number for _, number in shown] == [5, 5, 1]


def test_a_worker_that_dies_too_often_fails_the_round_with_a_sentence(factory: Factory) -> None:
    factory.keep_computing()
    small("doomed", factory, first=3)
    round_id = factory.start_round("doomed")
    job = factory.running(round_id, JobKind.TRAIN_ROUND)
    factory.kill_worker_of(job.id)
    with factory.transaction() as session:
        # As if it had died like this several times before.
        died = update(Job).where(Job.id == job.id, Job.state == "running")
        session.execute(died.values(lapses=MAX_ATTEMPTS - 1))
    factory.let_lapse(job.id)
    found = factory.until(round_id, "failed")
    assert f"died {MAX_ATTEMPTS} times" in str(found.error)
    assert factory.job(job.id).state == "failed"


def test_a_cancel_during_training_publishes_nothing_and_frees_the_worker(factory: Factory) -> None:
    factory.keep_computing()
    project_id = small("cancelled", factory, first=3)
    round_id = factory.start_round("cancelled")
    job = factory.running(round_id, JobKind.TRAIN_ROUND)
    assert factory.client().post("projects/cancelled/rounds/1/cancel").status_code == 200
    again = factory.start_round("cancelled")
    factory.until(again, "labeling")
    assert factory.job(job.id).state == "cancelled"
    assert set(factory.jobs(round_id)) == {"embed_pool", "train_round"}
    with factory.sessions() as session:
        models = session.scalars(
            select(ModelVersion.round_id).where(ModelVersion.project_id == project_id)
        )
        assert list(models) == [again]


def test_a_missing_weights_file_fails_the_round_with_a_clear_sentence(factory: Factory) -> None:
    factory.keep_computing()
    small("weights", factory, first=3, backbone="mobilenet_v2", weights="nowhere.pth")
    found = factory.until(factory.start_round("weights"), "failed")
    assert "'nowhere.pth'" in str(found.error)
    assert "start another round" in str(found.error)
    told = factory.client().get(f"projects/weights/rounds/{found.number}").json()
    assert told["error"] == found.error
    assert told["jobs"][0]["state"] == "failed"


@pytest.fixture(scope="module")
def policies(factory: Factory) -> Policies:
    """Two rounds of a project of each policy, side by side; everything was rejected."""
    factory.keep_computing()
    slugs = ("rescore", "disjoint")
    projects = {slug: small(slug, factory, first=3, policy=slug, subsets=2) for slug in slugs}
    played = Policies(projects, {slug: [] for slug in slugs}, {slug: [] for slug in slugs})
    for number in (1, 2):
        started = {slug: factory.start_round(slug) for slug in slugs}
        for slug, round_id in started.items():
            played.rounds[slug].append(factory.until(round_id, "labeling"))
            played.visited[slug].append(factory.visited(projects[slug], number))
            factory.answer_everything(round_id, "no")
    return played


def test_what_was_rejected_is_never_asked_again(factory: Factory, policies: Policies) -> None:
    first, second = policies.rounds["rescore"]
    assert (first.proposals, first.candidates, second.candidates) == (8, 8, 8)
    assert not set(factory.pairs(first.id)) & set(factory.pairs(second.id))
    with factory.sessions() as session:
        parents = session.scalars(
            select(ModelVersion.parent_id).where(ModelVersion.round_id.in_([first.id, second.id]))
        )
        assert sum(parent is not None for parent in parents) == 1


def test_disjoint_rounds_visit_each_candidate_once(factory: Factory, policies: Policies) -> None:
    first, second = policies.visited["disjoint"]
    assert not first & second
    assert len(first | second) == 8
    for found, visited in zip(policies.rounds["disjoint"], (first, second), strict=True):
        assert found.candidates == len(visited)
        assert {image for image, _ in factory.pairs(found.id)} == visited
    answer = factory.client().post("projects/disjoint/rounds")
    assert answer.status_code == 409
    assert "No candidate is left" in answer.json()["detail"]


def test_no_worker_has_complained(factory: Factory) -> None:
    """Runs last: what went wrong unexpectedly stands in the logs."""
    for log in factory.folder.glob("*.log"):
        assert "failed unexpectedly" not in log.read_text(), log.name
    with factory.sessions() as session:
        assert (
            session.scalars(
                select(func.count())
                .select_from(Proposal)
                .group_by(Proposal.round_id, Proposal.image_id)
                .having(func.count() > 1)
            ).all()
            == []
        )
