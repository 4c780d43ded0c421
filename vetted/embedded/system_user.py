"""The system user that PostgreSQL runs as when the product was started by root."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vetted.embedded.errors import EmbeddedError

# A user made for PostgreSQL is best; `nobody` exists on every system.
CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class SystemUser:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, entry: pwd.struct_passwd) -> Self:
        """The user of a line of the password database."""
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def can(self, test: str, path: Path) -> bool:
        """Ask the kernel, as this user, what `test -r|-w|-x PATH` asks.

        Mode bits of the path alone do not tell: a parent may be closed (/root is 0700), and
        there are access lists.
        """
        finished = subprocess.run(
            ["test", test, str(path)],
            check=False,
            cwd="/",
            user=self.uid,
            group=self.gid,
            extra_groups=(),
        )
        return finished.returncode == 0


def unprivileged_user(candidates: Sequence[str] = CANDIDATES) -> SystemUser | None:
    """Whom to run PostgreSQL as: None (ourselves) unless we are root, which it refuses.

    Raises:
        EmbeddedError: We are root and no candidate exists.
    """
    if os.geteuid() != 0:
        return None
    for name in candidates:
        try:
            return SystemUser.of(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedError(
        f"PostgreSQL refuses to run as root and none of the users {', '.join(candidates)} exists. "
        "Start as another user, or set VETTED_DATABASE_URL to a server of your own.",
    )


def owner_of(path: Path) -> SystemUser | None:
    """Whom to run as what lies in `path` belongs to: None when that is ourselves.

    Raises:
        EmbeddedError: It belongs to somebody we cannot become, or to root.
    """
    owner = path.stat().st_uid
    if os.geteuid() == owner != 0:
        return None
    if os.geteuid() == 0 != owner:
        return SystemUser.of(pwd.getpwuid(owner))
    raise EmbeddedError(
        f"{path} belongs to user id {owner} and this process is user id {os.geteuid()}. Start as "
        "the user that created the data directory, or use another data directory.",
    )
