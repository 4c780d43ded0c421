"""Everything one machine needs: PostgreSQL, Valkey, the web service and the workers."""

import http.client
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

import vetted
from vetted.embedded import postgres, valkey
from vetted.embedded.commands import Command, Plan, product_commands
from vetted.embedded.errors import EmbeddedError
from vetted.embedded.files import kept_secret, read_state, write_private, write_state
from vetted.embedded.keeper import Child
from vetted.embedded.locks import is_locked
from vetted.embedded.ports import free_port, is_free
from vetted.embedded.postgres import Postgres
from vetted.embedded.processes import Patience, Supervisor
from vetted.embedded.valkey import Valkey

LOCK = "stack"
RUNTIME_FILE = "runtime.json"
# Where this very code lies: the children run the same one, whatever the caller's folder holds.
CODE = Path(vetted.__file__).resolve().parents[1]


class Stack:
    """The running product, as a context manager.

    Args:
        data_dir: Everything lies in it; created if missing.
        migrate: Brings the database at this URL up to date.
        host: Where the web service listens.
        port: Its port. None for the one used before if it is free, or any free one.
        workers: How many processes compute.
        web_processes: How many processes answer requests.
        durable: False switches fsync off, for tests.
        commands: The product's processes; tests pass stand-ins.
        patience: When repeated deaths of a process are a crash loop.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        migrate: Callable[[str], None],
        host: str = "127.0.0.1",
        port: int | None = None,
        workers: int = 1,
        web_processes: int = 1,
        durable: bool = True,
        commands: Callable[[Plan], list[Command]] = product_commands,
        patience: Patience | None = None,
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._migrate = migrate
        self._host = host
        self._wanted_port = port
        self._port = 0
        self._is_open = False
        self._workers = workers
        self._web_processes = web_processes
        self._commands = commands
        self._postgres = Postgres(self._data_dir, durable=durable)
        self._valkey = Valkey(self._data_dir)
        locks = (LOCK, postgres.LOCK, valkey.LOCK)
        self._supervisor = Supervisor(self._data_dir, locks=locks, patience=patience)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything in order and wait until it is ready.

        Raises:
            AlreadyRunningError: Another living process runs this data directory.
            EmbeddedError: Something cannot be started; quotes its log.
        """
        self._supervisor.open()
        self._is_open = True
        try:
            self._start_servers()
            self._migrate(self.database_url)
            self._start_product()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, last started first; harmless after a start that was refused."""
        if not self._is_open:
            return
        self._is_open = False
        (self._data_dir / RUNTIME_FILE).unlink(missing_ok=True)
        self._supervisor.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until something is given up (or the timeout has passed).

        Raises:
            ChildFailedError: A process is in a crash loop; quotes the end of its log.
        """
        self._supervisor.wait(timeout)

    def restart(self, name: str) -> None:
        """Stop one process in order, start it again and wait until it is ready."""
        self._supervisor.restart(name)

    def pid_of(self, name: str) -> int | None:
        """The process id of `postgres`, `valkey`, `web`, `compute1`..., `ingest` or `light`."""
        return self._supervisor.pid_of(name)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the web service."""
        host = _reachable(self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy's URL of the database."""
        return self._postgres.url

    @property
    def broker_url(self) -> str:
        """Celery's URL of the broker."""
        return self._valkey.url

    def environment(self) -> dict[str, str]:
        """The product's settings, for its processes and for commands beside them."""
        return {
            "VETTED_DATABASE_URL": self.database_url,
            "VETTED_BROKER_URL": self.broker_url,
            "VETTED_DATA_DIR": str(self._data_dir),
            "VETTED_SECRET_KEY": kept_secret(self._data_dir / "secret_key"),
        }

    def _start_servers(self) -> None:
        self._supervisor.launch(self._valkey.child())
        self._supervisor.start(self._postgres.child())
        self._supervisor.wait_ready("valkey")

    def _start_product(self) -> None:
        self._port = self._choose_port()
        plan = Plan(self._data_dir, self._host, self._port, self._workers, self._web_processes)
        children = [self._child(command) for command in self._commands(plan)]
        # All at once, since each spends seconds importing; then in order.
        for child in children:
            self._supervisor.launch(child)
        for child in children:
            self._supervisor.wait_ready(child.name)
        write_private(self._port_file, str(self._port))
        runtime = {"url": self.url, "pid": os.getpid(), "environment": self.environment()}
        write_state(self._data_dir / RUNTIME_FILE, runtime)

    def _child(self, command: Command) -> Child:
        path = command.health_path
        host = _reachable(self._host)
        return Child(
            name=command.name,
            argv=command.argv,
            # Logs that are complete when a process is killed.
            env={**self.environment(), "PYTHONUNBUFFERED": "1"},
            cwd=CODE,
            ready=partial(_answers, host, self._port, path) if path else None,
            ready_timeout=120.0,
            grace=command.grace,
        )

    @property
    def _port_file(self) -> Path:
        return self._data_dir / "port"

    def _choose_port(self) -> int:
        """The wanted port, or the one used before if it is free, or any free one."""
        if self._wanted_port is not None:
            if not is_free(self._host, self._wanted_port):
                raise EmbeddedError(
                    f"Port {self._wanted_port} of {self._host} is taken (or not ours to use). "
                    "Choose another one, or none for a free one.",
                )
            return self._wanted_port
        before = _read_port(self._port_file)
        return before if before and is_free(self._host, before) else free_port(self._host)


def running_environment(data_dir: Path) -> dict[str, str] | None:
    """The environment of the stack that runs on this data directory now, None if none does.

    For commands in another process, such as adding a user.
    """
    data_dir = data_dir.resolve()
    runtime = read_state(data_dir / RUNTIME_FILE)
    if runtime is None or not is_locked(data_dir, LOCK):
        return None
    environment: dict[str, str] = runtime["environment"]
    return environment


def forget(data_dir: Path) -> None:
    """Delete a data directory and what belongs to it elsewhere; it must not be running.

    Where root may not keep the cluster in the data directory, it lies under /var/lib/vetted.
    """
    if data_dir.is_dir():
        Postgres(data_dir).remove()
        shutil.rmtree(data_dir)


@contextmanager
def throw_away_dir(prefix: str) -> Iterator[Path]:
    """A data directory for a stack that leaves nothing behind."""
    data_dir = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield data_dir
    finally:
        forget(data_dir)


def _read_port(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _reachable(host: str) -> str:
    """Where to find a server that listens there (compared here, not bound)."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _answers(host: str, port: int, path: str) -> bool:
    """Whether GET answers 200."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
