"""The real application over a fresh database, and browsers without a screen: httpx clients."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from app import secrets
from app.context import Context
from app.main import create_app
from app.settings import Settings
from tests import factories
from vetted.embedded.valkey import Valkey

Browser = Callable[..., TestClient]
SIGN_IN = "/sign-in"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Password hashes that are quick to make: what argon2 costs is not tested here."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(secrets, "_HASHER", hasher)
    monkeypatch.setattr(secrets, "_NOBODY", hasher.hash("nobody"))


@pytest.fixture
def settings(database_url: str, valkey_server: Valkey, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        broker_url=valkey_server.url,
        data_dir=tmp_path,
        secret_key="k" * 40,
        database_connections=4,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    made = create_app(settings)
    yield made
    made.state.context.sessions.kw["bind"].dispose()


@pytest.fixture
def context(app: FastAPI) -> Context:
    found: Context = app.state.context
    found.redis.flushdb()
    return found


@pytest.fixture
def sessions(context: Context) -> sessionmaker[Session]:
    return context.sessions


@pytest.fixture
def browser(app: FastAPI, context: Context) -> Browser:
    """Makes clients that follow no redirects; each has its own cookies."""
    del context  # it is made first: it empties the throttle

    def make(base_url: str = "http://testserver") -> TestClient:
        return TestClient(app, base_url=base_url, follow_redirects=False)

    return make


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found, page
    return found.group(1)


def sign_in(
    client: TestClient, login: str, password: str = factories.PASSWORD, **form: str
) -> Response:
    token = form_token(client.get(SIGN_IN).text)
    fields = {"login": login, "password": password, "form_token": token, **form}
    return client.post(SIGN_IN, data=fields)


@contextmanager
def statements(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, without BEGIN and COMMIT."""
    sent: list[str] = []
    engine = sessions.kw["bind"]

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)
