"""A pool that is full already: a million candidates with images and sources, written by SQL."""

from pathlib import Path

import psycopg
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.tables import Project
from app.domain.access import Scope
from app.usecases import people
from vetted.client import Client
from vetted.database import session_at

PROJECT = "flood"
_FOLDERS = 65_536

# Hashes from all over, as real ones are: each insert meets another page of the index.
_IMAGES = text(
    """
    INSERT INTO image (project_id, sha256, format, width, height, size)
    SELECT :project, encode(sha256(n::text::bytea), 'hex'), 'JPEG', 1024, 768, 200000
    FROM generate_series(1, :pool) n
    """
)
_SOURCES = text(
    """
    INSERT INTO source (image_id, url, tags, author, licence, crawled_at)
    SELECT id, 'https://photos.example.org/old/' || id || '.jpg', '{flower}',
           'Author ' || id % 4099, 'CC BY 4.0', now()
    FROM image WHERE project_id = :project
    """
)
_CANDIDATES = text(
    """
    INSERT INTO candidate (image_id, project_id, bucket)
    SELECT id, project_id, ('x' || substr(sha256, 1, 4))::bit(16)::int
    FROM image WHERE project_id = :project
    """
)


def open_project(url: str, database_url: str) -> str:
    """A project of one lead; gives a crawler's token."""
    with session_at(database_url) as session:
        people.add_user(session, "lead", "Lead", "a long password", may_create_projects=True)
        lead = people.create_token(session, "lead", "bench", frozenset({Scope.LEAD}))
        token = people.create_token(session, "lead", "crawler", frozenset({Scope.INGEST}))
    with Client(url, lead) as client:
        client.post("/projects", {"slug": PROJECT, "name": "Flood"})
    return token


def fill(database_url: str, blobs_dir: Path, rows: int) -> None:
    """Write so many candidates, then do what a database does by itself sooner or later.

    Their files are left out; the folders that those would have made are there.
    """
    for number in range(min(rows, _FOLDERS)):
        place = f"{number:04x}"
        (blobs_dir / "originals" / place[:2] / place[2:]).mkdir(parents=True, exist_ok=True)
    with session_at(database_url) as session:
        values = {"project": _project(session), "pool": rows}
        for statement in (_IMAGES, _SOURCES, _CANDIDATES):
            session.execute(statement, values)
    plain = database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("VACUUM (FREEZE, ANALYZE)")


def rows(database_url: str) -> int:
    """How many candidates there are that have an image and a source."""
    with session_at(database_url) as session:
        found: int = session.execute(
            text(
                "SELECT count(*) FROM candidate c JOIN image i ON i.id = c.image_id "
                "WHERE EXISTS (SELECT FROM source WHERE image_id = i.id)"
            )
        ).scalar_one()
    return found


def _project(session: Session) -> int:
    return session.scalars(select(Project.id).where(Project.slug == PROJECT)).one()
