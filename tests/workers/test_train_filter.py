"""The coarse filter: trained, taken from a file, scoring what is there and what comes."""

import pytest
from sqlalchemy import select

from app.blobs import FolderBlobs
from app.db import filter_queries
from app.db.session import database_now
from app.db.tables import Candidate, CoarseFilter, Image, Job, Project
from app.domain.errors import (
    FilterAtWorkError,
    FilterNotReadyError,
    InvalidError,
)
from app.domain.filtering import NegativeOrigin
from app.domain.job import PATIENCE, JobKind
from app.usecases.filter import ask, score
from app.usecases.filter.negatives import add_negatives
from app.usecases.rounds.start_round import start_round
from models import coarse_filter
from tests import factories
from tests.factories import paint
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory, eventually
from workers import screening, train_filter
from workers.domain_score import score_domain
from workers.queue_screenings import queue_screenings
from workers.runner import Workbench, run_one
from workers.screening import Screening

HUES = (0, 1, 2)  # of the domain; the rest of the world is painted in others
FLOWERS = [paint(index % 3, 40 + index) for index in range(8)]
STRANGERS = [paint(5 + index % 2, 40 + index) for index in range(8)]


@pytest.fixture
def bench(alone: Factory) -> Workbench:
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    return Workbench(alone.settings, alone.sessions, blobs, MemoryJobs())


def project_of(factory: Factory, blobs: FolderBlobs, slug: str = "flowers") -> int:
    """Seeds in three hues, negatives in two others, and a pool of both that was screened."""
    seeds = [[paint(hue, index) for index in range(1, 9)] for hue in HUES]
    project_id = factory.project(slug, seeds=seeds, pool=[*FLOWERS, *STRANGERS])
    with factory.transaction() as session:
        negatives = [paint(5 + index % 2, 1 + index) for index in range(24)]
        taken = factories.taken(blobs, *negatives)
        project = session.get_one(Project, project_id)
        add_negatives(session, project, NegativeOrigin.GIVEN, taken)
    return project_id


def screen(bench: Workbench) -> None:
    assert isinstance(bench.jobs, MemoryJobs)
    queue_screenings(bench)
    while bench.jobs.sent:
        run_one(bench, bench.jobs.sent.pop()[0])


def ask_for_filter(factory: Factory, project_id: int) -> int:
    with factory.transaction() as session:
        project = session.get_one(Project, project_id)
        return ask.ask_for_training(session, project, factory.lead).id


def scores(factory: Factory, project_id: int) -> dict[str, tuple[float | None, int | None]]:
    with factory.sessions() as session:
        rows = session.execute(
            select(Image.sha256, Candidate.domain_score, Candidate.filter_id)
            .join(Candidate, Candidate.image_id == Image.id)
            .where(Candidate.project_id == project_id)
        )
        return {sha256: (value, of) for sha256, value, of in rows}


def kept(factory: Factory, project_id: int) -> set[str]:
    return {
        sha256 for sha256, (value, _) in scores(factory, project_id).items() if (value or 0) >= 0.5
    }


def hashes(blobs: FolderBlobs, pictures: list[bytes]) -> set[str]:
    return {
        each.picture.sha256
        for each in factories.taken(blobs, *pictures)
        if each.picture is not None
    }


def in_force(factory: Factory, project_id: int) -> CoarseFilter:
    with factory.sessions() as session:
        found = filter_queries.filter_in_force(session, project_id)
    assert found is not None
    return found


