"""Speaking to the application as a REST client does."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.blobs import Blobs, open_blobs
from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import Project, User, WebSession
from app.domain.access import Scope
from app.main import create_app
from app.secrets import csrf_token, hash_token
from app.settings import Settings
from app.usecases.people import create_token
from tests import factories
from tests.factories import Labeling
from tests.memory_jobs import MemoryJobs

KEY = "k" * 40
EVERY_SCOPE = frozenset(Scope)


@dataclass
class Service:
    """The application, and what a test looks at behind it."""

    app: FastAPI
    client: TestClient
    sessions: sessionmaker[Session]
    blobs: Blobs
    data_dir: Path
    jobs: MemoryJobs
    tokens: dict[str, str]
    labeling: Labeling | None = None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with transaction(self.sessions) as session:
            yield session

    def call(self, who: str | None, method: str, path: str, **rest: Any) -> Response:
        """A request below /api/v1 with this person's token (or a token itself)."""
        headers = dict(rest.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens.get(who, who)}"
        return self.client.request(method, f"/api/v1{path}", headers=headers, **rest)

    def upload(
        self,
        path: str,
        *files: tuple[str, bytes],
        who: str = "lea",
        sources: object = None,
        **form: str,
    ) -> Response:
        """Files with what is said about them."""
        data = form | ({} if sources is None else {"sources": json.dumps(sources)})
        parts = [("files", (name, content)) for name, content in files]
        return self.call(who, "POST", f"/projects/flowers{path}", files=parts, data=data)

    def project(self, slug: str) -> Project:
        with self.sessions() as session:
            return session.scalars(select(Project).where(Project.slug == slug)).one()

    def token(self, login: str, *scopes: Scope) -> str:
        with self.transaction() as session:
            return create_token(session, login, "test", frozenset(scopes))

    def cookie(self, login: str) -> tuple[str, str]:
        """A signed-in browser: its session cookie and its CSRF token."""
        token = f"session of {login}"
        with self.transaction() as session:
            user_id = session.scalars(select(User.id).where(User.login == login)).one()
            expires = datetime.now(UTC) + timedelta(hours=1)
            session.add(
                WebSession(user_id=user_id, token_hash=hash_token(token), expires_at=expires)
            )
        return token, csrf_token(KEY, token)

    def begin_labeling(self, proposals: int) -> Labeling:
        with self.transaction() as session:
            self.labeling = factories.make_labeling(
                session, self.blobs_dir, self.project("flowers"), proposals=proposals
            )
        return self.labeling

    @property
    def blobs_dir(self) -> Path:
        return self.data_dir / "blobs"

    def count(self, table: type, *conditions: Any) -> int:
        with self.sessions() as session:
            query = select(func.count()).select_from(table).where(*conditions)
            return session.scalars(query).one()


def make_service(app: FastAPI, database_url: str, data_dir: Path, **others: Any) -> Service:
    """The application on this database; it serves one such place at a time."""
    # Nothing listens at the broker: what REST answers does not depend on it.
    settings = make_settings(database_url, data_dir, **others)
    sessions = make_sessions(make_engine(database_url, connections=4))
    blobs, jobs = open_blobs(settings, data_dir), MemoryJobs()
    app.state.context = dataclasses.replace(
        app.state.context, settings=settings, sessions=sessions, blobs=blobs, jobs=jobs
    )
    with transaction(sessions) as session:
        tokens = _people(session)
    client = TestClient(app, raise_server_exceptions=False, follow_redirects=False)
    return Service(app, client, sessions, blobs, data_dir, jobs, tokens)


def make_settings(database_url: str, data_dir: Path, **others: Any) -> Settings:
    """Small limits, which tests can reach."""
    return Settings(
        database_url=database_url,
        broker_url="redis://127.0.0.1:1/0",
        data_dir=data_dir,
        secret_key=KEY,
        most_image_bytes=200_000,
        most_image_pixels=1_000_000,
        most_request_bytes=2_000_000,
        most_request_images=20,
        **others,
    )


@cache
def one_application() -> FastAPI:
    """The application that the tests of a process share: its routes take a while to prepare."""
    return create_app(make_settings("postgresql+psycopg://nobody@127.0.0.1/none", Path("nowhere")))


def _people(session: Session) -> dict[str, str]:
    lea, ben, cyd, olga = (_user(session, login) for login in ("lea", "ben", "cyd", "olga"))
    factories.make_project(session, lea, "flowers", labelers=[ben, cyd])
    factories.make_project(session, olga, "birds")
    return {
        user.login: create_token(session, user.login, "test", EVERY_SCOPE)
        for user in (lea, ben, cyd, olga)
    }


def _user(session: Session, login: str) -> User:
    # Without the quarter of a second that a password hash takes.
    user = User(login=login, name=login.title(), password_hash="none", may_create_projects=True)
    session.add(user)
    session.flush()
    return user


def problem(response: Response, status: int, name: str) -> dict[str, Any]:
    """The refusal, checked to be one of the documented form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:vetted:{name}"
    assert body["status"] == status
    assert body["detail"]
    return body
