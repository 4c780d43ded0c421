"""Where a cluster lives, who owns it and what its passwords are."""

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from vetted.embedded.errors import EmbeddedError
from vetted.embedded.files import read_state, write_state
from vetted.embedded.system_user import SystemUser, owner_of, unprivileged_user

# For clusters (and copies of programs) of a root whose data directory others cannot enter.
SYSTEM_BASE = Path("/var/lib/vetted")
STATE_FILE = "postgres.json"
SOCKET_NAME = ".s.PGSQL.5432"
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 103


@dataclass(frozen=True)
class Home:
    """What is remembered about the cluster of one data directory (in a file of mode 0600).

    Attributes:
        directory: Holds `cluster`, and the socket if its path is short enough. Relative to the
            data directory when inside it, so that the data directory can be moved.
        socket_directory: Set only when the socket cannot lie in `directory`.
        password: Of the role `vetted`.
        superuser_password: Of the role `postgres`.
    """

    directory: str
    password: str
    superuser_password: str
    socket_directory: str | None = None

    @classmethod
    def load(cls, data_dir: Path) -> Self | None:
        """What was remembered, if anything."""
        state = read_state(data_dir / STATE_FILE)
        return cls(**state) if state else None

    def save(self, data_dir: Path) -> None:
        """Remember."""
        write_state(data_dir / STATE_FILE, asdict(self))

    def path(self, data_dir: Path) -> Path:
        """The absolute path of the home."""
        return data_dir / self.directory

    def cluster(self, data_dir: Path) -> Path:
        """The absolute path of PostgreSQL's own directory (PGDATA)."""
        return self.path(data_dir) / "cluster"

    def sockets(self, data_dir: Path) -> Path:
        """The absolute path of the folder of the socket."""
        return Path(self.socket_directory) if self.socket_directory else self.path(data_dir)


def settle(data_dir: Path) -> tuple[Home, SystemUser | None]:
    """Find or create the home of this data directory, and whom its server runs as.

    Raises:
        EmbeddedError: The home belongs to somebody else or cannot be reached.
    """
    home = Home.load(data_dir) or _new_home(data_dir)
    path = home.path(data_dir)
    if not path.exists():
        _create_private(path, unprivileged_user())
    # The owner, not today's best candidate: a user `postgres` may have appeared since.
    user = owner_of(path)
    if user is not None and not user.can("-w", path):
        raise EmbeddedError(
            f"User {user.name}, whom PostgreSQL runs as, cannot enter {path} any more. Move the "
            "data directory back, or open the directories above it.",
        )
    home = _with_socket_directory(home, data_dir, user)
    return home, user


def _new_home(data_dir: Path) -> Home:
    """Choose the place and remember it before anything is created there."""
    home = Home(
        directory=_choose_directory(data_dir, unprivileged_user()),
        password=secrets.token_urlsafe(24),
        superuser_password=secrets.token_urlsafe(24),
    )
    home.save(data_dir)
    return home


def _choose_directory(data_dir: Path, user: SystemUser | None) -> str:
    """`postgres` inside the data directory, or a place outside that the user can enter.

    PostgreSQL refuses root, so root starts it as another user; and that user cannot get into a
    data directory below /root or below pytest's folders (both 0700). Opening parents would
    expose everything else that lies there, so the cluster moves out instead. The name carries a
    random part: a data directory that was deleted and made again must not find the old cluster.
    """
    inside = data_dir / "postgres"
    if user is None:
        return inside.name
    _create_private(inside, user)
    if user.can("-w", inside):
        return inside.name
    inside.rmdir()
    SYSTEM_BASE.mkdir(parents=True, exist_ok=True)
    SYSTEM_BASE.chmod(0o755)  # ours alone, whatever the umask is
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return str(SYSTEM_BASE / f"{digest}-{secrets.token_hex(4)}")


def _create_private(path: Path, owner: SystemUser | None) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)


def _with_socket_directory(home: Home, data_dir: Path, user: SystemUser | None) -> Home:
    """The home with a folder for the socket whose path is short enough."""
    if len(os.fsencode(home.path(data_dir) / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        wanted = None
    elif home.socket_directory and _is_private(Path(home.socket_directory), user):
        wanted = home.socket_directory
    else:
        # /tmp and not TMPDIR, which may be long itself; a fresh name that nobody could prepare.
        wanted = tempfile.mkdtemp(prefix="vetted-", dir="/tmp")
        _create_private(Path(wanted), user)
    if wanted != home.socket_directory:
        home = replace(home, socket_directory=wanted)
        home.save(data_dir)
    return home


def _is_private(path: Path, user: SystemUser | None) -> bool:
    """Whether the folder is still there and still the owner's alone (cleaners empty /tmp)."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    owner = user.uid if user else os.geteuid()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and found.st_mode & 0o077 == 0


def remove(data_dir: Path) -> None:
    """Delete the cluster of a data directory, wherever it lies, and forget its passwords."""
    home = Home.load(data_dir)
    if home is None:
        return
    for path in (home.path(data_dir), Path(home.socket_directory or os.devnull)):
        if path.is_dir():
            shutil.rmtree(path)
    (data_dir / STATE_FILE).unlink()