def test_a_filter_is_trained_scores_the_pool_and_what_comes_later(
    alone: Factory, bench: Workbench
) -> None:
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    screen(bench)
    assert set(scores(alone, project_id).values()) == {(None, None)}
    job_id = ask_for_filter(alone, project_id)
    with pytest.raises(FilterAtWorkError):
        ask_for_filter(alone, project_id)
    run_one(bench, job_id)
    assert (alone.job(job_id).state, alone.job(job_id).error) == ("done", None)
    first = in_force(alone, project_id)
    assert (first.facts["positives"], first.facts["negatives"]) == (24, 24)
    assert first.facts["auc"] > 0.95
    assert kept(alone, project_id) == hashes(blobs, FLOWERS)
    assert {of for _, of in scores(alone, project_id).values()} == {first.id}
    # A round scores what passed the filter, and all of it again when the threshold moves.
    with alone.transaction() as session:
        started, _ = start_round(session, session.get_one(Project, project_id), alone.lead)
        started.state = "cancelled"
        project = session.get_one(Project, project_id)
        late = factories.make_image(session, blobs, project, paint(6, 900))
        session.add(Candidate(image_id=late.id, project_id=project_id, bucket=0))
    screen(bench)
    value, of = scores(alone, project_id)[late.sha256]
    assert value is not None
    assert value < 0.5
    assert of == first.id
    run_one(bench, ask_for_filter(alone, project_id))
    second = in_force(alone, project_id)
    assert second.id > first.id
    assert {of for _, of in scores(alone, project_id).values()} == {second.id}


def test_what_nearly_equals_a_test_picture_is_not_trained_on(
    alone: Factory, bench: Workbench
) -> None:
    seeds = [[paint(hue, index) for index in range(1, 9)] for hue in HUES]
    copies = [[paint(hue, 1), paint(hue, 500)] for hue in HUES]
    project_id = alone.project(
        "flowers", seeds=[[*s, c[1]] for s, c in zip(seeds, copies, strict=True)], pool=[]
    )
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    with alone.transaction() as session:
        project = session.get_one(Project, project_id)
        taken = factories.taken(blobs, *(paint(5, index) for index in range(12)))
        add_negatives(session, project, NegativeOrigin.GIVEN, taken)
    run_one(bench, ask_for_filter(alone, project_id))
    assert in_force(alone, project_id).facts["positives"] == 27


def test_too_few_of_either_are_refused_with_what_to_do(alone: Factory) -> None:
    project_id = alone.project("flowers", seeds=[[paint(0, 1)], [paint(1, 1)]], pool=[])
    with pytest.raises(FilterNotReadyError) as refused:
        ask_for_filter(alone, project_id)
    assert "at least 10 examples in the train split; there are 2." in str(refused.value)
    assert "at least 10 negatives; there are 0." in str(refused.value)


def test_a_file_takes_over_where_it_fits(alone: Factory, bench: Workbench) -> None:
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    run_one(bench, ask_for_filter(alone, project_id))
    content = blobs.get(in_force(alone, project_id).blob_key or "")
    # A project that only begins: nobody has told its backbone's fingerprint yet.
    other = alone.project("other", seeds=[[paint(0, 1)]], pool=[*FLOWERS, *STRANGERS])
    screen(bench)
    assert upload(alone, bench, other, content).state == "done"
    assert in_force(alone, other).origin == "uploaded"
    assert kept(alone, other) == hashes(blobs, FLOWERS)
    # The next is compared at once.
    trained = coarse_filter.from_bytes(content)
    facts = coarse_filter.Facts(**{**vars(trained.facts), "fingerprint": "e" * 64})
    foreign = coarse_filter.CoarseFilter(**{**vars(trained), "facts": facts})
    strange = coarse_filter.to_bytes(foreign)
    with pytest.raises(InvalidError, match="another backbone"):
        upload(alone, bench, other, strange)
    third = alone.project("third", seeds=[[paint(0, 1)]], pool=FLOWERS)
    job = upload(alone, bench, third, strange)
    assert job.state == "failed"
    assert "another backbone" in str(job.error)
    damaged = upload(alone, bench, third, content[:-40])
    assert damaged.state == "failed"
    assert "not an intact file" in str(damaged.error)
    with alone.sessions() as session:
        assert filter_queries.filter_in_force(session, third) is None
    for nonsense in (b"", b"\xff" * 99, content[:60], b"\x02\0\0\0\0\0\0\0{}"):
        with pytest.raises(InvalidError, match="not the file of a coarse filter"):
            upload(alone, bench, third, nonsense)


def upload(factory: Factory, bench: Workbench, project_id: int, content: bytes) -> Job:
    with factory.transaction() as session:
        project = session.get_one(Project, project_id)
        digest = ask.store_file(bench.blobs, content)
        job_id = ask.take_file(session, project, factory.lead, content, digest).id
    run_one(bench, job_id)
    return factory.job(job_id)


