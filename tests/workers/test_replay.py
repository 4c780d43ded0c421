"""A round is computed again from its manifest: the same proposals, and nothing is written."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from typer.testing import CliRunner

from app.blobs import FolderBlobs
from app.db.session import transaction
from app.db.tables import Candidate, Category, Example, Feature, Image, Project, Proposal, Round
from app.domain.category_change import Part, Rest
from app.domain.manifest import Comparison, Question, compare
from app.domain.round import bucket_of
from app.usecases.categories.merge import merge_categories
from app.usecases.categories.retire import retire_category
from app.usecases.categories.split import split_category
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.roll_back import roll_back
from app.usecases.rounds.round_manifest import manifest_chunks, round_to_tell
from models.config import MetricConfig
from tests import factories
from tests.workers.factory import Factory
from tests.workers.test_rounds import flower, flowers
from vetted.cli import main
from workers import candidate_list, train_round
from workers.replay import Replayed, ReplayError, replay

Play = Callable[[int], int]


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training of a fraction of a second: a replay of few steps is a replay all the same."""
    monkeypatch.setattr(train_round, "MetricConfig", partial(MetricConfig, steps=40))


@pytest.fixture
def grown(alone: Factory, play: Play) -> int:
    """A project in its second round: seeds, test pictures, hard negatives, known questions."""
    project_id = alone.project(
        "meadow",
        seeds=[flowers(species, 0, 12) for species in range(3)],
        test=[flowers(species, 20, 22) for species in range(3)],
        pool=[picture for species in range(3) for picture in flowers(species, 12, 20)],
        threshold=0.34,
        gold_share=0.2,
        audit_share=0.1,
        seed=7,
    )
    first = play(project_id)
    _answer(alone, first)
    _close(alone, project_id, 1)
    play(project_id)
    return project_id


def _answer(alone: Factory, round_id: int) -> None:
    """Every third proposal is wrong."""
    with alone.transaction() as session:
        asked = session.scalars(
            select(Proposal).where(Proposal.round_id == round_id).order_by(Proposal.position)
        )
        for place, proposal in enumerate(asked):
            factories.answer(session, proposal, alone.lead, "yes" if place % 3 else "no")


def _close(alone: Factory, project_id: int, number: int) -> str:
    """Close the round; gives the content hash of what that made."""
    with alone.transaction() as session:
        project = session.get_one(Project, project_id)
        closed = close_round(session, project, number, factories.database_now(session))
        session.flush()
        made = manifest_of(alone, session, project_id, closed.number)["made"]
    assert made is not None
    return str(made["content_hash"])


def manifest_of(alone: Factory, session: Any, project_id: int, number: int) -> dict[str, Any]:
    del alone
    project = session.get_one(Project, project_id)
    of = round_to_tell(session, project, number)
    told: dict[str, Any] = json.loads(b"".join(manifest_chunks(session, project, of)))
    return told


def manifest(alone: Factory, project_id: int, number: int) -> dict[str, Any]:
    with transaction(alone.sessions) as session:
        return manifest_of(alone, session, project_id, number)


def again(alone: Factory, told: dict[str, Any]) -> Replayed:
    return replay(alone.sessions, FolderBlobs(alone.settings.data_dir / "blobs"), told)


def everything(alone: Factory) -> dict[str, str | None]:
    """A digest of each table."""
    with alone.sessions() as session:
        names = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        ).all()
        digest = "SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {} AS t"
        return {name: session.scalar(text(digest.format(f'"{name}"'))) for name in names}


def test_two_runs_of_a_round_from_its_manifest_propose_the_same(alone: Factory, grown: int) -> None:
    before = everything(alone)
    for number in (1, 2):
        told = manifest(alone, grown, number)
        assert any(each["gold"] for each in told["proposals"])
        for replayed in (again(alone, told), again(alone, told)):
            assert replayed.comparison == Comparison(0, 0, 0, pytest.approx(0, abs=1e-6))
            assert replayed.same_model
            assert replayed.proposals == len(told["proposals"]) > 0
    assert everything(alone) == before


def test_what_has_changed_since_does_not_matter(alone: Factory, grown: int) -> None:
    """Late candidates, new test pictures, renamed categories, another project's settings."""
    _close(alone, grown, 2)
    blobs = FolderBlobs(alone.settings.data_dir / "blobs")
    with alone.transaction() as session:
        project = session.get_one(Project, grown)
        late = factories.make_image(session, blobs, project, flower(4, 0))
        session.add(Candidate(image_id=late.id, project_id=grown, bucket=bucket_of(late.sha256)))
        one = session.scalars(select(Category).where(Category.project_id == grown)).first()
        assert one is not None
        one.name = "Zinnia"
        taken = factories.taken(blobs, flower(1, 40), flower(1, 19))
        seed_examples(session, project, one, "test", taken)  # type: ignore[arg-type]
        project.threshold, project.seed = 0.9, 99
        project.gold_share = project.audit_share = 0.0
    for number in (1, 2):
        assert again(alone, manifest(alone, grown, number)).comparison.identical


