"""State machines as data: a table of (state, event) to the next state."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from app.domain.errors import TransitionError

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def advance(
    table: Mapping[tuple[State, Event], State], what: str, state: State, event: Event
) -> State:
    """The state after `event`.

    Raises:
        TransitionError: when the table has no such step.
    """
    try:
        return table[state, event]
    except KeyError:
        raise TransitionError(what, state.value, event.value) from None
