"""The labeler pages stay light: all script and style that one of them loads, before compression."""

import re
from pathlib import Path

import pytest

from app.web.languages import ENGLISH, LANGUAGES, script_catalogue
from app.web.static_files import lighten
from tests.web.conftest import Browser

WEB = Path(__file__).parents[2] / "app" / "web"
STATIC = WEB / "static"
OURS = sorted([*STATIC.glob("*.js"), *STATIC.glob("*.css")])
MOST_BYTES = 100_000
LINKED = re.compile(r'(?:src|href)="/static/([a-z_-]+\.(?:js|css))"')
IMPORTED = re.compile(r'(?:from|import) "\./([a-z_-]+\.js)"')


def loaded(page: str) -> set[str]:
    """The names of all files that a template and its scripts name, with what those import."""
    texts = [(WEB / "templates" / name).read_text() for name in ("base.html", page)]
    found: set[str] = set()
    waiting = {name for text in texts for name in LINKED.findall(text)}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(IMPORTED.findall((STATIC / name).read_text())) - found
    return found


@pytest.mark.parametrize("page", ["label.html"])
def test_a_labeler_page_is_light_in_every_language(page: str) -> None:
    names = loaded(page)
    assert {"base.css", "api.js", "sender.js", "words.js"} <= names
    own = sum(len(lighten((STATIC / name).read_text()).encode()) for name in names)
    codes = [code for code in LANGUAGES if code != ENGLISH]
    words = max(
        len(script_catalogue(code, page.removesuffix(".html"))[1].encode()) for code in codes
    )
    assert own + words < MOST_BYTES


def test_a_served_script_is_lighter_and_keeps_its_lines(browser: Browser) -> None:
    script = (STATIC / "sender.js").read_text()
    served = browser().get("/static/sender.js")
    assert served.headers["content-type"].startswith("text/javascript")
    assert served.text == lighten(script)
    assert len(served.text) < len(script)
    place = [line.strip() for line in script.splitlines()].index("export class Sender {")
    assert served.text.splitlines()[place] == "export class Sender {"


def test_comments_go_and_everything_else_stays() -> None:
    text = "// gone\n/** gone\n * gone */\n  a(); // stays\n/* gone */\n\tb { c: d; }\n"
    assert lighten(text) == "\n\n\na(); // stays\n\nb { c: d; }"
    assert lighten("/*/\n gone */\nstays") == "\n\nstays"


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_nothing_that_matters_spans_lines(file: Path) -> None:
    for line in file.read_text().splitlines():
        assert line.count("`") % 2 == 0, f"a text in backticks ends on another line: {line}"
        before, end, after = line.strip().partition("*/")
        if end and after:
            assert "/*" in before, line
            assert not before.startswith("/*"), line
