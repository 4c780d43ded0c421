"""What stands beside the questions of a round, computed by the real jobs in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.blobs import FolderBlobs
from app.db.session import make_engine, make_sessions
from app.db.tables import (
    Contrast,
    Example,
    Exemplar,
    HardNegative,
    Job,
    Project,
    Proposal,
    Round,
    RoundCategory,
)
from app.domain.dataset import Split
from app.settings import Settings
from app.usecases.end_round import close_round
from app.usecases.start_round import start_round
from tests import factories
from tests.memory_jobs import MemoryJobs
from tests.workers.factory import Factory, hire_lead
from tests.workers.test_rounds import flowers
from workers.runner import Workbench, run_one


@pytest.fixture
def factory(database_url: str, tmp_path: Path) -> Iterator[Factory]:
    settings = Settings(
        database_url=database_url,
        broker_url="redis://127.0.0.1:1/0",
        data_dir=tmp_path,
        secret_key="k" * 40,
    )
    engine = make_engine(database_url, connections=4)
    made = Factory(settings, make_sessions(engine), tmp_path)
    hire_lead(made)
    yield made
    engine.dispose()


@pytest.fixture
def play(factory: Factory) -> Callable[[int], int]:
    """Take a project's next round to its labelers; gives its id."""
    jobs = MemoryJobs()
    blobs = FolderBlobs(factory.settings.data_dir / "blobs")
    bench = Workbench(factory.settings, factory.sessions, blobs, jobs)

    def until_labeling(project_id: int) -> int:
        with factory.transaction() as session:
            project = session.get_one(Project, project_id)
            started, job = start_round(session, project, factory.lead)
            round_id, jobs.sent = started.id, [(job.id, job.kind)]  # type: ignore[list-item]
        while jobs.sent:
            run_one(bench, jobs.sent.pop()[0])
        with factory.sessions() as session:
            errors = session.scalars(select(Job.error).where(Job.error.is_not(None))).all()
            assert session.get_one(Round, round_id).state == "labeling", errors
        return round_id

    return until_labeling


def proposals_of(factory: Factory, round_id: int) -> dict[int, Proposal]:
    with factory.sessions() as session:
        rows = session.scalars(select(Proposal).where(Proposal.round_id == round_id))
        return {row.id: row for row in rows}


def contrasts_of(factory: Factory, round_id: int) -> dict[int, Contrast]:
    with factory.sessions() as session:
        rows = session.scalars(
            select(Contrast)
            .join(Proposal, Proposal.id == Contrast.proposal_id)
            .where(Proposal.round_id == round_id)
        )
        return {row.proposal_id: row for row in rows}


def examples_of(factory: Factory) -> dict[int, Example]:
    with factory.sessions() as session:
        return {row.image_id: row for row in session.scalars(select(Example))}


def test_every_proposal_has_a_contrast_without_test_pictures(
    factory: Factory, play: Callable[[int], int]
) -> None:
    project_id = factory.project(
        "beside",
        seeds=[flowers(species, 0, 4) for species in range(3)],
        test=[flowers(species, 20, 22) for species in range(3)],
        pool=[picture for species in range(3) for picture in flowers(species, 4, 10)],
        threshold=0.0,
    )
    first = play(project_id)
    proposals, beside = proposals_of(factory, first), contrasts_of(factory, first)
    shows = examples_of(factory)
    assert set(beside) == set(proposals)
    for proposal in proposals.values():
        row = beside[proposal.id]
        assert {shows[image].category_id for image in row.exemplars} == {proposal.category_id}
        rivals = {shows[image].category_id for image in row.confusable_exemplars}
        assert rivals == {row.confusable_id}
        assert row.likely[0] == row.confusable_id
        assert len(set(row.likely) | {proposal.category_id}) == 3
        assert row.rejected == []
        seen = (*row.exemplars, *row.confusable_exemplars)
        assert {shows[image].split for image in seen} == {Split.TRAIN}

    # What is refused stands beside what is asked next, unless it became a test picture.
    with factory.transaction() as session:
        for proposal in session.scalars(select(Proposal)):
            factories.answer(session, proposal, factory.lead, "no")
        session.flush()
        project = session.get_one(Project, project_id)
        ended = session.get_one(Round, first)
        assert ended.labeling_at is not None
        close_round(session, project, 1, ended.labeling_at)
    with factory.transaction() as session:
        hidden = session.scalars(select(HardNegative).order_by(HardNegative.image_id)).first()
        assert hidden is not None
        session.add(
            Example(
                project_id=project_id, image_id=hidden.image_id, from_version=1,
                category_id=hidden.category_id, split=Split.TEST,
            )
        )  # fmt: skip
    second = play(project_id)
    beside, proposals = contrasts_of(factory, second), proposals_of(factory, second)
    with factory.sessions() as session:
        refused = {(row.image_id, row.category_id) for row in session.scalars(select(HardNegative))}
        expected = session.scalars(
            select(RoundCategory.expected_precision).where(RoundCategory.round_id == second)
        ).all()
    assert any(row.rejected for row in beside.values())
    for proposal in proposals.values():
        for image in beside[proposal.id].rejected:
            assert (image, proposal.category_id) in refused
            assert image != hidden.image_id
    # Every answer before was no.
    assert expected
    assert all(each < 0.9 for each in expected)


def test_known_questions_are_mixed_in_and_stand_beside_nothing(
    factory: Factory, play: Callable[[int], int]
) -> None:
    # Nine of twelve seeds are exemplars: three are left to ask about.
    project_id = factory.project(
        "gold",
        seeds=[flowers(3, 0, 12), flowers(4, 0, 12)],
        pool=[*flowers(3, 12, 32), *flowers(4, 12, 32)],
        threshold=0.0,
        gold_share=0.2,
    )
    round_id = play(project_id)
    proposals, beside = proposals_of(factory, round_id), contrasts_of(factory, round_id)
    shows = examples_of(factory)
    gold = [each for each in proposals.values() if each.gold is not None]
    with factory.sessions() as session:
        exemplars = set(session.scalars(select(Exemplar.image_id)))
        found = session.get_one(Round, round_id)
    assert (found.proposals, found.gold) == (40, len(gold))
    assert 1 <= len(gold) <= 6
    assert set(beside) == set(proposals)
    for proposal in gold:
        right = shows[proposal.image_id].category_id == proposal.category_id
        assert proposal.gold == ("yes" if right else "no")
        assert proposal.image_id not in exemplars
        assert proposal.confidence
    seen = {
        image for row in beside.values() for image in (*row.exemplars, *row.confusable_exemplars)
    }
    assert not seen & {proposal.image_id for proposal in gold}
