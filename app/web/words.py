"""Numbers, times and states as people read them."""

from datetime import datetime

from app.domain.job import JobKind
from app.domain.round import RoundState

NONE = "\N{EN DASH}"

STATES = {
    RoundState.EMBEDDING: "Reading pictures",
    RoundState.TRAINING: "Training",
    RoundState.SCORING: "Scoring",
    RoundState.LABELING: "Labeling",
    RoundState.CLOSED: "Closed",
    RoundState.CANCELLED: "Cancelled",
    RoundState.FAILED: "Failed",
}
JOBS = {
    JobKind.EMBED_POOL: "Read pictures",
    JobKind.TRAIN_ROUND: "Train",
    JobKind.SCORE_POOL: "Score",
    JobKind.DERIVE_PICTURES: "Prepare pictures",
}
_MINUTE = 60
_HOUR = 3600
_SHORT = 10


def count(number: int | None) -> str:
    """A whole number with thin groups: 12 345."""
    return NONE if number is None else f"{number:,}".replace(",", "\u202f")


def some(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{count(number)} {one if number == 1 else many}"


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal."""
    return NONE if share is None else f"{share * 100:.1f}\u00a0%"


def seconds(value: float | None) -> str:
    """A length of time: 3.4 s, 48 s, 2 min 5 s, 1 h 4 min."""
    if value is None:
        return NONE
    if value < _SHORT:
        return f"{value:.1f}\u00a0s"
    whole = round(value)
    if whole < _MINUTE:
        return f"{whole}\u00a0s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}\u00a0min {whole % _MINUTE}\u00a0s"
    return f"{whole // _HOUR}\u00a0h {whole % _HOUR // _MINUTE}\u00a0min"


def moment(when: datetime) -> str:
    """A point in time, in the zone that the database answers in."""
    return f"{when.day} {when:%b %Y, %H:%M} {when.tzname()}"
