"""What a user chose for the pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import InvalidError
from app.domain.lease import MOST_LEASED

_ACTION = re.compile(r"[a-z][a-z-]{0,39}")
MOST_ACTIONS = 60
MOST_KEYS = 5
LONGEST_KEY_NAME = 30
LEAST_GRID = 12
LONGEST_WORK = 480


class Language(StrEnum):
    """The languages of the pages."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    ARABIC = "ar"


@dataclass(frozen=True)
class Preferences:
    """The defaults are what a new user gets.

    Attributes:
        keys: Action to the names of keys, as `KeyboardEvent.key` gives them, that differ from the
            page's own.
        language: None follows the browser.
        break_minutes: After how long the page suggests a break; 0 never does.
        grid_size: Tiles of a page of a grid.
    """

    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    language: Language | None = None
    break_minutes: int = 50
    grid_size: int = 24


def check_preferences(chosen: Preferences) -> Preferences:
    """The preferences as they may be kept.

    Raises:
        InvalidError: for an action or a key that cannot be one, or a number out of range.
    """
    if len(chosen.keys) > MOST_ACTIONS:
        raise InvalidError("keys", "Keep keys for at most {most} actions.", most=MOST_ACTIONS)
    for action, keys in chosen.keys.items():
        if not _ACTION.fullmatch(action):
            raise InvalidError("keys", "Name actions with lower-case letters and hyphens.")
        if len(keys) > MOST_KEYS or not all(map(_is_key, keys)):
            raise InvalidError(
                "keys",
                "Give each action at most {most} keys of 1 to {longest} printable characters, "
                "as a browser names them.",
                most=MOST_KEYS,
                longest=LONGEST_KEY_NAME,
            )
    if not 0 <= chosen.break_minutes <= LONGEST_WORK:
        raise InvalidError(
            "break_minutes", "Give 1 to {most} minutes, or 0 for never.", most=LONGEST_WORK
        )
    if not LEAST_GRID <= chosen.grid_size <= MOST_LEASED:
        raise InvalidError(
            "grid_size",
            "A page of a grid has {least} to {most} tiles.",
            least=LEAST_GRID,
            most=MOST_LEASED,
        )
    return chosen


def _is_key(name: str) -> bool:
    return 1 <= len(name) <= LONGEST_KEY_NAME and name.isprintable()
