"""Two who want something else of one picture, or two filters, at once."""

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import FolderBlobs
from app.db.session import transaction
from app.db.tables import Candidate, Category, Example, Job, Negative, Project
from app.domain.dataset import Split
from app.domain.errors import FilterAtWorkError
from app.domain.filtering import NegativeOrigin
from app.usecases.filter import ask
from app.usecases.filter.negatives import add_negatives
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.pool.store_images import ImageAnswer
from app.usecases.rounds.start_round import start_round
from tests import factories
from tests.db.racing import Race

Sessions = sessionmaker[Session]
Answers = Callable[[Session], list[ImageAnswer]]
NEW = factories.paint(5, 900)


def negative(blobs: FolderBlobs, project: Project, *pictures: bytes) -> Answers:
    files = factories.taken(blobs, *pictures)
    return lambda session: add_negatives(session, project, NegativeOrigin.GIVEN, files)


def seed(blobs: FolderBlobs, project: Project, *pictures: bytes) -> Answers:
    files = factories.taken(blobs, *pictures)

    def step(session: Session) -> list[ImageAnswer]:
        category = session.scalars(
            select(Category).where(Category.project_id == project.id).order_by(Category.id)
        ).first()
        assert category is not None
        return seed_examples(session, project, category, Split.TRAIN, files)

    return step


def count(sessions: Sessions, table: type) -> int:
    with sessions() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_a_picture_is_an_example_or_a_negative_whoever_comes_first(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    before = count(sessions, Example)
    end = race.run(seed(blobs, unstarted, NEW), negative(blobs, unstarted, NEW))
    assert end.waited
    assert (end.second[0].outcome, end.second[0].reason) == ("conflict", "example")
    other = factories.paint(5, 901)
    end = race.run(negative(blobs, unstarted, other), seed(blobs, unstarted, other))
    assert end.waited
    assert (end.second[0].outcome, end.second[0].reason) == ("conflict", "negative")
    assert (count(sessions, Example), count(sessions, Negative)) == (before + 1, 1)


def test_a_round_that_starts_meanwhile_asks_about_no_negative(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    crawled = factories.paint(0, 1)  # of the pool
    before = count(sessions, Candidate)
    start = lambda session: start_round(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(negative(blobs, unstarted, crawled), start)
    assert end.waited
    assert not isinstance(end.second, Exception)
    assert count(sessions, Candidate) == before - 1


def test_two_leads_who_ask_at_once_get_one_filter(
    race: Race, sessions: Sessions, blobs: FolderBlobs, unstarted: Project
) -> None:
    with transaction(sessions) as session:
        seed(blobs, unstarted, *(factories.paint(2, index) for index in range(10)))(session)
        negative(blobs, unstarted, *(factories.paint(5, index) for index in range(10)))(session)
    asking = lambda session: ask.ask_for_training(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(asking, asking)
    assert end.waited
    assert isinstance(end.second, FilterAtWorkError)
    assert count(sessions, Job) == 1
