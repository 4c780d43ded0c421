"""A real PostgreSQL for one data directory."""

import signal
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import URL

from vetted.embedded import postgres_home
from vetted.embedded.errors import EmbeddedError
from vetted.embedded.keeper import Child
from vetted.embedded.postgres_binaries import find_binaries, reachable_by
from vetted.embedded.postgres_cluster import ENVIRONMENT, create_cluster
from vetted.embedded.postgres_home import SYSTEM_BASE, Home, settle
from vetted.embedded.postgres_leftovers import sweep
from vetted.embedded.processes import Supervisor

LOCK = "postgres"
# Replaying the log after a kill takes its time.
READY_TIMEOUT = 120.0
# One person's machine: enough connections for the web service, its workers and a curious psql.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # names the socket; nothing listens on TCP
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
}
# For tests: a power cut may destroy the cluster, a kill -9 may not. Hence no asynchronous commit:
# its records wait in the server's memory, and a kill loses what was committed.
UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """The PostgreSQL of a data directory: programs found, cluster created, server supervised.

    Args:
        data_dir: Created if missing. Everything lies in it, unless the product was started by
            root and the data directory is closed to others (see `postgres_home`).
        durable: False switches fsync off, for tests.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.resolve()
        self._durable = durable
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, creating it on the first call; returns the SQLAlchemy URL.

        Raises:
            AlreadyRunningError: A living process runs it (see `running_url`).
            EmbeddedError: It cannot be created or started; quotes the log.
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
        """Stop the server that this object started; open transactions are rolled back."""
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None

    def child(self) -> Child:
        """Create the cluster if need be and describe the server, for a supervisor.

        The caller holds the lock `LOCK` of the data directory.
        """
        home, user = settle(self._data_dir)
        cluster, sockets = home.cluster(self._data_dir), home.sockets(self._data_dir)
        binaries = find_binaries(_version_of(cluster))
        if user is not None:
            binaries = reachable_by(user, binaries, SYSTEM_BASE)
        if not cluster.exists():
            create_cluster(
                cluster,
                binaries,
                user,
                password=home.password,
                superuser_password=home.superuser_password,
                durable=self._durable,
            )
        settings = SETTINGS if self._durable else SETTINGS | UNSAFE_SETTINGS
        settings = {**settings, "unix_socket_directories": _quoted(sockets)}
        return Child(
            name="postgres",
            argv=[
                binaries.program("postgres"),
                "-D",
                str(cluster),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            env=ENVIRONMENT,
            inherit_env=False,
            cwd=Path("/"),  # ours may be closed to its user
            user=user,
            ready=lambda: self.running_url() is not None,
            ready_timeout=READY_TIMEOUT,
            # The sweep ends what would refuse a start; should something be left, it ends soon.
            retry_start=True,
            # "Fast" (roll back and write a checkpoint), then "immediate".
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
            grace=20.0,
            before_start=lambda: sweep(cluster, sockets),
            after_stop=lambda: sweep(cluster, sockets),
        )

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `vetted` as the role `vetted`, running or not."""
        return self._url("vetted", "vetted")

    @property
    def superuser_url(self) -> str:
        """The SQLAlchemy URL of the database `postgres` as the superuser."""
        return self._url("postgres", "postgres")

    def running_url(self) -> str | None:
        """The URL if a server of this data directory answers, whoever started it."""
        home = Home.load(self._data_dir)
        if home is None:
            return None
        try:
            with psycopg.connect(
                host=str(home.sockets(self._data_dir)),
                port=5432,
                user="vetted",
                password=home.password,
                dbname="vetted",
                connect_timeout=5,
            ):
                return self.url
        except psycopg.OperationalError:
            return None

    def remove(self) -> None:
        """Delete the cluster, wherever it lies. The server must have been stopped."""
        postgres_home.remove(self._data_dir)

    def _url(self, user: str, database: str) -> str:
        home = Home.load(self._data_dir)
        if home is None:
            raise EmbeddedError(f"There is no database in {self._data_dir} yet: start it first.")
        password = home.password if user == "vetted" else home.superuser_password
        address = {"host": str(home.sockets(self._data_dir)), "port": "5432"}
        url = URL.create("postgresql+psycopg", user, password, database=database, query=address)
        return url.render_as_string(hide_password=False)


def _version_of(cluster: Path) -> str | None:
    """The major version that created the cluster, None before it exists."""
    if not cluster.exists():
        return None
    return (cluster / "PG_VERSION").read_text(encoding="ascii").strip()


def _quoted(path: Path) -> str:
    """A path in a setting that is a list: quoted, since it may hold commas and blanks."""
    return '"' + str(path).replace('"', '""') + '"'
