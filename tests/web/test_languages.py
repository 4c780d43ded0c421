"""The language of a page and the catalogue that its scripts get."""

import re
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain import preferences
from app.usecases.dataset.freeze_dataset import freeze_dataset
from app.usecases.preferences import keep_preferences
from app.usecases.projects import CategoryFacts, add_category
from app.web.languages import LANGUAGES, choose, script_path
from app.web.routes import SPEAKING
from tests import factories
from tests.web.conftest import Browser, sign_in

WEB = Path(__file__).parents[2] / "app" / "web"
TEMPLATES, STATIC = WEB / "templates", WEB / "static"
PAGES = {
    "label.html": "/projects/flowers/label",
    "grid.html": "/projects/flowers/label/grid",
    "lead.html": "/projects/flowers",
    "preferences.html": "/preferences",
    "version.html": "/projects/flowers/versions/1",
    "new_project.html": "/projects/new",
    "category_list.html": "/projects/flowers/categories/import",
    "category_form.html": "/projects/flowers/categories/new",
    "category.html": "/projects/flowers/categories/{category}",
    "change_category.html": "/projects/flowers/categories/{category}/change",
    "category_changes.html": "/projects/flowers/categories/changes",
    "filter.html": "/projects/flowers/pool/filter",
    "map.html": "/projects/flowers/map",
    "quality.html": "/projects/flowers/quality",
    "adjudicate.html": "/projects/flowers/quality/adjudicate",
    "imports.html": "/projects/flowers/import",
    "pool.html": "/projects/flowers/pool",
    "duplicates.html": "/projects/flowers/pool/duplicates",
    "leaks.html": "/projects/flowers/pool/leaks",
    "batch.html": "/projects/flowers/pool/batches/{batch}",
    "import.html": "/projects/flowers/import/{import}",
    "takedowns.html": "/projects/flowers/pool/takedowns",
    "webhooks.html": "/projects/flowers/webhooks",
}
SILENT = {"categories"}
"""Scripts that say nothing."""


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


def test_silent_scripts_load_no_words() -> None:
    for script in SILENT:
        assert "import" not in (STATIC / f"{script}.js").read_text()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_names_its_language_and_direction(browser: Browser, code: str) -> None:
    page = browser().get("/sign-in", headers={"Accept-Language": code}).text
    direction = "rtl" if code == "ar" else "ltr"
    assert f'<html lang="{code}" dir="{direction}">' in page


def test_english_pages_load_no_catalogue(browser: Browser) -> None:
    assert script_path("en", "lead") is None
    assert browser().get("/words/en-lead-0.js").status_code == 404
    assert browser().get("/words/xx-lead-0.js").status_code == 404
    assert browser().get("/words/de-..%2f..%2fx-0.js").status_code == 404


def test_a_catalogue_is_kept_for_ever_under_its_digest_only(browser: Browser) -> None:
    path = script_path("de", "lead")
    assert path is not None
    answer = browser().get(path)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    other = browser().get("/words/de-lead-0123.js")
    assert other.text == answer.text
    assert other.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_every_page_with_a_script_gives_it_its_words(
    browser: Browser, sessions: sessionmaker[Session], template: Path
) -> None:
    """A page whose frame does not name its script would stay English in part."""
    scripts = re.findall(r'src="/static/([a-z_-]+)\.js"', template.read_text())
    scripts = [script for script in scripts if script not in SILENT]
    assert set(scripts) <= SPEAKING
    if not scripts:
        return
    with sessions.begin() as session:
        lead = factories.make_user(session, "lena", lead=True)
        project = factories.make_project(session, lead)
        freeze_dataset(session, project)
        rose = add_category(session, project, CategoryFacts("Rose"))
        ids = {
            "category": rose.id,
            "import": factories.make_import(session, project).id,
            "batch": factories.make_batch(session, project).id,
        }
    client = browser()
    client.headers["Accept-Language"] = "de"
    sign_in(client, "lena")
    address = PAGES[template.name].format_map(ids)
    page = client.get(address).text
    words = page.index(str(script_path("de", scripts[0])))
    assert words < page.index(f"/static/{scripts[0]}.js"), "its words come first"


def test_preferences_offer_what_the_pages_speak() -> None:
    assert set(preferences.Language) == set(LANGUAGES)


def test_the_preferred_language_comes_before_the_browsers(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        ada = factories.make_user(session, "ada")
        keep_preferences(
            session, ada.id, preferences.Preferences(language=preferences.Language("ar"))
        )
    client = browser()
    client.headers["Accept-Language"] = "de"
    assert '<html lang="de"' in client.get("/sign-in").text
    sign_in(client, "ada")
    for path in ("/", "/preferences", "/no/such/page", "/projects/none/label"):
        assert '<html lang="ar" dir="rtl">' in client.get(path).text


def test_refusals_over_rest_come_in_the_language_asked_for(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        factories.make_user(session, "ada")
    client = browser()
    sign_in(client, "ada")
    path = "/api/v1/projects/none"
    english = client.get(path, headers={"Accept-Language": "nl"}).json()
    german = client.get(path, headers={"Accept-Language": "de"}).json()
    assert english["type"] == german["type"] == "urn:vetted:not-found"
    assert english["detail"].startswith("There is no project 'none' here.")
    assert "none" in german["detail"]
    assert german["detail"] != english["detail"]
