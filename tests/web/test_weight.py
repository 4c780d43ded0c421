"""The labeler pages stay light: all script and style that one of them loads, before compression."""

import re
from pathlib import Path

import pytest

from app.web.languages import ENGLISH, LANGUAGES, script_catalogue
from app.web.static_files import lighten
from tests.web.conftest import Browser

WEB = Path(__file__).parents[2] / "app" / "web"
STATIC = WEB / "static"
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


@pytest.mark.parametrize("page", ["label.html", "grid.html"])
def test_a_labeler_page_is_light_in_every_language(page: str) -> None:
    names = loaded(page)
    assert {"base.css", "api.js", "sender.js", "words.js"} <= names
    own = sum(len(lighten(STATIC / name)) for name in names)
    codes = [code for code in LANGUAGES if code != ENGLISH]
    words = max(
        len(script_catalogue(code, page.removesuffix(".html"))[1].encode()) for code in codes
    )
    assert own + words < MOST_BYTES


def test_a_served_script_is_lighter(browser: Browser) -> None:
    script = STATIC / "sender.js"
    served = browser().get("/static/sender.js")
    assert served.headers["content-type"].startswith("text/javascript")
    assert served.content == lighten(script)
    assert len(served.content) < script.stat().st_size
    assert "export class Sender{" in served.text
    again = browser().get("/static/sender.js", headers={"If-None-Match": served.headers["etag"]})
    assert again.status_code == 304
