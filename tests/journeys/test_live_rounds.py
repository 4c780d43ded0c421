"""The lead page by itself: numbers that come over a stream, in a real browser and a real server."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from playwright.sync_api import Route, expect

from app.api.dependencies import COOKIE
from app.db.tables import Project, Proposal
from tests import factories
from tests.journeys.conftest import Server, Visit, _serve, _session, _wait_for, login_of
from vetted.embedded.ports import free_port

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
OPEN = 20
PATIENCE = 20


def answer(server: Server, labeling: factories.Labeling, place: int, word: str) -> None:
    with server.sessions.begin() as session:
        proposal = session.get_one(Proposal, labeling.proposal_ids[place])
        lead = session.get_one(Project, labeling.project_id).created_by
        factories.answer(session, proposal, lead, word, 2.0)


@contextmanager
def stream(url: str, slug: str, cookie: str) -> Iterator[tuple[httpx.Response, Iterator[str]]]:
    """An open stream of which the first round has come."""
    address = f"{url}/projects/{slug}/rounds/live"
    with httpx.stream("GET", address, headers={"Cookie": cookie}, timeout=PATIENCE) as response:
        assert response.status_code == 200
        lines = response.iter_lines()
        assert any(line.startswith("data: {") for line in lines)
        yield response, lines


def test_numbers_change_without_a_reload(server: Server, labeling: Make, visit: Visit) -> None:
    made = labeling(proposals=3)
    page = visit(f"/projects/{made.slug}", login_of("lena", made))
    page.evaluate("window.kept = true")
    expect(page.locator("#decided")).to_contain_text("0 of 6")
    answer(server, made, 0, "yes")
    expect(page.locator("#decided")).to_contain_text("1 of 6")
    answer(server, made, 1, "no")
    expect(page.locator("#decided")).to_contain_text("1 yes, 1 no")
    expect(page.locator(".headline").first).to_contain_text("2.00 decisions")
    assert page.evaluate("window.kept")
    expect(page.locator("#asking")).to_be_hidden()


def test_a_page_whose_stream_breaks_says_so_and_asks_instead(
    server: Server, labeling: Make, visit: Visit
) -> None:
    made = labeling(proposals=3)
    page = visit("/", login_of("lena", made))

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="")

    page.route("**/rounds/live", refuse)
    page.goto(f"/projects/{made.slug}")
    expect(page.locator("#asking")).to_be_visible()
    answer(server, made, 0, "yes")
    expect(page.locator("#decided")).to_contain_text("1 of 6")


def test_many_open_streams_block_nobody(server: Server, labeling: Make) -> None:
    made = labeling(proposals=2)
    cookie = f"{COOKIE}={_session(server, login_of('lena', made))}"
    page = f"{server.url}/projects/{made.slug}"
    with ExitStack() as opened:
        streams = [opened.enter_context(stream(server.url, made.slug, cookie)) for _ in range(OPEN)]
        for _ in range(OPEN):
            answer_ = httpx.get(page, headers={"Cookie": cookie}, timeout=PATIENCE)
            assert answer_.status_code == 200
        headers = streams[0][0].headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-accel-buffering"] == "no"
        assert headers["cache-control"] == "no-store"
        answer(server, made, 0, "yes")
        for _, lines in streams:
            assert any('"yes":1' in line for line in lines)


def test_only_leads_may_listen(server: Server, labeling: Make) -> None:
    made = labeling(proposals=1)
    address = f"{server.url}/projects/{made.slug}/rounds/live"
    assert httpx.get(address).headers["location"].startswith("/sign-in")
    cookie = f"{COOKIE}={_session(server, login_of('ada', made))}"
    assert httpx.get(address, headers={"Cookie": cookie}).status_code == 403


def test_open_streams_do_not_keep_a_server_from_stopping(server: Server, labeling: Make) -> None:
    made = labeling(proposals=1)
    cookie = f"{COOKIE}={_session(server, login_of('lena', made))}"
    port = free_port()
    process = _serve(port, server.settings)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, process)
        with stream(address, made.slug, cookie) as (_, lines):
            process.send_signal(signal.SIGTERM)
            list(lines)  # to its proper end: a stream that is cut off raises here
            # Without that end this server would wait for it for ever.
            assert process.wait(timeout=PATIENCE) is not None
    finally:
        process.kill()
