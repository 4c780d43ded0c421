"""Screening: from `new` to `open`, in a worker that is killed, interrupted and overtaken."""

import hashlib
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select, update

from app.blobs import FolderBlobs, original_key
from app.db.session import database_now
from app.db.tables import Candidate, Feature, Image, Job, Project
from app.domain.errors import StaleAttemptError
from app.domain.job import PATIENCE, JobKind
from app.usecases.pool.screen_pool import RETRY_AFTER
from app.usecases.rounds.start_round import start_round
from app.usecases.run_jobs import claim_job, lock_owner
from tests.factories import paint, until_blocked
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory, eventually
from workers import screening
from workers.heart import Heart
from workers.queue_screenings import queue_screenings
from workers.runner import Workbench, run_one


@pytest.fixture
def bench(alone: Factory) -> Workbench:
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    return Workbench(alone.settings, alone.sessions, blobs, MemoryJobs())


def standings(factory: Factory, project_id: int) -> dict[str, int]:
    """How many candidates of the project stand where."""
    with factory.sessions() as session:
        rows = session.execute(
            select(Candidate.standing, func.count())
            .where(Candidate.project_id == project_id)
            .group_by(Candidate.standing)
        )
        return dict(rows.all())  # type: ignore[arg-type]


def work_off(bench: Workbench) -> list[JobKind]:
    """Do what was sent; gives what it was."""
    jobs = bench.jobs
    assert isinstance(jobs, MemoryJobs)
    done = []
    while jobs.sent:
        job_id, kind = jobs.sent.pop(0)
        run_one(bench, job_id)
        done.append(kind)
    return done


def project_of(factory: Factory, pool: Sequence[bytes], slug: str = "flowers") -> int:
    return factory.project(
        slug, seeds=[[paint(0, 0)], [paint(1, 0)]], pool=pool, backbone="filterbank", threshold=0.0
    )


def jobs_of(factory: Factory, project_id: int) -> list[Job]:
    with factory.sessions() as session:
        return list(
            session.scalars(select(Job).where(Job.project_id == project_id).order_by(Job.id))
        )


