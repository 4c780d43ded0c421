"""What the service has acknowledged, kept on this machine: a second run sends only the rest."""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    folder TEXT, name TEXT, look TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT, detail TEXT,
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Acknowledged:
    """A file that the service has answered.

    Attributes:
        name: Its path below what is sent.
        look: Its size and time, and those of what lies beside it: it is sent again when that changes.
        outcome: The service's word: stored, duplicate or rejected.
        reason: Why it was rejected.
        detail: The same as a sentence.
    """

    name: str
    look: str
    outcome: str
    reason: str | None = None
    detail: str | None = None


class State:
    """A small database in one file; what is noted survives a kill -9 of this process.

    Args:
        file: Where; made when missing.
        folder: What the names of files are below of.
    """

    def __init__(self, file: Path, folder: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._folder = folder.encode(errors="backslashreplace").decode()
        self._database = sqlite3.connect(file, timeout=30)
        # Whole after a crash of the process; after a power cut the last answers may be asked again.
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def has(self, name: str, look: str) -> bool:
        """Whether this file was answered as it looks now."""
        asked = self._database.execute(
            "SELECT look FROM file WHERE folder = ? AND name = ?", (self._folder, name)
        )
        return bool(asked.fetchone() == (look,))

    def note(self, answers: Iterable[Acknowledged]) -> None:
        """Keep what one request was answered."""
        with self._database:
            self._database.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?)",
                [(self._folder, a.name, a.look, a.outcome, a.reason, a.detail) for a in answers],
            )

    def counts(self) -> Counter[str]:
        """How many files have each outcome."""
        return self._counted("outcome")

    def reasons(self) -> Counter[str]:
        """How many files were rejected for each reason."""
        return self._counted("reason")

    def _counted(self, column: str) -> Counter[str]:
        rows = self._database.execute(
            f"SELECT {column}, count(*) FROM file WHERE folder = ? AND {column} IS NOT NULL "  # noqa: S608
            "GROUP BY 1",
            (self._folder,),
        )
        return Counter(dict(rows.fetchall()))

    def rejected(self, most: int) -> Iterator[tuple[str, str]]:
        """The first rejected files, each with why."""
        yield from self._database.execute(
            "SELECT name, coalesce(detail, reason) FROM file "
            "WHERE folder = ? AND reason IS NOT NULL LIMIT ?",
            (self._folder, most),
        )

    def get(self, key: str) -> str | None:
        """What was kept under a key."""
        row = self._database.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, key: str, value: str | None) -> None:
        """Keep something under a key; None forgets it."""
        with self._database:
            if value is None:
                self._database.execute("DELETE FROM kept WHERE key = ?", (key,))
            else:
                self._database.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value))

    def forget(self) -> None:
        """Begin anew."""
        with self._database:
            self._database.execute("DELETE FROM file WHERE folder = ?", (self._folder,))
            self._database.execute("DELETE FROM kept")


def usual_place(url: str, project: str, what: str) -> Path:
    """Where the state of this source, project and service is kept: $XDG_STATE_HOME/vetted/ingest."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    named = hashlib.sha256(f"{url}\0{project}\0{what}".encode(errors="replace")).hexdigest()
    return Path(home) / "vetted" / "ingest" / f"{project}-{named[:16]}.sqlite"
