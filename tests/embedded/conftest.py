"""Data directories whose clusters are removed, also those that lie outside of them."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from vetted.embedded import postgres_home


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path that an unprivileged user can reach, unlike pytest's own (0700 for root)."""
    path = Path(tempfile.mkdtemp(prefix="vetted-test-"))
    path.chmod(0o755)
    yield path
    postgres_home.remove(path)
    shutil.rmtree(path)


@pytest.fixture
def closed_data_dir(data_dir: Path) -> Iterator[Path]:
    """A data directory below a folder that nobody but its owner can enter, like /root."""
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    path = closed / "data"
    path.mkdir()
    yield path
    postgres_home.remove(path)


@pytest.fixture
def subprocesses() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes to end after the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()
