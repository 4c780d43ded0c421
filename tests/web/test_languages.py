"""The language of a page and the catalogue that its scripts get."""

import pytest

from app.web.languages import LANGUAGES, choose, script_path
from tests.web.conftest import Browser


@pytest.mark.parametrize(
    ("preferred", "accepted", "code"),
    [
        (None, None, "en"),
        (None, "", "en"),
        (None, "de", "de"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en;q=0.2, ar-EG;q=0.9", "ar"),
        (None, "nl,fr;q=0.5", "fr"),
        (None, "nl", "en"),
        (None, "*", "en"),
        (None, "de;q=0,fr;q=0.1", "fr"),
        (None, "de;q=x;;,,", "en"),
        ("ar", "de", "ar"),
        ("xx", "de", "de"),
    ],
)
def test_preference_before_browser_before_english(
    preferred: str | None, accepted: str | None, code: str
) -> None:
    assert choose(preferred, accepted).code == code


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_names_its_language_and_direction(browser: Browser, code: str) -> None:
    page = browser().get("/sign-in", headers={"Accept-Language": code}).text
    direction = "rtl" if code == "ar" else "ltr"
    assert f'<html lang="{code}" dir="{direction}">' in page


def test_english_pages_load_no_catalogue(browser: Browser) -> None:
    assert script_path("en") is None
    assert "/words/" not in browser().get("/sign-in").text
    assert browser().get("/words/en-0.js").status_code == 404
    assert browser().get("/words/xx-0.js").status_code == 404


def test_a_catalogue_is_kept_for_ever_under_its_digest_only(browser: Browser) -> None:
    path = script_path("de")
    assert path is not None
    assert path in browser().get("/sign-in", headers={"Accept-Language": "de"}).text
    answer = browser().get(path)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    other = browser().get("/words/de-0123.js")
    assert other.text == answer.text
    assert other.headers["cache-control"] == "no-cache"
