"""What a labeler does at the labeler page."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

ARRIVED = """() => document.querySelector("#stage")?.dataset.proposal
    || (!document.querySelector("#rest").hidden && document.querySelector("#rest-spinner").hidden)"""
UNSENT = "Object.keys(localStorage).filter((name) => name.startsWith('vetted:unsent:')).length"
PATIENCE = 15
AUTOREPEAT = 150
"""Milliseconds; presses of one key that come closer together are taken for one that is held."""


def shown(page: Page) -> int | None:
    """The proposal in question once there is one, or None when there is nothing to answer."""
    page.wait_for_function(ARRIVED)
    proposal = page.evaluate("document.querySelector('#stage').dataset.proposal")
    return None if proposal is None else int(proposal)


def until_answered(page: Page, act: Callable[[], None]) -> int:
    """Act until the proposal in question is answered (what comes too early is not taken), and give
    the proposal.

    A press is handled before `press` returns, so nothing is answered between looking and acting.
    """
    proposal = shown(page)
    assert proposal is not None, "there is nothing to answer"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        act()
        if page.evaluate("document.querySelector('#stage').dataset.proposal") != str(proposal):
            return proposal
        page.wait_for_timeout(AUTOREPEAT)
    raise AssertionError(f"nothing answers proposal {proposal}")


def answer(page: Page, key: str) -> int:
    """Press the key until the proposal in question is answered, and give the proposal."""
    return until_answered(page, lambda: page.keyboard.press(key))


def all_saved(page: Page) -> None:
    """Wait until the server has confirmed every decision of this browser."""
    page.wait_for_function(f"() => {UNSENT} === 0")
    expect(page.locator("#sync")).to_be_empty()


def unsent(page: Page) -> int:
    return page.evaluate(UNSENT)
