"""Pictures that arrive twice at once, and seeds that meet a round."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import database_now, transaction
from app.db.tables import Candidate, Category, DatasetVersion, Example, Image, Project, Proposal
from app.domain.dataset import Split
from app.domain.errors import CategoryInUseError, NotFoundError
from app.domain.ingestion import ImageOutcome
from app.domain.job import JobKind
from app.domain.proposing import Score
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import ImageAnswer
from app.usecases.projects import delete_category
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.publish_round import Scored, publish_scored
from app.usecases.rounds.start_round import start_round
from app.usecases.run_jobs import lock_claim
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race

Sessions = sessionmaker[Session]
Answers = Callable[[Session], list[ImageAnswer]]
NEW, OTHER = factories.paint(5, 900), factories.paint(5, 901)


def ingest(blobs: FolderBlobs, project: Project, *pictures: bytes) -> Answers:
    files = factories.taken(blobs, *pictures)
    return lambda session: ingest_images(
        session, project, factories.batch_of_today(session, project), files
    )


def seed(
    blobs: FolderBlobs, project: Project, name: str, *pictures: bytes, split: Split = Split.TRAIN
) -> Answers:
    files = factories.taken(blobs, *pictures)

    def step(session: Session) -> list[ImageAnswer]:
        category = session.scalars(
            select(Category).where(Category.project_id == project.id, Category.name == name)
        ).one()
        return seed_examples(session, project, category, split, files)

    return step


def outcomes(answers: list[ImageAnswer]) -> list[str]:
    return [answer.outcome.value for answer in answers]


def test_a_picture_ingested_twice_at_once_is_stored_once(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    end = race.run(ingest(blobs, unstarted, NEW), ingest(blobs, unstarted, NEW, OTHER))
    assert end.waited
    assert outcomes(end.first) == ["stored"]
    assert outcomes(end.second) == ["duplicate", "stored"]
    assert _count(sessions, Image) == _count(sessions, Candidate) + _count(sessions, Example) == 8


def test_an_ingestion_that_breaks_off_leaves_the_picture_to_the_next(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    step = ingest(blobs, unstarted, NEW)
    end = race.run(step, step, first_commits=False)
    assert outcomes(end.second) == ["stored"]
    assert _count(sessions, Candidate) == 5


def test_overlapping_ingestions_do_not_deadlock(
    race: Race, blobs: FolderBlobs, unstarted: Project
) -> None:
    end = race.run(ingest(blobs, unstarted, NEW, OTHER), ingest(blobs, unstarted, OTHER, NEW))
    assert outcomes(end.second) == ["duplicate", "duplicate"]


def test_a_picture_seeded_under_two_categories_at_once_is_one_conflict(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    end = race.run(
        seed(blobs, unstarted, "Species 0", NEW), seed(blobs, unstarted, "Species 1", NEW)
    )
    assert end.waited
    assert outcomes(end.first) == ["stored"]
    assert (end.second[0].outcome, end.second[0].reason) == ("conflict", "another_category")
    assert "'Species 0'" in end.second[0].detail
    assert _count(sessions, Example) == 3


def test_a_picture_seeded_in_both_splits_at_once_is_one_conflict(
    race: Race, blobs: FolderBlobs, unstarted: Project
) -> None:
    end = race.run(
        seed(blobs, unstarted, "Species 0", NEW, split=Split.TEST),
        seed(blobs, unstarted, "Species 0", NEW),
    )
    assert (end.second[0].outcome, end.second[0].reason) == ("conflict", "another_split")


@pytest.mark.parametrize("seed_first", [True, False])
def test_a_picture_seeded_and_ingested_at_once_is_an_example_only(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project, *, seed_first: bool
) -> None:
    steps = [seed(blobs, unstarted, "Species 0", NEW), ingest(blobs, unstarted, NEW)]
    end = race.run(*(steps if seed_first else reversed(steps)))
    assert end.waited
    seeded, ingested = (end.first, end.second) if seed_first else (end.second, end.first)
    assert outcomes(seeded) == ["stored"]
    assert outcomes(ingested) == ["duplicate" if seed_first else "stored"]
    assert _count(sessions, Candidate) == 4
    assert _count(sessions, Example) == 3


def test_a_seed_before_the_start_belongs_to_the_version_that_is_trained_on(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    start = lambda session: start_round(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(seed(blobs, unstarted, "Species 0", NEW), start)
    assert end.waited
    assert _frozen(sessions) == {1: 3}
    assert _from_versions(sessions) == [1, 1, 1]


def test_a_seed_during_the_start_belongs_to_the_next_version(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    start = lambda session: start_round(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(start, seed(blobs, unstarted, "Species 0", NEW))
    assert end.waited
    assert _frozen(sessions) == {1: 2}
    assert _from_versions(sessions) == [1, 1, 2]


def test_a_seed_during_the_close_is_not_in_the_version_that_it_freezes(
    race: Race, sessions: Sessions, blobs: FolderBlobs, place: Place
) -> None:
    # An answer makes the close freeze a version of its own.
    with transaction(sessions) as session:
        proposal = session.get_one(Proposal, place.labeling.proposal_ids[0])
        factories.answer(session, proposal, place.ben, "yes")
    close = lambda session: close_round(session, place.project, 1, database_now(session))  # noqa: E731
    end = race.run(close, seed(blobs, place.project, "Spring gentian", NEW))
    assert end.waited
    assert outcomes(end.second) == ["stored"]
    assert _frozen(sessions) == {1: 4, 2: 5}
    assert _from_versions(sessions) == [1, 1, 1, 1, 2, 3]


def test_a_candidate_seeded_while_it_is_being_proposed_is_a_conflict(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    publish = _scoring(sessions, unstarted)
    end = race.run(publish, seed(blobs, unstarted, "Species 1", factories.paint(1, 2)))
    assert end.waited
    assert (end.second[0].outcome, end.second[0].reason) == (ImageOutcome.CONFLICT, "open_proposal")
    assert _proposed(sessions) == 4


def test_a_candidate_seeded_before_it_is_proposed_is_not_proposed(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    publish = _scoring(sessions, unstarted)
    end = race.run(seed(blobs, unstarted, "Species 1", factories.paint(1, 2)), publish)
    assert end.waited
    assert not isinstance(end.second, Exception)
    assert outcomes(end.first) == ["stored"]
    assert _proposed(sessions) == 3


def test_a_category_deleted_while_it_is_seeded_stays(
    race: Race, blobs: FolderBlobs, sessions: Sessions, unstarted: Project
) -> None:
    empty = _empty_category(sessions, unstarted)
    end = race.run(seed(blobs, unstarted, empty.name, NEW), lambda s: _delete(s, empty))
    assert end.waited
    assert isinstance(end.second, CategoryInUseError)


def test_a_seed_for_a_category_that_is_being_deleted_is_told_so(
    race: Race, blobs: FolderBlobs, sessions: Sessions, unstarted: Project
) -> None:
    empty = _empty_category(sessions, unstarted)
    end = race.run(lambda s: _delete(s, empty), seed(blobs, unstarted, empty.name, NEW))
    assert end.waited
    assert isinstance(end.second, NotFoundError)
    assert _count(sessions, Example) == 2


def _scoring(sessions: Sessions, project: Project) -> Callable[[Session], None]:
    """A started round, and the step that proposes its whole pool."""
    with transaction(sessions) as session:
        claim = factories.claim_step(session, project, JobKind.SCORE_POOL)
        category = session.scalars(select(Category.id).order_by(Category.id)).first()
        pool = session.scalars(select(Candidate.image_id).order_by(Candidate.image_id)).all()
    assert category is not None
    scored = Scored(pool, [Score(image_id, category, 0.9) for image_id in pool], withheld=0)

    def step(session: Session) -> None:
        running, _job = lock_claim(session, claim)
        publish_scored(session, running, scored, database_now(session))

    return step


def _empty_category(sessions: Sessions, project: Project) -> Category:
    with transaction(sessions) as session:
        category = Category(project_id=project.id, name="Empty")
        session.add(category)
        return category


def _delete(session: Session, category: Category) -> None:
    delete_category(session, session.get_one(Category, category.id))
    session.flush()


def _count(sessions: Sessions, table: type) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _proposed(sessions: Sessions) -> int:
    return _count(sessions, Proposal)


def _frozen(sessions: Sessions) -> dict[int, int]:
    with sessions() as session:
        rows = session.execute(select(DatasetVersion.number, DatasetVersion.examples))
        return dict(rows.all())


def _from_versions(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return sorted(session.scalars(select(Example.from_version)))
