"""Every text of the pages and scripts is in every catalogue, with the same places to fill in."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from app.domain import errors
from app.web.languages import ENGLISH, LANGUAGES, catalogue, script_catalogue
from app.web.routes import SPEAKING
from app.web.words import words_in
from bench.catalogues import KEYWORDS, PROGRAMS, ROOT, extracted

APP = ROOT / "app"
PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)(?:!r)?\}")
CALL = re.compile(r"(?<![\w.])tn?\(\s*")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
TRANSLATED = [code for code in LANGUAGES if code != ENGLISH]


@pytest.fixture(scope="module")
def texts() -> Catalog:
    return extracted()


def key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def places(text: str) -> set[str]:
    return {first or second for first, second in PLACE.findall(text)}


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_exactly_the_texts_of_the_code(code: str, texts: Catalog) -> None:
    used = {(key(each), each.pluralizable) for each in messages(texts)}
    there = {(key(each), each.pluralizable) for each in messages(catalogue(code))}
    assert sorted(used - there) == [], "run `make words` and translate these"
    assert sorted(there - used) == [], "run `make words`: nobody uses these"


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_with_its_places(code: str) -> None:
    held = catalogue(code)
    for message in messages(held):
        wanted = {name for text in message.id for name in places(text)}
        if isinstance(message.id, str):
            wanted = places(message.id)
        assert not message.fuzzy, message.id
        assert len(forms(message)) == (held.num_plurals if message.pluralizable else 1)
        for form in forms(message):
            assert form.strip(), message.id
            # "One picture", "two pictures": a form may spell its number out.
            spelt = {"n"} if message.pluralizable else set()
            assert wanted - spelt <= places(form) <= wanted, (message.id, form)
            assert form.count("%") == key(message).count("%"), (message.id, form)


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_brings_no_markup_of_its_own(code: str) -> None:
    for message in messages(catalogue(code)):
        for form in forms(message):
            assert re.findall(r'[<>&"]|</?\w+', form) == re.findall(r'[<>&"]|</?\w+', key(message))


@pytest.mark.parametrize("code", TRANSLATED)
def test_scripts_get_their_texts_and_no_others(code: str, texts: Catalog) -> None:
    taught: set[str] = set()
    for script in SPEAKING:
        _, module = script_catalogue(code, script)
        taught |= set(json.loads(module[module.index('{"') : module.rindex("}, (") + 1]))
    wanted = {
        key(each)
        for each in messages(texts)
        if any(path.startswith("app/web/static/") for path, _ in each.locations)
    }
    assert taught == wanted


def python_calls() -> Iterator[tuple[Path, ast.Call, str]]:
    for path in sorted(APP.rglob("*.py")):
        if str(path.relative_to(APP)).startswith(PROGRAMS):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield path, node, getattr(node.func, "attr", getattr(node.func, "id", ""))


def test_the_extractor_sees_every_text_of_the_server(texts: Catalog) -> None:
    """It passes over calls inside calls, and over texts that are put together."""
    known = {
        text
        for each in messages(texts)
        for text in ([each.id] if isinstance(each.id, str) else each.id)
    }
    refusals = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    for path, call, name in python_calls():
        if name not in KEYWORDS and name not in refusals:
            continue
        for argument in call.args:
            where = f"{path}:{call.lineno}"
            assert not isinstance(argument, ast.JoinedStr), (
                f"{where}: an f-string has no translation"
            )
            sentence = isinstance(argument, ast.Constant) and name in KEYWORDS
            if sentence and name not in {"__init__", "InvalidError", "ImportRefusedError"}:
                assert argument.value in known, where  # type: ignore[attr-defined]


def test_the_extractor_sees_every_text_of_the_scripts(texts: Catalog) -> None:
    known = {key(each) for each in messages(texts)}
    for path in sorted((APP / "web" / "static").glob("*.js")):
        script = path.read_text()
        for call in CALL.finditer(script):
            if script[: call.start()].endswith("function "):
                continue
            literal = LITERAL.match(script, call.end())
            line = f"{path.name}:{script.count(chr(10), 0, call.start()) + 1}"
            assert literal, f"{line}: give the text as a literal in double quotes"
            assert json.loads(literal.group()) in known, f"{line}: the extractor passes over it"


def test_a_refusal_is_said_with_its_values() -> None:
    error = errors.TransitionError("round", "closed", "be cancelled")
    assert str(error) == words_in("en").sentence(error)
    assert "Runde, Geschlossen: verwerfen" in words_in("de").sentence(error)
    assert "{" not in words_in("ar").sentence(error)
    plain = errors.ForbiddenError("No {translation} of this.")
    assert words_in("de").sentence(plain) == "No {translation} of this."


def test_names_are_kept_apart_where_the_script_runs_from_right_to_left() -> None:
    assert words_in("ar").t("Label {project}", project="Alps") == "تصنيف \u2068Alps\u2069"
    assert words_in("de").t("Label {project}", project="Alps") == "Alps prüfen"


@pytest.mark.parametrize(
    ("n", "text"), [(0, "لا"), (1, "واحدة"), (2, "صورتا"), (3, "3"), (11, "11")]
)
def test_arabic_has_six_forms_of_a_number(n: int, text: str) -> None:
    one = "{n} test picture waits for the first round"
    many = "{n} test pictures wait for the first round"
    assert text in words_in("ar").tn(one, many, n)
