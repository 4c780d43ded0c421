"""Supervision of child processes: started in order, kept alive, stopped in reverse order."""

import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from vetted.embedded.files import write_state
from vetted.embedded.keeper import Child, Keeper, Patience
from vetted.embedded.leftovers import TOKEN_NAME, end_leftovers
from vetted.embedded.locks import DirectoryLock

__all__ = ["Child", "Patience", "Supervisor"]


class Supervisor:
    """Keeps named children alive; one supervisor at a time for a data directory.

    Used as a context manager: entering takes the locks and ends what a supervisor that was
    killed with -9 left behind; leaving stops every child.

    Args:
        data_dir: Logs go to `logs/NAME.log` in it.
        locks: Names of the locks to hold. The first also names the state file, so supervisors
            with different names can share a data directory.
        patience: When repeated deaths of a child are a crash loop.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        locks: Sequence[str] = ("supervisor",),
        patience: Patience | None = None,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._locks = [DirectoryLock(self._data_dir, name) for name in locks]
        self._state_file = self._data_dir / f"{locks[0]}.pids.json"
        self._logs = self._data_dir / "logs"
        self._patience = patience or Patience()
        self._token = ""
        self._keepers: dict[str, Keeper] = {}
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def open(self) -> None:
        """Take the locks and end what an earlier supervisor left behind.

        Raises:
            AlreadyRunningError: Another living process holds the data directory.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        try:
            for lock in self._locks:
                lock.acquire()
            end_leftovers(self._state_file)
            self._logs.mkdir(mode=0o700, exist_ok=True)
            # The token is written before the first child gets it: none can be missed later.
            self._token = secrets.token_hex(16)
            self._write_state()
        except BaseException:
            self._release()
            raise

    def launch(self, child: Child) -> None:
        """Start a child without waiting for it."""
        if child.name in self._keepers:
            raise ValueError(f"There already is a child named {child.name!r}; names are unique.")
        self._keep(child)

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready.

        Raises:
            ChildFailedError: It died or was not ready in time; quotes the end of its log.
        """
        self.launch(child)
        self.wait_ready(child.name)

    def wait_ready(self, name: str) -> None:
        """Wait until a launched child is ready.

        Raises:
            ChildFailedError: It died or was not ready in time; quotes the end of its log.
        """
        self._keepers[name].wait_ready()

    def restart(self, name: str) -> None:
        """Stop a child in order, start it again and wait until it is ready."""
        keeper = self._keepers[name]
        keeper.stop()
        self._keep(keeper.child)
        self.wait_ready(name)

    def pid_of(self, name: str) -> int | None:
        """The process id of a child, None between a death and the next start."""
        return self._keepers[name].pid

    def restarts_of(self, name: str) -> int:
        """How often a child that died was started again."""
        return self._keepers[name].restarts

    def wait(self, timeout: float | None = None) -> None:
        """Wait until a child is given up (or the timeout has passed).

        Raises:
            ChildFailedError: A child is in a crash loop; quotes the end of its log.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failed() is not None, timeout)
            failed = self._failed()
        if failed is not None and failed.failure is not None:
            raise failed.failure

    def stop(self) -> None:
        """Stop every child, last started first, and give the locks back."""
        for keeper in reversed(self._keepers.values()):
            keeper.stop()
        self._keepers = {}
        if self._token:
            # What a child started and did not end itself goes with it.
            end_leftovers(self._state_file)
            self._state_file.unlink(missing_ok=True)
            self._token = ""
        self._release()

    def _release(self) -> None:
        for lock in self._locks:
            lock.release()

    def _failed(self) -> Keeper | None:
        keepers = list(self._keepers.values())
        return next((keeper for keeper in keepers if keeper.failure is not None), None)

    def _keep(self, child: Child) -> None:
        keeper = Keeper(
            child,
            log=self._logs / f"{child.name}.log",
            token_env={TOKEN_NAME: self._token},
            on_change=self._on_change,
            patience=self._patience,
        )
        self._keepers[child.name] = keeper
        keeper.begin()

    def _on_change(self) -> None:
        """A child was started, died or was given up (called by the keepers' threads)."""
        with self._changed:
            if self._token:
                self._write_state()
            self._changed.notify_all()

    def _write_state(self) -> None:
        keepers = list(self._keepers.values())
        records = [record for keeper in keepers if (record := _record(keeper)) is not None]
        state = {"token": self._token, "supervisor": os.getpid(), "children": records}
        write_state(self._state_file, state)


def _record(keeper: Keeper) -> dict[str, Any] | None:
    pid = keeper.pid
    if pid is None:
        return None
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
    kind = int(keeper.child.stop_signals[0])
    return {"name": keeper.child.name, "pid": pid, "created": created, "stop_signal": kind}
