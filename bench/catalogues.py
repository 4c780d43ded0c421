"""The catalogues of translations, brought up to date with the texts that the code uses.

    python -m bench.catalogues [CODE ...]

Finds the texts in templates, scripts and server code and writes them into
app/locale/<code>/LC_MESSAGES/messages.po: new ones come without a translation, those that nobody uses
any more go. A CODE without a catalogue gets one. Prints what waits for a translator.
"""

import argparse
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from app.web.languages import ENGLISH, LANGUAGES, LOCALE

ROOT = LOCALE.parents[1]
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/static/**.js", "javascript"),
]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
# Refusals that only programs read: crawlers and exporters.
PROGRAMS = ("api/images.py", "domain/ingestion.py", "export/", "usecases/dataset/export_dataset.py")
# What a call of each name translates: all of its arguments, or those at the given places.
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "t": None,
    "tn": (1, 2),
    "marked": None,
    "Sentence": None,
    "ForbiddenError": None,
    "NotSignedInError": None,
    "TooLargeError": None,
    "ChangeStandsError": None,
    "InvalidError": (2,),
    "ImportRefusedError": (2,),
    "__init__": None,
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
}

HEADER = """msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def extracted() -> Catalog:
    """Every text that the code uses, with the files in which it does."""
    found = Catalog()
    texts = extract_from_dir(
        ROOT / "app", METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",)
    )
    for path, _, text, comments, _ in texts:
        if not path.startswith(PROGRAMS) and text != " ":  # joins sentences in an __init__
            found.add(text, locations=[(f"app/{path}", 0)], auto_comments=comments)
    return found


def catalogue_path(code: str) -> Path:
    """Where the catalogue of a language is."""
    return LOCALE / code / "LC_MESSAGES" / "messages.po"


def update(code: str, texts: Catalog) -> list[str]:
    """Rewrite the catalogue of a language; gives the texts that it lacks."""
    path = catalogue_path(code)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = Catalog(locale=code)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=code)
    new = Catalog(locale=code)
    for message in texts:
        if message.id:
            kept = old.get(message.id)
            same = kept is not None and kept.pluralizable == message.pluralizable
            new.add(
                message.id,
                kept.string if kept is not None and same else None,
                locations=sorted(set(message.locations)),
                auto_comments=message.auto_comments,
            )
    with path.open("wb") as file:
        # No date and no tool's version: only a change of words is a change of the file.
        file.write(HEADER.format(code=code, plural=new.plural_forms).encode())
        write_po(file, new, width=100, sort_output=True, include_lineno=False, omit_header=True)
    return [str(message.id) for message in new if message.id and not _whole(message.string)]


def _whole(string: object) -> bool:
    return all(string) if isinstance(string, (list, tuple)) else bool(string)


def main() -> None:
    """Update the named catalogues, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalogues", description=__doc__)
    parser.add_argument("codes", nargs="*", metavar="CODE", default=sorted(LANGUAGES))
    texts = extracted()
    for code in parser.parse_args().codes:
        if code == ENGLISH:
            continue
        missing = update(code, texts)
        print(f"{code}: {len(texts)} texts, {len(missing)} without a translation")
        for text in missing:
            print(f"  {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
