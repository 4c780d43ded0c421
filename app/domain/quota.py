"""How much a token may bring in a day."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta


@dataclass(frozen=True)
class Amount:
    """Pictures and their bytes, as they were sent, whatever became of them."""

    images: int
    bytes: int


@dataclass(frozen=True)
class Quota:
    """The most of a token in a day (UTC); None is no limit."""

    images: int | None = None
    bytes: int | None = None

    @property
    def is_none(self) -> bool:
        """Whether nothing has to be counted."""
        return self.images is None and self.bytes is None

    def exceeded(self, used: Amount) -> tuple[str, int] | None:
        """What is more than allowed, and how much of it is; None while all is well."""
        for what, most, came in (
            ("pictures", self.images, used.images),
            ("bytes", self.bytes, used.bytes),
        ):
            if most is not None and came > most:
                return what, most
        return None


UNLIMITED = Quota()


def until_tomorrow(now: datetime) -> int:
    """Seconds until the next day begins in UTC, rounded up: 1 to 86,400."""
    today = now.astimezone(UTC)
    tomorrow = datetime.combine(today.date() + timedelta(days=1), time(), UTC)
    return -((today - tomorrow) // timedelta(seconds=1))
