"""Two lists of categories at once."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import transaction
from app.db.tables import Category, Project
from app.domain.errors import TakenError
from app.usecases.categories.import_categories import Considered, import_categories
from app.usecases.projects import CategoryFacts, edit_category
from tests import factories
from tests.db.racing import Race, Step

Sessions = sessionmaker[Session]


def save(project: Project, text: str) -> Step:
    def step(session: Session) -> Considered:
        return import_categories(session, project, text.encode())

    return step


@pytest.fixture
def project(sessions: Sessions) -> Project:
    with transaction(sessions) as session:
        return factories.make_project(session, factories.make_user(session, "ada", lead=True))


def names(sessions: Sessions) -> set[str]:
    with sessions() as session:
        return set(session.scalars(select(Category.name)))


def test_one_of_two_lists_with_the_same_new_name_is_refused_whole(
    race: Race, sessions: Sessions, project: Project
) -> None:
    end = race.run(save(project, "Rose\nAster"), save(project, "Lily\nROSE"))
    assert end.waited
    assert isinstance(end.second, TakenError)
    assert end.second.key == "ROSE"
    assert names(sessions) == {"Rose", "Aster"}


def test_the_second_is_saved_when_the_first_is_not(
    race: Race, sessions: Sessions, project: Project
) -> None:
    end = race.run(save(project, "Rose"), save(project, "Rose\nLily"), first_commits=False)
    assert end.waited
    assert isinstance(end.second, Considered)
    assert names(sessions) == {"Rose", "Lily"}


def test_a_list_waits_for_who_edits_a_category_and_keeps_what_they_wrote(
    race: Race, sessions: Sessions, project: Project
) -> None:
    with transaction(sessions) as session:
        import_categories(session, project, b"Rose")

    def edit(session: Session) -> None:
        rose = session.scalars(select(Category)).one()
        edit_category(session, rose, CategoryFacts("Rose", definition="Thorns"))

    end = race.run(edit, save(project, "name,scientific name\nRose,Rosa"))
    assert end.waited
    with sessions() as session:
        rose = session.scalars(select(Category)).one()
        assert (rose.scientific_name, rose.definition) == ("Rosa", "Thorns")
