"""Texts, numbers and times as people read them, in one language."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from babel.dates import format_datetime
from babel.numbers import get_decimal_symbol

from app.domain.access import Right, Role
from app.domain.batch import RESTORE, TAKE, WITHDRAW, WITHDRAWN, BatchEvent, BatchState, Moving
from app.domain.errors import DomainError
from app.domain.importing import ImportEvent, ImportState
from app.domain.job import JobKind
from app.domain.round import RoundEvent, RoundState
from app.domain.webhook import SEND, DeliveryEvent, DeliveryState, WebhookEvent, WebhookState
from app.web.languages import ENGLISH, LANGUAGES, Language, translations

NONE = "\N{EN DASH}"
ISOLATE, END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


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
# What a round's state looks like; the others are at work.
MARKS = {
    RoundState.LABELING: "open",
    RoundState.CLOSED: "done",
    RoundState.CANCELLED: "off",
    RoundState.FAILED: "bad",
}
JOBS = {
    JobKind.EMBED_POOL: marked("Read pictures"),
    JobKind.TRAIN_ROUND: marked("Train"),
    JobKind.SCORE_POOL: marked("Score"),
    JobKind.DERIVE_PICTURES: marked("Prepare pictures"),
    JobKind.DRAW_MAP: marked("Draw the map"),
    JobKind.IMPORT_IMAGES: marked("Import pictures"),
    JobKind.INGEST_ARCHIVE: marked("Take in an archive"),
    JobKind.FETCH_ADDRESSES: marked("Fetch addresses"),
    JobKind.SYNC_LOCATION: marked("Sync a location"),
    JobKind.SCREEN_POOL: marked("Screen the pool"),
    JobKind.TRAIN_FILTER: marked("Train the coarse filter"),
    JobKind.MOVE_BATCH: marked("Withdraw a batch or bring it back"),
}
ROLES = {Role.LEAD: marked("lead"), Role.LABELER: marked("labeler")}
# What refusals name; their sentences say the rest.
NOUNS = {
    "what": {
        "project": marked("project"),
        "category": marked("category"),
        "round": marked("round"),
        "image": marked("image"),
        "proposal": marked("proposal"),
        "decision": marked("decision"),
        "user": marked("user"),
        "dataset version": marked("dataset version"),
        "size": marked("size"),
        "map": marked("map"),
        "job": marked("job"),
        "map of round": marked("map of round"),
        "catalogue": marked("catalogue"),
        "choice": marked("choice"),
        "import": marked("import"),
        "batch": marked("batch"),
        "webhook": marked("webhook"),
        "delivery": marked("delivery"),
        "pictures": marked("pictures"),
        "bytes": marked("bytes"),
        "candidate": marked("candidate"),
        "negative": marked("negative"),
        "coarse filter": marked("coarse filter"),
    },
    "state": {
        **{state.value: name for state, name in STATES.items()},
        WebhookState.ACTIVE.value: marked("active"),
        WebhookState.PAUSED.value: marked("paused"),
        WebhookState.DISABLED.value: marked("disabled"),
        DeliveryState.SENDING.value: marked("on its way"),
        ImportState.READY.value: marked("not started"),
        ImportState.RUNNING.value: marked("at work"),
        ImportState.DONE.value: marked("done"),
        BatchState.OPEN.value: marked("open"),
        BatchState.QUEUED.value: marked("waiting for a worker"),
        Moving.LEAVING.value: marked("being withdrawn"),
        Moving.RETURNING.value: marked("coming back"),
        WITHDRAWN: marked("withdrawn"),
    },
    "event": {
        ImportEvent.START.value: marked("be started"),
        RoundEvent.EMBEDDED.value: marked("finish embedding"),
        RoundEvent.TRAINED.value: marked("finish training"),
        RoundEvent.SCORED.value: marked("finish scoring"),
        RoundEvent.CLOSE.value: marked("be closed"),
        RoundEvent.CANCEL.value: marked("be cancelled"),
        RoundEvent.FAIL.value: marked("fail"),
        WebhookEvent.PAUSE.value: marked("be paused"),
        WebhookEvent.RESUME.value: marked("be resumed"),
        DeliveryEvent.SEND_AGAIN.value: marked("be sent again"),
        SEND: marked("send"),
        BatchEvent.FINISH.value: marked("be finished"),
        TAKE: marked("take pictures"),
        WITHDRAW: marked("be withdrawn"),
        RESTORE: marked("be brought back"),
    },
    "right": {
        Right.READ.value: marked("read"),
        Right.LABEL.value: marked("label"),
        Right.INGEST.value: marked("ingest"),
        Right.LEAD.value: marked("lead"),
    },
    "role": {role.value: name for role, name in ROLES.items()},
}
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
        found = self._translations.gettext(text) if text else ""
        return found.format(**self._apart(values)) if values else found

    def tn(self, one: str, many: str, n: int, **values: object) -> str:
        """One of two texts by a number, which is {n} in both."""
        return self._translations.ngettext(one, many, n).format(n=count(n), **self._apart(values))

    def _apart(self, values: Mapping[str, object]) -> dict[str, object]:
        """The values, each written in its own direction: a Latin name must not turn an Arabic text."""
        if self.language.direction == "ltr":
            return dict(values)
        return {
            name: f"{ISOLATE}{value}{END}" if isinstance(value, str) else value
            for name, value in values.items()
        }

    def sentence(self, error: DomainError) -> str:
        """A refusal in this language; in English where nobody has translated it."""
        if self.language.code == ENGLISH:
            return str(error)
        return " ".join(
            self.t(each.text, **{name: self._noun(name, it) for name, it in each.values.items()})
            for each in error.sentences
        )

    def _noun(self, name: str, value: object) -> object:
        known = NOUNS.get(name, {}).get(str(value))
        return self.t(known) if known else value

    def decimal(self, value: float, places: int = 1) -> str:
        """A number with so many decimals: 3.4."""
        return f"{value:.{places}f}".replace(".", self._decimal)

    def percent(self, share: float | None) -> str:
        """A share as a percentage with one decimal."""
        return NONE if share is None else f"{self.decimal(share * 100)}\u00a0%"

    def signed(self, shown: str, value: float) -> str:
        """How the size of a difference is shown, with the sign of the difference."""
        sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "\N{PLUS-MINUS SIGN}"
        return f"{sign}{shown}"

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
