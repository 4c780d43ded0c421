import re
from urllib.parse import parse_qs, urlsplit

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.api.dependencies import COOKIE
from app.context import Context
from app.db.tables import WebSession
from app.web import throttle
from app.web.addresses import safe_path
from app.web.sign_in import FORM_COOKIE
from tests import factories
from tests.web.conftest import SIGN_IN, Browser, form_token, sign_in


@pytest.fixture(autouse=True)
def ada(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        factories.make_user(session, "ada", "Ada Botanist")


def count_sessions(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return session.scalars(select(func.count()).select_from(WebSession)).one()


def test_stranger_is_led_to_the_form_and_back(browser: Browser) -> None:
    client = browser()
    answer = client.get("/projects/flowers/label?x=1")
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert target.path == SIGN_IN
    assert parse_qs(target.query) == {"next": ["/projects/flowers/label?x=1"]}
    form = client.get(answer.headers["location"]).text
    assert 'name="next" value="/projects/flowers/label?x=1"' in form
    answer = sign_in(client, "ada", next="/projects/flowers/label?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/flowers/label?x=1")


def test_sign_in_opens_a_session_and_home_names_the_user(browser: Browser) -> None:
    client = browser()
    assert sign_in(client, " ADA ").status_code == 303
    page = client.get("/")
    assert page.status_code == 200
    assert "Ada Botanist" in page.text
    assert client.get(SIGN_IN).headers["location"] == "/"


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_cookie_is_closed_to_scripts_and_secure_over_tls(
    browser: Browser, scheme: str, *, secure: bool
) -> None:
    client = browser(f"{scheme}://testserver")
    cookies = sign_in(client, "ada").headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith(f"{COOKIE}="))
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert ("secure" in attributes) is secure


def test_the_cookie_is_not_what_the_database_keeps(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    client = browser()
    sign_in(client, "ada")
    with sessions() as session:
        kept = session.scalars(select(WebSession.token_hash)).one()
    assert client.cookies[COOKIE] not in kept
    assert re.fullmatch("[0-9a-f]{64}", kept)


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong"), ("nobody", "wrong"), ("", "")])
def test_wrong_login_and_wrong_password_look_alike(
    browser: Browser, sessions: sessionmaker[Session], login: str, password: str
) -> None:
    client = browser()
    answer = sign_in(client, login, password)
    assert answer.status_code == 401
    assert "The login or the password is wrong" in answer.text
    assert COOKIE not in client.cookies
    assert count_sessions(sessions) == 0


def test_the_form_keeps_the_login_and_escapes_it(browser: Browser) -> None:
    answer = sign_in(browser(), '"><script>', "wrong")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_form_of_another_site_is_refused(browser: Browser, sessions: sessionmaker[Session]) -> None:
    client = browser()
    token = form_token(client.get(SIGN_IN).text)
    fields = {"login": "ada", "password": factories.PASSWORD, "form_token": token}
    for origin in ("https://evil.example", "null"):
        answer = client.post(SIGN_IN, data=fields, headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert "out of date" in answer.text
    assert client.post(SIGN_IN, data=fields | {"form_token": "0" * 64}).status_code == 403
    assert count_sessions(sessions) == 0
    same = client.post(SIGN_IN, data=fields, headers={"Origin": "http://testserver"})
    assert same.status_code == 303


def test_form_token_of_another_browser_is_refused(browser: Browser) -> None:
    foreign = form_token(browser().get(SIGN_IN).text)
    client = browser()
    client.get(SIGN_IN)
    fields = {"login": "ada", "password": factories.PASSWORD, "form_token": foreign}
    assert client.post(SIGN_IN, data=fields).status_code == 403
    client.cookies.delete(FORM_COOKIE)
    assert client.post(SIGN_IN, data=fields).status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nLocation: https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "//[",
    ],
)
def test_no_target_leads_to_another_site(browser: Browser, target: str) -> None:
    assert safe_path(target) == "/"
    answer = sign_in(browser(), "ada", next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_sign_out_needs_the_page_s_token_and_ends_the_session(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    client = browser()
    sign_in(client, "ada")
    assert client.post("/sign-out", data={"csrf": "0" * 64}).status_code == 403
    assert count_sessions(sessions) == 1
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/").text)
    assert csrf
    cookie = client.cookies[COOKIE]
    answer = client.post("/sign-out", data={"csrf": csrf.group(1)})
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    assert COOKIE not in client.cookies
    assert count_sessions(sessions) == 0
    client.cookies.set(COOKIE, cookie)
    assert client.get("/").status_code == 303


def test_signing_in_again_ends_the_earlier_session(
    browser: Browser, sessions: sessionmaker[Session]
) -> None:
    client = browser()
    token = form_token(client.get(SIGN_IN).text)
    form_cookie = client.cookies[FORM_COOKIE]
    sign_in(client, "ada")
    client.cookies.set(FORM_COOKIE, form_cookie)
    fields = {"login": "ada", "password": factories.PASSWORD, "form_token": token}
    assert client.post(SIGN_IN, data=fields).status_code == 303
    assert count_sessions(sessions) == 1


def test_guessing_one_login_is_slowed_down(browser: Browser) -> None:
    client = browser()
    for _ in range(throttle.MOST_PER_LOGIN):
        assert sign_in(client, "ada", "wrong").status_code == 401
    answer = sign_in(client, "ada")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= throttle.WINDOW
    assert "Too many failed sign-ins" in answer.text
    assert sign_in(client, "bert", "wrong").status_code == 401


def test_success_forgets_earlier_failures(browser: Browser, context: Context) -> None:
    for _ in range(2):
        for _ in range(throttle.MOST_PER_LOGIN - 1):
            assert sign_in(browser(), "ada", "wrong").status_code == 401
        assert sign_in(browser(), "ada").status_code == 303
    address = throttle.Attempt.of("ada", "testclient").address_key
    assert int(context.redis.get(address)) == 2 * (throttle.MOST_PER_LOGIN - 1)


def test_guessing_from_one_address_is_slowed_down(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MOST_PER_ADDRESS", 3)
    client = browser()
    for number in range(3):
        assert sign_in(client, f"guess{number}", "wrong").status_code == 401
    assert sign_in(client, "ada").status_code == 429


def test_counters_always_end(context: Context) -> None:
    attempt = throttle.Attempt.of("ada", "192.0.2.1")
    throttle.begin(context.redis, attempt)
    throttle.begin(context.redis, attempt)
    for key in (attempt.login_key, attempt.address_key):
        assert 0 < context.redis.ttl(key) <= throttle.WINDOW


def test_without_redis_people_can_still_sign_in() -> None:
    nowhere = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    attempt = throttle.Attempt.of("ada", "192.0.2.1")
    throttle.begin(nowhere, attempt)
    throttle.succeed(nowhere, attempt)
