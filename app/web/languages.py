"""The languages of the pages, and their catalogues.

A catalogue is `app/locale/<code>/LC_MESSAGES/messages.po`: English text to translation. It is read
once, when somebody first asks for the language; nothing is compiled. English needs none.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parents[1] / "locale"
SCRIPTS = "app/web/static/"
ENGLISH = "en"


@dataclass(frozen=True)
class Language:
    """A language by its code (as in `<html lang>`), its own name and the direction of its script."""

    code: str
    name: str
    direction: str = "ltr"

    @property
    def locale(self) -> Locale:
        """How numbers and dates are written."""
        return Locale.parse(self.code)


LANGUAGES = {
    each.code: each
    for each in (
        Language("en", "English"),
        Language("de", "Deutsch"),
        Language("fr", "Français"),
        Language("ar", "العربية", "rtl"),
    )
}


def choose(preferred: str | None, accepted: str | None) -> Language:
    """The reader's own choice, else the first of their browser's that we speak, else English.

    Args:
        preferred: a code out of the reader's preferences.
        accepted: the header Accept-Language.
    """
    if preferred in LANGUAGES:
        return LANGUAGES[preferred]
    return next(
        (LANGUAGES[code] for code in _by_weight(accepted or "") if code in LANGUAGES),
        LANGUAGES[ENGLISH],
    )


def _by_weight(accepted: str) -> Iterator[str]:
    weighted = []
    for part in accepted.split(","):
        tag, _, parameter = part.partition(";")
        weight = _weight(parameter.strip().removeprefix("q="))
        if weight > 0:
            weighted.append((weight, tag.strip().lower().partition("-")[0]))
    # The sort is stable: of equal weights the first one named wins.
    return (code for _, code in sorted(weighted, key=lambda each: -each[0]))


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0


@cache
def catalogue(code: str) -> Catalog:
    """The catalogue of a language other than English."""
    with (LOCALE / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


@cache
def translations(code: str) -> NullTranslations:
    """The catalogue as gettext uses it."""
    if code == ENGLISH:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def script_catalogue(code: str) -> tuple[str, str]:
    """(digest, JavaScript module) that teaches `words.js` what the scripts say in a language."""
    found = catalogue(code)
    texts = dict(_entry(message) for message in found if message.id and _in_scripts(message))
    plural = f"(n) => {found.plural_expr}"
    module = (
        'import { learn } from "/static/words.js";\n'
        f"learn({json.dumps(texts, ensure_ascii=False, sort_keys=True)}, {plural});\n"
    )
    return hashlib.sha256(module.encode()).hexdigest()[:16], module


def script_path(code: str) -> str | None:
    """Where a page finds the catalogue of its scripts. The digest lets browsers keep it for ever."""
    return None if code == ENGLISH else f"/words/{code}-{script_catalogue(code)[0]}.js"


def _in_scripts(message: Message) -> bool:
    return any(path.startswith(SCRIPTS) for path, _ in message.locations) and bool(message.string)


def _entry(message: Message) -> tuple[str, str | list[str]]:
    forms = message.string if isinstance(message.string, (list, tuple)) else [str(message.string)]
    return (message.id, forms[0]) if isinstance(message.id, str) else (message.id[0], list(forms))
