"""Real servers and fresh databases for every test that asks for them.

The servers start on first use, one set for each pytest-xdist worker, and never for a run that
needs none.
"""

import contextlib
import importlib
import importlib.util
import itertools
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from vetted.embedded.errors import AlreadyRunningError
from vetted.embedded.locks import DirectoryLock
from vetted.embedded.postgres import Postgres
from vetted.embedded.valkey import Valkey

if TYPE_CHECKING:
    from tests.s3 import S3

KEPT_DATABASES = ("postgres", "template0", "template1", "vetted")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: what is plainly broken shows within seconds."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def slot() -> Iterator[Path]:
    """A numbered folder for the servers of this process, which nobody else uses meanwhile.

    Not a fresh temporary folder: a run that was killed leaves its servers behind, and the next
    run that takes the same number ends them. The lock is kept until the folder's content is gone:
    the servers' own locks end when they stop, and a run that began then would lose its data.
    """
    base = Path(tempfile.gettempdir()) / f"vetted-tests-{os.geteuid()}"
    base.mkdir(mode=0o755, exist_ok=True)
    if base.lstat().st_uid != os.geteuid():
        pytest.fail(f"{base} belongs to somebody else; set TMPDIR.")
    for number in itertools.count():
        lock = DirectoryLock(base, str(number))
        with contextlib.suppress(AlreadyRunningError):
            lock.acquire()
            break
    yield base / str(number)
    lock.release()


@pytest.fixture(scope="session")
def postgres_server(slot: Path) -> Iterator[Postgres]:
    """A PostgreSQL server; its superuser may create databases."""
    server = Postgres(slot, durable=False)
    server.start()
    _drop_databases_of_killed_runs(server)
    yield server
    server.stop()
    server.remove()


@pytest.fixture(scope="session")
def valkey_server(slot: Path) -> Iterator[Valkey]:
    """A Valkey server; tests that leave keys behind flush it."""
    server = Valkey(slot)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3() -> "Iterator[S3]":
    """A server that speaks S3; tests take a prefix of their own."""
    # Here and not above: it takes half a second, and most runs need none.
    from tests.s3 import serve  # noqa: PLC0415

    with serve() as server:
        yield server


@pytest.fixture
def broker_url(valkey_server: Valkey) -> str:
    """The URL of the Valkey server."""
    return valkey_server.url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Postgres) -> Iterator[str]:
    """The name of a database that was migrated once, to create others from."""
    with _new_database(postgres_server, "template1") as url:
        if importlib.util.find_spec("migrations.run") is not None:
            importlib.import_module("migrations.run").upgrade(_text(url))
        yield str(url.database)


@pytest.fixture
def empty_database_url(postgres_server: Postgres) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh database without tables, for tests of the migrations."""
    with _new_database(postgres_server, "template1") as url:
        yield _text(url)


@pytest.fixture
def database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh, migrated database, dropped after the test."""
    with _new_database(postgres_server, migrated_template) as url:
        yield _text(url)


@contextlib.contextmanager
def _new_database(server: Postgres, template: str) -> Iterator[URL]:
    """A database of the role `vetted`; what is still connected at the end is cut off."""
    name = f"test_{secrets.token_hex(6)}"
    # Nothing is synced here, so copying files is the faster way, and leaves nothing to write at the end.
    create = sql.SQL("CREATE DATABASE {} OWNER vetted TEMPLATE {} STRATEGY file_copy")
    _administer(server, create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield make_url(server.url).set(database=name)
    finally:
        _drop(server, name)


def _drop(server: Postgres, name: str) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    _administer(server, drop.format(sql.Identifier(name)))


def _drop_databases_of_killed_runs(server: Postgres) -> None:
    with _superuser(server) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
    for (name,) in rows:
        if name not in KEPT_DATABASES:
            _drop(server, name)


def _administer(server: Postgres, statement: sql.Composed) -> None:
    with _superuser(server) as connection:
        connection.execute(statement)


def _superuser(server: Postgres) -> psycopg.Connection:
    url = server.superuser_url.replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(url, autocommit=True)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
