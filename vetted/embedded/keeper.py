"""Keeping one child process alive: spawn, wait, back off, spawn again."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vetted.embedded.errors import ChildFailedError
from vetted.embedded.files import tail
from vetted.embedded.system_user import SystemUser

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
FIRST_POLL_SECONDS = 0.03
LONGEST_POLL_SECONDS = 0.3
LONGEST_LOG = 10_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Child:
    """A process to keep alive.

    Attributes:
        name: Unique; also the name of its log file.
        argv: The command line.
        env: Added to the supervisor's environment, or all of it if not `inherit_env`.
        cwd: Where it runs.
        user: Whom it runs as; None for ourselves.
        ready: Asked until it says yes; None if being alive is enough.
        ready_timeout: Seconds until "not ready" becomes an error.
        retry_start: A death before it was ever ready is retried until `ready_timeout`, where
            otherwise it is an error at once.
        stop_signals: Sent one after the other, each followed by `grace` seconds; then SIGKILL.
        before_start: Called before every start, so also after a death.
        after_stop: Called once it was stopped for good.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    inherit_env: bool = True
    cwd: Path | None = None
    user: SystemUser | None = None
    ready: Callable[[], bool] | None = None
    ready_timeout: float = 60.0
    retry_start: bool = False
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
    grace: float = 10.0
    before_start: Callable[[], None] | None = None
    after_stop: Callable[[], None] | None = None


@dataclass(frozen=True)
class Patience:
    """When repeated deaths are a crash loop.

    A run counts against the child when it ends within `stable_after` seconds; `deaths` such runs
    in a row are given up. (Not "deaths within a window": a child that needs ten seconds to fail
    would never fill it.)
    """

    deaths: int = 5
    stable_after: float = 30.0


class Keeper:
    """One child and the thread that keeps it alive.

    The child is spawned by that thread and never by the main one: a signal handler that raises
    can then not fall between a fork and the assignment of its process id.
    """

    def __init__(
        self,
        child: Child,
        *,
        log: Path,
        token_env: Mapping[str, str],
        on_change: Callable[[], None],
        patience: Patience,
    ) -> None:
        self.child = child
        self.failure: ChildFailedError | None = None
        self.restarts = 0
        self._log = log
        self._token_env = token_env
        self._on_change = on_change
        self._patience = patience
        self._was_ready = child.ready is None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._spawning = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name=f"keep-{child.name}", daemon=True)

    def begin(self) -> None:
        """Start keeping; apart from construction, so that the keeper is listed before its child."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The living process's id, None between two runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def wait_ready(self) -> None:
        """Wait until the child is ready.

        Raises:
            ChildFailedError: It died, or was not ready in time; quotes the end of its log.
        """
        deadline = time.monotonic() + self.child.ready_timeout
        pause = FIRST_POLL_SECONDS
        while not self._is_ready():
            if self.failure is not None:
                raise self.failure
            if time.monotonic() > deadline:
                raise self._failed(f"was not ready within {self.child.ready_timeout:g} s")
            time.sleep(pause)
            # Asking more and more slowly: a server that replays its log notes every refusal.
            pause = min(pause * 1.2, LONGEST_POLL_SECONDS)
        self._was_ready = True

    def _is_ready(self) -> bool:
        if self.pid is None:
            return False
        return self.child.ready is None or self.child.ready()

    def stop(self) -> None:
        """Stop the child for good: its signals with their grace, then SIGKILL."""
        with self._spawning:
            self._stopping.set()
            process = self._process
        if process is not None:
            self._end(process)
        self._thread.join()
        if self.child.after_stop is not None:
            self.child.after_stop()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for kind in self.child.stop_signals:
            process.send_signal(kind)
            try:
                process.wait(self.child.grace)
            except subprocess.TimeoutExpired:
                logger.warning("%s did not stop within %g s", self.child.name, self.child.grace)
            else:
                return
        process.kill()
        process.wait()

    def _keep(self) -> None:
        short_runs = 0
        while True:
            started = time.monotonic()
            try:
                process = self._spawn()
            except Exception as error:
                logger.exception("%s could not be started", self.child.name)
                self._give_up(f"could not be started: {error}")
                return
            if process is None:
                return
            code = process.wait()
            end_group(process.pid)
            self._on_change()
            lasted = time.monotonic() - started
            short_runs = 1 if lasted > self._patience.stable_after else short_runs + 1
            if self._stopping.is_set() or self._is_hopeless(short_runs, code):
                return
            delay = min(FIRST_DELAY * 2 ** (short_runs - 1), LONGEST_DELAY)
            logger.warning("%s %s; again in %.1f s", self.child.name, describe(code), delay)
            self._stopping.wait(delay)
            self.restarts += 1

    def _is_hopeless(self, short_runs: int, code: int) -> bool:
        """Give up after a first start that failed, or in a crash loop."""
        if not self._was_ready:
            if self.child.retry_start:
                return False  # until wait_ready loses its patience
            self._give_up(f"{describe(code)} before it was ready")
        elif short_runs >= self._patience.deaths:
            self._give_up(f"{describe(code)}, {short_runs} times in a row; it stays stopped")
        return self.failure is not None

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        """Start the process, unless the child is being stopped."""
        if self._stopping.is_set():
            return None
        if self.child.before_start is not None:
            self.child.before_start()
        with self._spawning, open_log(self._log) as log:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                list(self.child.argv),
                env=self._environment(),
                cwd=self.child.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl+C in the terminal reaches the supervisor alone, which
                # then stops its children in order.
                start_new_session=True,
                user=self.child.user.uid if self.child.user else None,
                group=self.child.user.gid if self.child.user else None,
                extra_groups=() if self.child.user else None,
            )
        self._on_change()
        return self._process

    def _environment(self) -> dict[str, str]:
        inherited = os.environ if self.child.inherit_env else {}
        return {**inherited, **self.child.env, **self._token_env}

    def _give_up(self, what: str) -> None:
        self.failure = self._failed(what)
        self._on_change()

    def _failed(self, what: str) -> ChildFailedError:
        name = self.child.name
        message = f"{name} {what}. The end of {self._log}:\n{tail(self._log)}"
        return ChildFailedError(name, message)


def end_group(leader: int) -> None:
    """Kill what remains of the group of a process that just died: the children it left."""
    # macOS says EPERM where nothing but zombies remain.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def describe(code: int) -> str:
    """A return code in words."""
    if code >= 0:
        return f"exited with status {code}"
    return f"was killed by {signal.Signals(-code).name}"


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending, private; a long one makes room first and is kept once."""
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "wb")
