"""Who labels, and where: a user in one browser tab or program."""

from dataclasses import dataclass
from typing import Final

from app.domain.errors import InvalidError

LONGEST_KEY: Final = 200


@dataclass(frozen=True)
class Labeler:
    """Who answers.

    Attributes:
        user_id: The user.
        leads: Whether they lead the project: then no stage of a proposal is closed to them.
    """

    user_id: int
    leads: bool = False


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        labeler: The user.
        client: A name that one tab or program keeps.
    """

    labeler: Labeler
    client: str

    @property
    def user_id(self) -> int:
        """The user."""
        return self.labeler.user_id


def check_key(field: str, key: str) -> None:
    """Refuse a name or key that cannot be one.

    Raises:
        InvalidError: unless it is 1 to 200 printable characters.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise InvalidError(
            field,
            "Give {field_name} as 1 to {most} printable characters.",
            field_name=field,
            most=LONGEST_KEY,
        )
