"""Creating a cluster so that a kill at any moment leaves either none or a whole one."""

import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vetted.embedded.errors import EmbeddedError
from vetted.embedded.files import sync_directory
from vetted.embedded.postgres_binaries import Binaries
from vetted.embedded.system_user import SystemUser

BUILTIN_LOCALE_SINCE = 17
# Nothing of the caller's environment: PGDATA, a LANG that is not installed or a library path of
# another distribution would all change or break what runs here.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
ACCESS_RULES = """\
# Written once by Vetted: passwords everywhere, also over the socket.
local all all              scram-sha-256
host  all all 127.0.0.1/32 scram-sha-256
host  all all ::1/128      scram-sha-256
"""
UNFINISHED = "cluster.new-"


def create_cluster(
    cluster: Path,
    binaries: Binaries,
    user: SystemUser | None,
    *,
    password: str,
    superuser_password: str,
    durable: bool,
) -> None:
    """Create `cluster` with the role and the database `vetted`.

    Everything happens in a folder beside it, and the last step is a rename: what a kill leaves
    behind has another name and is swept by the next call.

    Raises:
        EmbeddedError: initdb failed; quotes what it said.
    """
    for leftover in cluster.parent.glob(f"{UNFINISHED}*"):
        # An initdb that outlived its killed parent may still be writing there: what cannot be
        # removed now is removed by the next start.
        shutil.rmtree(leftover, ignore_errors=True)
    workshop = cluster.with_name(f"{UNFINISHED}{secrets.token_hex(4)}")
    workshop.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(workshop, user.uid, user.gid)
    unfinished = workshop / cluster.name
    _initdb(unfinished, binaries, user, superuser_password, durable=durable)
    _write_as(user, unfinished / "pg_hba.conf", ACCESS_RULES)
    _create_database(unfinished, binaries, user, password)
    unfinished.rename(cluster)
    sync_directory(cluster.parent)
    shutil.rmtree(workshop)


def _initdb(
    target: Path,
    binaries: Binaries,
    user: SystemUser | None,
    superuser_password: str,
    *,
    durable: bool,
) -> None:
    password_file = target.with_name("password")
    common = [
        binaries.program("initdb"),
        f"--pgdata={target}",
        "--username=postgres",
        "--auth=scram-sha-256",
        f"--pwfile={password_file}",
        "--encoding=UTF8",
        *([] if durable else ["--no-sync"]),
    ]
    _write_as(user, password_file, superuser_password)
    for attempt in _locales(binaries.major):
        finished = _run([*common, *attempt], user)
        if finished.returncode == 0:
            return
        shutil.rmtree(target, ignore_errors=True)
    raise EmbeddedError(f"initdb failed in {target.parent}:\n{finished.stdout}")


def _locales(major: int) -> list[list[str]]:
    """Locale options to try in order: sorting must not change when the system's libc does."""
    if major >= BUILTIN_LOCALE_SINCE:
        return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    return [["--locale=C.UTF-8"], ["--no-locale"]]


def _create_database(
    cluster: Path,
    binaries: Binaries,
    user: SystemUser | None,
    password: str,
) -> None:
    """Create the role and its database before the cluster gets its name, without a server.

    The password is safe to quote: it is drawn from letters, digits, `-` and `_`.
    """
    statements = [
        f"CREATE ROLE vetted LOGIN PASSWORD '{password}'",
        "CREATE DATABASE vetted OWNER vetted",
    ]
    argv = [
        binaries.program("postgres"),
        "--single",
        "-D",
        str(cluster),
        "-c",
        "exit_on_error=on",
        "-c",
        "password_encryption=scram-sha-256",
        "postgres",
    ]
    finished = _run(argv, user, text="".join(f"{statement}\n" for statement in statements))
    if finished.returncode != 0 or "ERROR" in finished.stdout or "FATAL" in finished.stdout:
        raise EmbeddedError(f"The database could not be created:\n{finished.stdout}")


def _run(
    argv: Sequence[str],
    user: SystemUser | None,
    text: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL to its end as its user; both outputs come back as one."""
    return subprocess.run(
        argv,
        check=False,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=() if user else None,
    )


def _write_as(user: SystemUser | None, path: Path, text: str) -> None:
    """Write a private file that belongs to the user."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    if user is not None:
        shutil.chown(path, user.uid, user.gid)
    path.write_text(text, encoding="utf-8")
