"""Take a database up to the newest schema, or down to nothing."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

# Two servers that start at once would both migrate: the second waits for this advisory lock.
_LOCK = 7_310_552_001


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema."""
    _run(url, lambda config: command.upgrade(config, "head"))


def downgrade(url: str, to: str = "base") -> None:
    """Take what migrations after revision `to` made out of the database at `url`: all by default."""
    _run(url, lambda config: command.downgrade(config, to))


def _run(url: str, step: Callable[[Config], None]) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent))
            config.attributes["connection"] = connection
            step(config)
    finally:
        engine.dispose()