def test_categories_that_were_merged_split_or_retired_since_do_not_matter(
    alone: Factory, grown: int
) -> None:
    _close(alone, grown, 2)
    told = [manifest(alone, grown, number) for number in (1, 2)]
    with alone.transaction() as session:
        project = session.get_one(Project, grown)
        one, other, third = session.scalars(
            select(Category.id).where(Category.project_id == grown).order_by(Category.id)
        )
        merge_categories(session, project, one, other, alone.lead)
        pictures = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == other, Example.to_version.is_(None))
            .limit(4)
        ).all()
        part = Part("Zinnia", tuple(pictures))
        split_category(session, project, other, [part], Rest.STAY, alone.lead)
        retire_category(session, project, third, alone.lead)
    for number, before in zip((1, 2), told, strict=True):
        now = manifest(alone, grown, number)
        assert now == before
        assert again(alone, now).comparison.identical


def test_a_replay_sees_what_is_not_the_same(alone: Factory, grown: int) -> None:
    told = manifest(alone, grown, 2)
    other = again(alone, {**told, "config": {**told["config"], "seed": 8}})
    assert not other.same_model
    assert other.comparison.apart > 1e-6
    assert not other.comparison.identical
    assert again(alone, {**told, "threshold": 0.99}).comparison.missing > 0


def test_a_replay_says_what_is_gone(alone: Factory, grown: int) -> None:
    told = manifest(alone, grown, 2)
    for changed, says in (
        ({"format": "other"}, "no manifest"),
        ({"round": 9}, "no round 9"),
        ({"trained_on": {**told["trained_on"], "content_hash": "0" * 64}}, "content hash"),
        ({"candidates": {**told["candidates"], "hash": "0" * 64}}, "candidates are not"),
    ):
        with pytest.raises(ReplayError, match=says):
            again(alone, {**told, **changed})
    with alone.transaction() as session:
        session.execute(delete(Feature).where(Feature.sha256 == told["proposals"][0]["sha256"]))
    with pytest.raises(ReplayError, match="features of 1 pictures"):
        again(alone, told)


def test_going_back_and_playing_the_round_again_gives_the_same_version(
    alone: Factory, play: Play
) -> None:
    """The whole loop: the same proposals from real training, so the same dataset."""
    project_id = alone.project(
        "again",
        seeds=[flowers(species, 0, 4) for species in range(2)],
        pool=[picture for species in range(2) for picture in flowers(species, 4, 10)],
        threshold=0.4,
    )
    hashes = []
    for number in (1, 2):
        _answer(alone, play(project_id))
        hashes.append(_close(alone, project_id, number))
        with alone.transaction() as session:
            roll_back(session, session.get_one(Project, project_id), 1)
    one, other = (manifest(alone, project_id, number) for number in (1, 2))
    assert hashes[0] == hashes[1]
    assert one["candidates"]["hash"] == other["candidates"]["hash"]
    assert one["model_sha256"] == other["model_sha256"]
    assert one["proposals"] == other["proposals"]


def test_the_command_tells_and_keeps_a_manifest(alone: Factory, grown: int, tmp_path: Path) -> None:
    environment = {
        "VETTED_DATABASE_URL": alone.settings.database_url,
        "VETTED_DATA_DIR": str(alone.settings.data_dir),
    }

    def run(*words: str) -> Any:
        return CliRunner().invoke(main, words, env=environment)

    assert grown
    file = tmp_path / "round.json"
    assert run("round", "manifest", "meadow", "2", str(file)).exit_code == 0
    done = run("round", "replay", "meadow", "2", "--manifest", str(file))
    assert done.exit_code == 0, done.output
    assert "The proposals are identical." in done.output
    told = json.loads(file.read_text())
    told["proposals"].pop()
    file.write_text(json.dumps(told))
    done = run("round", "replay", "meadow", "2", "--manifest", str(file))
    assert done.exit_code == 1
    assert "1 are new" in done.output
    assert "not of round 1" in run("round", "replay", "meadow", "1", "--manifest", str(file)).output
    assert "no round" in run("round", "replay", "meadow", "3").output.lower()


def test_a_manifest_over_rest(alone: Factory, grown: int) -> None:
    client = alone.client()
    answer = client.get("projects/meadow/rounds/2/manifest")
    assert answer.json() == manifest(alone, grown, 2)
    assert answer.json()["decisions"] == []
    assert len(client.get("projects/meadow/rounds/1/manifest").json()["decisions"]) > 0
    with alone.transaction() as session:
        session.scalars(select(Round).where(Round.number == 1)).one().candidates_hash = None
    refused = client.get("projects/meadow/rounds/1/manifest")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:vetted:not-replayable")


@pytest.mark.parametrize("ids", [[], [5], [1, 2, 70_000, 2_000_000_000]])
def test_candidates_are_kept_in_their_order(ids: list[int]) -> None:
    assert candidate_list.from_bytes(candidate_list.to_bytes(ids)) == ids


def test_compare_counts_what_differs() -> None:
    a, b, c = (Question(name, "x", 0.5) for name in "abc")
    assert compare([a, b], [a, b]).identical
    assert compare([a, b, c], [a, c, b]) == Comparison(0, 0, 2, 0.0)
    assert compare([a, b], [b, c]) == Comparison(1, 1, 0, 0.0)
    assert not compare([a], [Question("a", "x", 0.500002)]).identical
    assert compare([a], [Question("a", "x", 0.5000005)]).identical
