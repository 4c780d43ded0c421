"""Who labels, and where: a user in one browser tab or program."""

from dataclasses import dataclass
from typing import Final

from app.domain.errors import InvalidError

LONGEST_KEY: Final = 200


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        user_id: The user.
        client: A name that one tab or program keeps.
        leads: Whether the user leads the project: then no stage of a proposal is closed to them.
    """

    user_id: int
    client: str
    leads: bool = False


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
