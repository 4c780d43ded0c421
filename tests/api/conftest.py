"""The real application on a real database, with its people and their tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.main import create_app
from tests.api.service import Service, make_service, make_settings, one_application
from tests.conftest import _new_database, _text
from tests.factories import make_pool
from vetted.embedded.postgres import Postgres


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """Without any picture; Lea leads `flowers`, Ben labels there, Olga leads `birds`."""
    with _service(one_application(), database_url, tmp_path) as made:
        yield made


@pytest.fixture
def ready(service: Service) -> Service:
    """Two seeded categories and four candidates: a round can start."""
    with service.transaction() as session:
        make_pool(session, service.blobs, service.project("flowers"), candidates=4)
    return service


@pytest.fixture
def labeling(service: Service) -> Service:
    """A round with six proposals is being labeled."""
    service.begin_labeling(proposals=3)
    return service


@pytest.fixture(scope="module")
def shared(
    postgres_server: Postgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A round that is being labeled, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared")
    with _new_database(postgres_server, migrated_template) as url:
        # An application of its own: it lives beside those of single tests.
        app = create_app(make_settings(_text(url), folder))
        with _service(app, _text(url), folder) as made:
            made.begin_labeling(proposals=3)
            yield made


@contextmanager
def _service(app: FastAPI, database_url: str, data_dir: Path) -> Iterator[Service]:
    made = make_service(app, database_url, data_dir)
    yield made
    made.sessions.kw["bind"].dispose()
