"""A lead adds a webhook, tries it out, and sees what became of each message."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import standardwebhooks
from playwright.sync_api import Page, expect

from app.db.tables import Project
from app.domain.outbound import PrivateHosts
from app.domain.round import RoundState
from app.outbound import Outbound
from app.settings import Settings
from app.usecases.webhooks import WebhookFacts, add_webhook
from tests import factories
from tests.journeys.conftest import Server, Visit, assert_accessible, login_of
from tests.journeys.looks import LOOKS, name_of
from tests.receiver import Receiver, Reply, receiving
from workers.deliver_webhooks import deliver_once

pytestmark = pytest.mark.slow
Make = Callable[..., factories.Labeling]
HERE = PrivateHosts.of("127.0.0.1")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def deliver(server: Server) -> int:
    """What the light worker does every few seconds."""
    given = {name.removeprefix("VETTED_").lower(): value for name, value in server.settings.items()}
    # In a thread of its own: the browser's driver has an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        outbound, settings = Outbound(HERE), Settings(**given)  # type: ignore[arg-type]
        return pool.submit(deliver_once, server.sessions, outbound, settings).result()


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_webhook_is_added_and_tried_out(
    server: Server, visit: Visit, labeling: Make, receiver: Receiver
) -> None:
    made = labeling(proposals=1)
    page = visit(f"/projects/{made.slug}/webhooks", login_of("lena", made))
    expect(page.get_by_text("Nobody is told yet.")).to_be_visible()
    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("Address").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#url-problem")).to_contain_text("This address is private")
    page.get_by_label("Address").fill(receiver.url)
    for state in ("Labeling", "Closed", "Failed"):
        page.get_by_label(state).uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#states-problem")).to_contain_text("at least one state")
    page.get_by_label("Cancelled").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(re.compile("^whsec_"))
    secret = page.get_by_label("Secret", exact=True).input_value()
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value("")
    assert secret not in page.content()

    receiver.replies = [Reply(500), Reply(204)]
    page.get_by_role("button", name="Send a test to").click()
    row = page.locator("tbody tr")
    expect(row).to_contain_text("Waiting")
    expect(page.get_by_role("button", name="Send a test to")).to_be_focused()
    assert deliver(server) == 1
    expect(row).to_contain_text("500")
    page.get_by_role("button", name="Send again: Test").click()
    expect(row.locator(".number").first).to_have_text("0")
    assert deliver(server) == 1
    expect(row).to_contain_text("Arrived")
    got = receiver.got[-1]
    assert standardwebhooks.Webhook(secret).verify(got.body, got.headers) == json.loads(got.body)


def test_it_is_paused_edited_and_deleted(visit: Visit, server: Server, labeling: Make) -> None:
    made = labeling(proposals=1)
    with server.sessions.begin() as session:
        lead = session.get_one(Project, made.project_id).created_by
        facts = WebhookFacts("https://example.org/hook", (RoundState.CANCELLED,))
        project = session.get_one(Project, made.project_id)
        add_webhook(session, project, lead, facts, HERE, "k" * 40)
    page = visit(f"/projects/{made.slug}/webhooks", login_of("lena", made))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".webhook .state")).to_have_text("Paused")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".webhook .state")).to_have_text("Active")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Address")).to_have_value("https://example.org/hook")
    expect(page.get_by_label("Cancelled")).to_be_checked()
    expect(page.get_by_label("Closed")).not_to_be_checked()
    page.get_by_label("Closed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".webhook")).to_contain_text("Closed, Cancelled")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_label("Secret", exact=True)).not_to_have_value("")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete http").click()
    page.locator("#delete-dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nobody is told yet.")).to_be_visible()
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=name_of)
def test_every_look(server: Server, visit: Visit, labeling: Make, look: dict[str, object]) -> None:
    made = labeling(proposals=1)
    with server.sessions.begin() as session:
        lead = session.get_one(Project, made.project_id).created_by
        factories.make_webhooks(session, made.project_id, lead)
    page = visit(f"/projects/{made.slug}/webhooks", login_of("lena", made), **look)
    expect(page.locator(".webhook")).to_have_count(3)
    expect(page.locator("tbody tr")).to_have_count(4)
    assert_accessible(page)
    assert_fits(page)
    page.locator('[data-does="edit"]').first.click()
    assert_accessible(page)
    page.locator("#url").fill("nowhere")
    page.locator("#webhook-form [type=submit]").click()
    expect(page.locator("#url-problem")).not_to_be_empty()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.locator('[data-does="delete"]').first.click()
    assert_accessible(page)
