"""Pictures that are taken down while a round is computed from them, and its replay afterwards."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import safetensors.torch
from sqlalchemy import select
from typer.testing import CliRunner

from app.blobs import FolderBlobs
from app.db.session import database_now, transaction
from app.db.tables import (
    Candidate,
    Event,
    Example,
    Exemplar,
    Feature,
    FeatureShard,
    Image,
    Job,
    Project,
    Proposal,
    Round,
)
from app.domain.takedown import named
from app.usecases.rounds.round_manifest import manifest_chunks, round_to_tell
from app.usecases.rounds.start_round import start_round
from app.usecases.takedowns.erase import erase_pending
from app.usecases.takedowns.take_down import take_down
from app.usecases.takedowns.tombstones import Asked
from models.config import MetricConfig
from tests.db.test_takedown_races import files_of
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory
from tests.workers.test_rounds import flowers
from vetted.cli import main
from workers import train_round
from workers.feature_store import FeatureStore
from workers.replay import replay
from workers.runner import Workbench, run_one

Play = Callable[[int], int]


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training of a fraction of a second."""
    monkeypatch.setattr(train_round, "MetricConfig", partial(MetricConfig, steps=40))


def meadow(alone: Factory) -> int:
    return alone.project(
        "meadow",
        seeds=[flowers(species, 0, 5) for species in range(2)],
        pool=[picture for species in range(2) for picture in flowers(species, 5, 9)],
        threshold=0.0,
    )


def go(alone: Factory, project_id: int, sha256: str) -> None:
    """The whole takedown of a picture."""
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    with alone.transaction() as session:
        project = session.get_one(Project, project_id)
        asked = Asked(named(sha256), "a request", alone.lead)
        take_down(session, blobs, project, asked, database_now(session))
    erase_pending(alone.sessions, blobs)


def picture(alone: Factory, table: type[Example | Candidate]) -> str:
    with alone.sessions() as session:
        return session.scalars(
            select(Image.sha256).join(table, table.image_id == Image.id).order_by(Image.id)
        ).first()  # type: ignore[return-value]


class Disturbed(FolderBlobs):
    """A store that takes a picture down when the first original is read, and at the first block."""

    def __init__(self, root: Any, takedowns: dict[str, Callable[[], None]]) -> None:
        super().__init__(root)
        self._takedowns = takedowns

    def get(self, key: str) -> bytes:
        self._disturb(key)
        return super().get(key)

    def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        self._disturb(key)
        super().put(key, data, media_type)

    def _disturb(self, key: str) -> None:
        for prefix in [each for each in self._takedowns if key.startswith(each)]:
            self._takedowns.pop(prefix)()


@pytest.mark.parametrize(
    ("when", "table"),
    [
        ("originals/", Candidate),
        ("features/", Example),
        ("checkpoints/", Example),
        ("candidates/", Candidate),
    ],
)
def test_what_goes_in_the_middle_of_a_round_is_in_none_of_it(
    alone: Factory, when: str, table: type[Example | Candidate]
) -> None:
    project_id = meadow(alone)
    gone = picture(alone, table)
    root = alone.settings.data_dir / "blobs"
    blobs = Disturbed(root, {when: lambda: go(alone, project_id, gone)})
    jobs = MemoryJobs()
    bench = Workbench(alone.settings, alone.sessions, blobs, jobs)
    with alone.transaction() as session:
        started, job = start_round(session, session.get_one(Project, project_id), alone.lead)
        round_id = started.id
        jobs.sent = [(job.id, job.kind)]  # type: ignore[list-item]
    while jobs.sent:
        run_one(bench, jobs.sent.pop()[0])
    erase_pending(alone.sessions, blobs)
    with alone.sessions() as session:
        errors = session.scalars(select(Job.error).where(Job.error.is_not(None))).all()
        assert session.get_one(Round, round_id).state == "labeling", errors
        image_id = session.scalars(select(Image.id).where(Image.sha256 == gone)).one()
        for shown in (Proposal, Exemplar, Candidate):
            found = session.scalars(select(shown).where(shown.image_id == image_id)).all()
            assert [each for each in found if getattr(each, "answer", None) != "withdrawn"] == []
        assert session.scalars(select(Feature).where(Feature.sha256 == gone)).all() == []
    assert files_of(root, gone) == []