def test_scoring_gives_way_to_a_round_and_goes_on_where_it_was(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    other = alone.project("other", seeds=[[paint(0, 1)], [paint(1, 1)]], pool=FLOWERS)
    screen(bench)
    monkeypatch.setattr(train_filter, "_BLOCK", 5)
    monkeypatch.setattr("workers.courtesy._EVERY", 0.0)
    job_id, publish = ask_for_filter(alone, project_id), score.publish_scores
    waiting: list[int] = []

    def and_a_round_waits(*given: object) -> None:
        publish(*given)  # type: ignore[arg-type]
        if not waiting:
            with alone.transaction() as session:
                _, job = start_round(session, session.get_one(Project, other), alone.lead)
                job.created_at = database_now(session) - 2 * PATIENCE
                waiting.append(job.id)

    monkeypatch.setattr(score, "publish_scores", and_a_round_waits)
    run_one(bench, job_id)
    assert alone.job(job_id).state == "queued"
    made = in_force(alone, project_id)
    assert sum(of == made.id for _, of in scores(alone, project_id).values()) == 5
    run_one(bench, waiting[0])
    run_one(bench, job_id)
    assert alone.job(job_id).state == "done"
    assert in_force(alone, project_id).id == made.id
    assert {of for _, of in scores(alone, project_id).values()} == {made.id}


def test_a_worker_stops_scoring_when_a_lead_says_so(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    screen(bench)
    monkeypatch.setattr(train_filter, "_BLOCK", 5)
    monkeypatch.setattr("workers.courtesy._EVERY", 0.0)
    job_id, publish = ask_for_filter(alone, project_id), score.publish_scores

    def and_a_lead_stops_it(*given: object) -> None:
        publish(*given)  # type: ignore[arg-type]
        with alone.transaction() as session:
            project = session.get_one(Project, project_id)
            ask.cancel_training(session, project, alone.lead, database_now(session))

    monkeypatch.setattr(score, "publish_scores", and_a_lead_stops_it)
    run_one(bench, job_id)
    assert alone.job(job_id).state == "cancelled"
    made = in_force(alone, project_id)
    assert sum(of == made.id for _, of in scores(alone, project_id).values()) == 5


def test_a_filter_that_comes_while_a_block_is_screened_scores_it(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pass over the pool has been there already, and found nothing screened."""
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    turns: list[int] = []

    def meanwhile(at: Screening, block: object) -> None:
        score_domain(at, block)  # type: ignore[arg-type]
        if not turns:
            turns.append(ask_for_filter(alone, project_id))
            run_one(bench, turns[0])
            assert alone.job(turns[0]).state == "done", alone.job(turns[0]).error

    steps = [meanwhile if each is score_domain else each for each in screening.STEPS]
    monkeypatch.setattr(screening, "STEPS", tuple(steps))
    screen(bench)
    made = in_force(alone, project_id)
    assert {of for _, of in scores(alone, project_id).values()} == {made.id}


def test_an_older_filters_late_scores_change_nothing(alone: Factory, bench: Workbench) -> None:
    blobs: FolderBlobs = bench.blobs  # type: ignore[assignment]
    project_id = project_of(alone, blobs)
    screen(bench)
    run_one(bench, ask_for_filter(alone, project_id))
    before, made = scores(alone, project_id), in_force(alone, project_id)
    with alone.transaction() as session:
        ids = session.scalars(select(Candidate.image_id)).all()
        score.publish_scores(session, made.id - 1, ids, [0.5] * len(ids))
    assert scores(alone, project_id) == before


@pytest.mark.slow
def test_real_workers_train_and_score(factory: Factory) -> None:
    blobs = FolderBlobs(factory.settings.data_dir / "blobs")
    project_id = project_of(factory, blobs)
    factory.keep_computing()
    with factory.client() as lead:
        assert lead.post("projects/flowers/filter/train").status_code == 202

    def scored() -> bool:
        found = scores(factory, project_id).values()
        return all(value is not None for value, _ in found)

    eventually(scored)
    assert kept(factory, project_id) == hashes(blobs, FLOWERS)
    with factory.sessions() as session:
        kinds = set(session.scalars(select(Job.kind).where(Job.project_id == project_id)))
    assert JobKind.TRAIN_FILTER in kinds
