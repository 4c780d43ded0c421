"""Looking at processes and databases from outside."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg


def eventually(check: Callable[[], object], seconds: float = 20.0) -> None:
    """Poll until the check holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def connect(url: str) -> psycopg.Connection:
    """An autocommit connection to an SQLAlchemy URL."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Living processes that run in this data directory or name it in their arguments."""
    wanted = str(data_dir)
    found = []
    for process in psutil.process_iter(["cwd", "cmdline", "status"]):
        text = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
        dead = process.info["status"] == psutil.STATUS_ZOMBIE
        if not dead and any(wanted in part for part in text):
            found.append(process)
    return found


def unique_word() -> str:
    """A word that no other process has in its arguments."""
    return f"marker-{secrets.token_hex(8)}"
