"""Ending what a killed postmaster, or a killed supervisor of one, left behind."""

import signal
from pathlib import Path

import psutil

from vetted.embedded.leftovers import end
from vetted.embedded.postgres_home import SOCKET_NAME

SHUTDOWN_SECONDS = 10.0
QUIT_SECONDS = 5.0


def sweep(cluster: Path, sockets: Path) -> None:
    """End every server process of this cluster, then remove its stale lock files.

    Call it only while holding the data directory's lock and while no server should run. Two
    refusals of PostgreSQL are avoided here. After a kill -9 of the postmaster, a busy backend
    finishes its statement and keeps the shared memory: a new server is refused for that long.
    And after a reboot the process id in a lock file may belong to somebody else by now: it is
    taken for a living postmaster, for ever.
    """
    postmaster = [process for process in _processes(cluster) if _is_postmaster(process, cluster)]
    end(postmaster, signal.SIGINT, SHUTDOWN_SECONDS)
    # Without a postmaster the rest is lost anyway: the log is replayed at the next start.
    end(_processes(cluster), signal.SIGQUIT, QUIT_SECONDS)
    for lock_file in (cluster / "postmaster.pid", sockets / f"{SOCKET_NAME}.lock"):
        lock_file.unlink(missing_ok=True)


def _processes(cluster: Path) -> list[psutil.Process]:
    """Server processes of this cluster: each has it as its working directory."""
    wanted = {"name": "postgres", "cwd": str(cluster.resolve())}
    everything = psutil.process_iter(["name", "cwd"])
    return [process for process in everything if wanted.items() <= process.info.items()]


def _is_postmaster(process: psutil.Process, cluster: Path) -> bool:
    try:
        first_line = (cluster / "postmaster.pid").read_text(encoding="ascii").split("\n")[0]
    except FileNotFoundError:
        return False
    return str(process.pid) == first_line.strip()
