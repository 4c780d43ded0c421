"""One factory for all tests of the workers: starting torch takes seconds."""

from collections.abc import Iterator

import pytest

from app.db.session import make_engine, make_sessions
from app.settings import Settings
from tests.conftest import _new_database, _text
from tests.workers.factory import Factory, hire_lead
from vetted.embedded.postgres import Postgres
from vetted.embedded.valkey import Valkey


@pytest.fixture(scope="module")
def factory(
    postgres_server: Postgres,
    migrated_template: str,
    valkey_server: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Factory]:
    """A light worker with its clock; compute workers are started by the tests."""
    folder = tmp_path_factory.mktemp("factory")
    weights = folder / "weights"
    weights.mkdir()
    with _new_database(postgres_server, migrated_template) as url:
        settings = Settings(
            database_url=_text(url),
            broker_url=valkey_server.url,
            data_dir=folder,
            secret_key="k" * 40,
            weights_dir=weights,
            database_connections=4,
        )
        engine = make_engine(settings.database_url, connections=6)
        made = Factory(settings, make_sessions(engine), folder)
        try:
            hire_lead(made)
            made.start_light()
            yield made
        finally:
            made.stop()
            engine.dispose()
