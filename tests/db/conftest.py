"""Two of everything: connections, threads, labelers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.blobs import FolderBlobs
from app.db.session import Sessions, make_engine, make_sessions, transaction
from app.db.tables import Project, User
from tests import factories
from tests.db.racing import Race
from tests.factories import Labeling


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url, connections=6)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def race(sessions: Sessions) -> Race:
    return Race(sessions)


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path)


@dataclass(frozen=True)
class Place:
    """A project whose first round is being labeled by Ada (the lead), Ben and Cyd."""

    labeling: Labeling
    project: Project
    ada: int
    ben: int
    cyd: int


@pytest.fixture
def place(sessions: Sessions, tmp_path: Path) -> Place:
    with transaction(sessions) as session:
        ada, ben, cyd = (_user(session, login) for login in ("ada", "ben", "cyd"))
        project = factories.make_project(session, ada, labelers=(ben, cyd))
        labeling = factories.make_labeling(session, tmp_path, project, proposals=4, exemplars=2)
        return Place(labeling, project, ada.id, ben.id, cyd.id)


@pytest.fixture
def unstarted(sessions: Sessions, blobs: FolderBlobs) -> Project:
    """A project with two seeded categories and four candidates, before its first round."""
    with transaction(sessions) as session:
        project = factories.make_project(session, _user(session, "ada"))
        factories.make_pool(session, blobs, project, candidates=4)
        return project


def _user(session: Session, login: str) -> User:
    """A user without the quarter of a second that a password hash takes."""
    user = User(login=login, name=login.title(), password_hash="none", may_create_projects=True)
    session.add(user)
    session.flush()
    return session.scalars(select(User).where(User.login == login)).one()