def test_the_features_of_what_goes_are_zeros_in_their_block(alone: Factory, play: Play) -> None:
    project_id = meadow(alone)
    play(project_id)
    gone = picture(alone, Candidate)
    with alone.sessions() as session:
        feature, shard = session.execute(
            select(Feature, FeatureShard)
            .join(FeatureShard, FeatureShard.id == Feature.shard_id)
            .where(Feature.sha256 == gone)
        ).one()
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    before = safetensors.torch.load(blobs.get(shard.blob_key))["features"]
    assert before[feature.row].abs().sum() > 0
    go(alone, project_id, gone)
    after = safetensors.torch.load(blobs.get(shard.blob_key))["features"]
    assert after[feature.row].abs().sum() == 0
    kept = [row for row in range(len(before)) if row != feature.row]
    assert after[kept].equal(before[kept])
    # Computed again by a worker that had read the picture before, they go again.
    store = FeatureStore(alone.sessions, blobs, shard.fingerprint)
    store.add([gone], before[[feature.row]])
    assert store.missing([gone]) == []
    erase_pending(alone.sessions, blobs)
    assert store.missing([gone]) == [gone]
    with alone.sessions() as session:
        newest = session.scalars(select(FeatureShard).order_by(FeatureShard.id.desc())).first()
    assert newest is not None
    assert safetensors.torch.load(blobs.get(newest.blob_key))["features"].abs().sum() == 0


def test_a_replay_leaves_out_what_was_taken_down_and_says_so(alone: Factory, play: Play) -> None:
    project_id = meadow(alone)
    play(project_id)

    def manifest() -> dict[str, Any]:
        with transaction(alone.sessions) as session:
            project = session.get_one(Project, project_id)
            of = round_to_tell(session, project, 1)
            told: dict[str, Any] = json.loads(b"".join(manifest_chunks(session, project, of)))
            return told

    kept = manifest()
    assert kept["taken_down"] == []
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    candidate, example = picture(alone, Candidate), picture(alone, Example)
    go(alone, project_id, candidate)
    # What it trained on is all there: the rest of the questions are the same, from either manifest.
    for told in (kept, manifest()):
        replayed = replay(alone.sessions, blobs, told)
        assert (replayed.taken_down, replayed.same_model) == (1, True)
        assert replayed.comparison.missing == replayed.comparison.extra == 0
    go(alone, project_id, example)
    told = manifest()
    assert told["taken_down"] == sorted([candidate, example])
    assert {**told, "taken_down": []}["trained_on"] == kept["trained_on"]
    replayed = replay(alone.sessions, blobs, told)
    assert (replayed.taken_down, replayed.same_model) == (2, False)


def test_the_operator_takes_down_at_the_command_line(alone: Factory) -> None:
    project_id = meadow(alone)
    gone, root = picture(alone, Example), alone.settings.data_dir / "blobs"
    environment = {
        "VETTED_DATABASE_URL": alone.settings.database_url,
        "VETTED_DATA_DIR": str(alone.settings.data_dir),
    }
    run = partial(CliRunner().invoke, main, env=environment)
    assert "Say why" in run(["takedown", gone]).output
    asked = run(["takedown", gone, "--reason", "court order 7"], input="n\n")
    assert (asked.exit_code, files_of(root, gone)) == (1, [gone])
    assert "meadow: 1 pictures (0 in the pool, 1 examples" in asked.output
    done = run(["takedown", gone, "--reason", "court order 7", "--yes"])
    assert (done.exit_code, files_of(root, gone)) == (0, []), done.output
    assert "Nothing was left" in run(["takedown", gone, "--reason", "again", "--yes"]).output
    with alone.sessions() as session:
        event = session.scalars(select(Event).where(Event.verb == "take-down")).one()
        assert (event.project_id, event.user_id) == (project_id, None)
        assert event.details["reason"] == "court order 7"
    assert run(["takedown", gone, "--lift"]).exit_code == 0
    assert "no takedown" in run(["takedown", gone, "--lift"]).output
