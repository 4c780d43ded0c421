"""Ending processes that a supervisor killed with -9 could not end itself."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from vetted.embedded.files import read_state

TOKEN_NAME = "VETTED_SUPERVISOR_TOKEN"  # noqa: S105 - the name of a variable
# Creation times are kept in wall-clock seconds, which move a little when the clock is corrected.
CLOCK_TOLERANCE = 2.0
TERM_SECONDS = 5.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until the processes are gone; returns those that are not.

    A zombie counts as gone: what remains is a line in a table, and its parent may never reap it.
    """
    deadline = time.monotonic() + seconds
    alive = list(processes)
    while True:
        alive = [process for process in alive if is_alive(process)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(POLL_SECONDS)


def is_alive(process: psutil.Process) -> bool:
    """Whether the process still runs (and is no zombie, and not another one with its id)."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_leftovers(state_file: Path) -> None:
    """End, in reverse order of starting, what the state file of a dead supervisor lists.

    Then end everything that carries its token: children of children, and a child that was
    started but not yet listed when the supervisor was killed.
    """
    state = read_state(state_file)
    if state is None:
        return
    for record in reversed(state["children"]):
        process = _recorded(record)
        if process is not None:
            end([process], signal.Signals(record["stop_signal"]), TERM_SECONDS)
    end(with_token(state["token"]), signal.SIGTERM, TERM_SECONDS)


def _recorded(record: dict[str, Any]) -> psutil.Process | None:
    """The recorded process if it still lives; an id alone may be somebody else's by now."""
    try:
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["created"]) < CLOCK_TOLERANCE
    except psutil.NoSuchProcess:
        return None
    return process if same and process.pid != os.getpid() else None


def with_token(token: str) -> list[psutil.Process]:
    """Living processes that inherited this token in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            carried = process.environ().get(TOKEN_NAME)
        except psutil.Error:
            continue  # somebody else's process, a zombie, or gone meanwhile
        if carried == token and process.pid != os.getpid():
            found.append(process)
    return found


def end(
    processes: list[psutil.Process],
    kind: signal.Signals,
    patience: float,
) -> None:
    """Ask the processes to stop, wait, and kill those that did not."""
    for process in processes:
        _signal(process, kind)
    for process in wait_gone(processes, patience):
        _signal(process, signal.SIGKILL)
    wait_gone(processes, KILL_SECONDS)


def _signal(process: psutil.Process, kind: signal.Signals) -> None:
    try:
        process.send_signal(kind)
    except psutil.NoSuchProcess:
        return
