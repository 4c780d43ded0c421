"""Texts, numbers and times as people read them, in one language."""

from datetime import datetime
from functools import cache

from babel.dates import format_datetime
from babel.numbers import get_decimal_symbol

from app.domain.access import Role
from app.domain.job import JobKind
from app.domain.round import RoundState
from app.web.languages import LANGUAGES, Language, translations

NONE = "\N{EN DASH}"


def marked(text: str) -> str:
    """The text itself: the mark by which the extractor finds what is translated later."""
    return text


STATES = {
    RoundState.EMBEDDING: marked("Reading pictures"),
    RoundState.TRAINING: marked("Training"),
    RoundState.SCORING: marked("Scoring"),
    RoundState.LABELING: marked("Labeling"),
    RoundState.CLOSED: marked("Closed"),
    RoundState.CANCELLED: marked("Cancelled"),
    RoundState.FAILED: marked("Failed"),
}
JOBS = {
    JobKind.EMBED_POOL: marked("Read pictures"),
    JobKind.TRAIN_ROUND: marked("Train"),
    JobKind.SCORE_POOL: marked("Score"),
    JobKind.DERIVE_PICTURES: marked("Prepare pictures"),
}
ROLES = {Role.LEAD: marked("lead"), Role.LABELER: marked("labeler")}
_MINUTE = 60
_HOUR = 3600
_SHORT = 10


def count(number: int | None) -> str:
    """A whole number with thin groups, in every language: 12 345."""
    return NONE if number is None else f"{number:,}".replace(",", "\u202f")


class Words:
    """What the pages say in one language. The English text is the key of its translations."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._translations = translations(language.code)
        self._decimal = get_decimal_symbol(language.locale)

    def t(self, text: str, **values: object) -> str:
        """The text in this language, with each {name} replaced by its value."""
        # The empty text is the key of the catalogue's header.
        return self._translations.gettext(text).format(**values) if text else ""

    def tn(self, one: str, many: str, n: int, **values: object) -> str:
        """One of two texts by a number, which is {n} in both."""
        return self._translations.ngettext(one, many, n).format(n=count(n), **values)

    def decimal(self, value: float) -> str:
        """A number with one decimal: 3.4."""
        return f"{value:.1f}".replace(".", self._decimal)

    def percent(self, share: float | None) -> str:
        """A share as a percentage with one decimal."""
        return NONE if share is None else f"{self.decimal(share * 100)}\u00a0%"

    def seconds(self, value: float | None) -> str:
        """A length of time: 3.4 s, 48 s, 2 min 5 s, 1 h 4 min."""
        if value is None:
            return NONE
        whole = round(value)
        if value < _SHORT:
            text = self.t("{s} s", s=self.decimal(value))
        elif whole < _MINUTE:
            text = self.t("{s} s", s=whole)
        elif whole < _HOUR:
            text = self.t("{min} min {s} s", min=whole // _MINUTE, s=whole % _MINUTE)
        else:
            text = self.t("{h} h {min} min", h=whole // _HOUR, min=whole % _HOUR // _MINUTE)
        return text.replace(" ", "\u00a0")

    def moment(self, when: datetime) -> str:
        """A point in time, in the zone that the database answers in."""
        shown = format_datetime(when, "d MMM y, HH:mm", locale=self.language.locale)
        return f"{shown} {when.tzname()}"


@cache
def words_in(code: str) -> Words:
    """The words of a language by its code."""
    return Words(LANGUAGES[code])
