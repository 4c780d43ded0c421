import re
from pathlib import Path

import pytest

from tests.web.conftest import Browser

WEB = Path(__file__).parents[2] / "app" / "web"


@pytest.mark.parametrize(
    "path", ["/sign-in", "/", "/static/label.js", "/api/v1/projects", "/nothing"]
)
def test_every_answer_carries_the_headers(browser: Browser, path: str) -> None:
    headers = browser().get(path).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


def test_hsts_only_over_tls(browser: Browser) -> None:
    answer = browser("https://testserver").get("/sign-in")
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_pages_stay_out_of_caches_and_scripts_are_revalidated(browser: Browser) -> None:
    client = browser()
    assert client.get("/sign-in").headers["cache-control"] == "no-store"
    script = client.get("/static/label.js")
    assert script.headers["cache-control"] == "no-cache"
    again = client.get("/static/label.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "template", sorted(WEB.glob("templates/*.html")), ids=lambda path: path.name
)
def test_templates_have_nothing_inline(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