def test_progress_never_goes_back(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_of(alone, [paint(index % 2, index) for index in range(1, 6)])
    told: list[int] = []
    tell = Heart.progress

    def listen(heart: Heart, step: int, steps: int | None) -> None:
        told.append(step)
        tell(heart, step, steps)

    monkeypatch.setattr(Heart, "progress", listen)
    queue_screenings(bench)
    assert work_off(bench) == [JobKind.SCREEN_POOL]
    # Two examples, then the pool.
    assert (told, told[-1]) == (sorted(told), 7)


def test_what_is_new_becomes_open_and_has_features(alone: Factory, bench: Workbench) -> None:
    pictures = [paint(index % 2, index) for index in range(1, 6)]
    project_id = project_of(alone, pictures)
    lost = hashlib.sha256(pictures[2]).hexdigest()
    bench.blobs.delete(original_key(lost))
    assert queue_screenings(bench) == 1
    # Somebody is at it.
    assert queue_screenings(bench) == 0
    assert work_off(bench) == [JobKind.SCREEN_POOL]
    (job,) = jobs_of(alone, project_id)
    assert (job.state, job.error) == ("done", None)
    # The one that cannot be read does not hold up the others, and waits for better times.
    assert standings(alone, project_id) == {"open": 5}
    with alone.sessions() as session:
        embedded = set(session.scalars(select(Feature.sha256)))
        hashes = set(session.scalars(select(Image.sha256).join(Candidate)))
    assert hashes - embedded == {lost}
    assert queue_screenings(bench) == 0


def test_screening_gives_way_to_a_round_and_keeps_what_is_done(
    alone: Factory, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = project_of(alone, [paint(index % 2, index) for index in range(1, 9)])
    other = project_of(alone, [paint(0, 9)], "other")
    waiting: list[int] = []

    def start_another(_screening: object, _block: object) -> None:
        """While the second block is screened, somebody else's round begins to wait."""
        waiting.append(0)
        if len(waiting) == 2:
            with alone.transaction() as session:
                _, job = start_round(session, session.get_one(Project, other), alone.lead)
                job.created_at = database_now(session) - 2 * PATIENCE
                waiting[1] = job.id

    monkeypatch.setattr(screening, "BLOCK", 3)
    monkeypatch.setattr(screening, "STEPS", (*screening.STEPS, start_another))
    with alone.transaction() as session:
        session.execute(
            update(Candidate).where(Candidate.project_id == other).values(standing="open")
        )
        session.get_one(Project, other).examples_screened = 1000
    assert queue_screenings(bench) == 1
    work_off(bench)
    assert standings(alone, project_id) == {"open": 6, "new": 2}
    # Nobody screens while the round waits; then another job does the rest.
    assert queue_screenings(bench) == 0
    run_one(bench, waiting[1])
    bench.jobs.sent.clear()  # type: ignore[attr-defined]
    assert queue_screenings(bench) == 1
    work_off(bench)
    assert standings(alone, project_id) == {"open": 8}
    assert [(job.state, job.attempt) for job in jobs_of(alone, project_id)] == [("done", 1)] * 2


def test_a_round_takes_the_screening_over(alone: Factory, bench: Workbench) -> None:
    """Two that screen one project at once would not see each other's pictures."""
    project_id = project_of(alone, [paint(index % 2, index) for index in range(1, 9)])
    queue_screenings(bench)
    ((job_id, _),) = bench.jobs.sent  # type: ignore[attr-defined]
    bench.jobs.sent.clear()  # type: ignore[attr-defined]
    with alone.transaction() as session:
        claim = claim_job(session, job_id, "another", database_now(session))
        assert claim is not None
    with alone.transaction() as session:
        _, step = start_round(session, session.get_one(Project, project_id), alone.lead)
        step_id = step.id
    assert queue_screenings(bench) == 0
    run_one(bench, step_id)
    assert alone.job(step_id).state == "done", alone.job(step_id).error
    assert standings(alone, project_id) == {"open": 8}
    assert alone.job(job_id).state == "cancelled"
    with alone.transaction() as session, pytest.raises(StaleAttemptError):
        lock_owner(session, claim)


def test_a_screening_that_fails_is_tried_again_later(alone: Factory, bench: Workbench) -> None:
    project_id = project_of(alone, [paint(0, 1)])
    with alone.transaction() as session:
        session.get_one(Project, project_id).weights = "absent.pth"
    queue_screenings(bench)
    work_off(bench)
    (job,) = jobs_of(alone, project_id)
    assert job.state == "failed"
    assert job.error is not None
    assert "absent.pth" in job.error
    assert queue_screenings(bench) == 0
    with alone.transaction() as session:
        session.get_one(Job, job.id).finished_at = job.created_at - RETRY_AFTER
        session.get_one(Project, project_id).weights = None
    assert queue_screenings(bench) == 1
    work_off(bench)
    assert standings(alone, project_id) == {"open": 1}


@pytest.mark.slow
def test_a_worker_that_is_killed_while_screening_loses_one_block(factory: Factory) -> None:
    factory.stop_computing()
    project_id = project_of(factory, [paint(index % 2, index) for index in range(1, 401)])
    with factory.sessions() as session:
        last = session.scalars(select(func.max(Candidate.image_id))).one()
    # The clock of the light worker queues it by itself.
    (job,) = eventually(lambda: jobs_of(factory, project_id))
    with factory.sessions() as holder:
        holder.execute(select(Candidate).where(Candidate.image_id == last).with_for_update())
        factory.keep_computing()
        until_blocked(holder)
        factory.kill_worker_of(job.id)
        holder.rollback()
    assert standings(factory, project_id) == {"open": 256, "new": 144}
    factory.let_lapse(job.id)
    eventually(lambda: standings(factory, project_id) == {"open": 400})
    eventually(lambda: factory.job(job.id).state == "done")
    assert factory.job(job.id).attempt == 2
