"""The database that a command speaks to: the one of VETTED_DATABASE_URL, or the embedded one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import Project
from app.domain.errors import NotFoundError
from migrations.run import upgrade
from vetted.embedded.errors import EmbeddedError
from vetted.embedded.postgres import Postgres
from vetted.embedded.stack import running_environment

URL = "VETTED_DATABASE_URL"


@contextmanager
def database(data_dir: Path, *, may_begin: bool = False) -> Iterator[str]:
    """The URL of a database that answers.

    Without VETTED_DATABASE_URL it is the embedded one of `data_dir`: used as it runs, or else
    started and migrated for as long as the context lasts.

    Raises:
        EmbeddedError: when there is none yet, and none `may_begin`.
    """
    named = os.environ.get(URL)
    if named:
        yield named
        return
    running = running_environment(data_dir)
    if running is not None:
        yield running[URL]
        return
    if not may_begin and not (data_dir / "postgres").exists():
        raise EmbeddedError(
            f"There is no database in {data_dir}. Name the folder of the service with --data-dir, "
            "or begin one with `vetted up`."
        )
    embedded = Postgres(data_dir)
    url = embedded.start()
    try:
        upgrade(url)
        yield url
    finally:
        embedded.stop()


@contextmanager
def session_at(url: str) -> Iterator[Session]:
    """One transaction at a database."""
    engine = make_engine(url, connections=1)
    try:
        with transaction(make_sessions(engine)) as session:
            yield session
    finally:
        engine.dispose()


def project_named(session: Session, slug: str) -> Project:
    """The project with this slug; raises NotFoundError."""
    project = session.scalar(select(Project).where(Project.slug == slug))
    if project is None:
        raise NotFoundError("project", slug)
    return project
