"""The languages of the pages, and their catalogues.

A catalogue is `app/locale/<code>/LC_MESSAGES/messages.po`: English text to translation. It is read
once, when somebody first asks for the language; nothing is compiled. English needs none.
"""

import hashlib
import io
import json
import re
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
STATIC = Path(__file__).parent / "static"
SCRIPTS = "app/web/static/"  # as catalogues name the files
IMPORTED = re.compile(r'(?:from|import) "\./([a-z_-]+\.js)"')
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
def script_catalogue(code: str, script: str) -> tuple[str, str]:
    """(digest, JavaScript module) that teaches `words.js` what a page's script says in a language.

    Args:
        code: of a language other than English.
        script: the name of the script that the page loads, without .js.
    """
    files = {SCRIPTS + name for name in _with_imports(f"{script}.js")}
    found = catalogue(code)
    texts = dict(
        _entry(message)
        for message in found
        if message.string and not files.isdisjoint(path for path, _ in message.locations)
    )
    module = (
        'import { learn } from "/static/words.js";\n'
        f"learn({json.dumps(texts, ensure_ascii=False, sort_keys=True)}, "
        f"(n) => {found.plural_expr});\n"
    )
    return hashlib.sha256(module.encode()).hexdigest()[:16], module


def script_path(code: str, script: str | None) -> str | None:
    """Where a page finds the words of its script. The digest lets browsers keep them for ever."""
    if code == ENGLISH or script is None:
        return None
    return f"/words/{code}-{script}-{script_catalogue(code, script)[0]}.js"


def _with_imports(name: str) -> set[str]:
    """A script and all that it imports."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        each = waiting.pop()
        found.add(each)
        waiting |= set(IMPORTED.findall((STATIC / each).read_text())) - found
    return found


def _entry(message: Message) -> tuple[str, str | list[str]]:
    forms = message.string if isinstance(message.string, (list, tuple)) else [str(message.string)]
    return (message.id, forms[0]) if isinstance(message.id, str) else (message.id[0], list(forms))
