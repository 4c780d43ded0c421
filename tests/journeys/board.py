"""What a labeler does at the grid page."""

from playwright.sync_api import Page, expect

# A page that was confirmed leaves its tiles behind, hidden, until another is shown.
READY = """() => !document.querySelector("#stage").hidden
    && document.querySelectorAll(".tile:not(.waiting)").length > 0
    && document.querySelectorAll(".tile.waiting").length === 0"""
GUARD = 1100
"""Milliseconds; a page that was seen for less cannot be confirmed."""


def tiles(page: Page) -> list[int]:
    """The proposals of the page that is shown, once all its pictures are there."""
    page.wait_for_function(READY)
    return page.eval_on_selector_all(".tile", "tiles => tiles.map(t => Number(t.dataset.proposal))")


def states(page: Page) -> str:
    """The tiles' states by their first letters: p(lain), w(rong), r(ight), u(nsure), b(roken), g(one)."""
    return "".join(
        page.eval_on_selector_all(".tile", "tiles => tiles.map(t => t.dataset.state[0])")
    )


def look(page: Page) -> list[int]:
    """Look at the page for as long as it takes until it may be confirmed."""
    found = tiles(page)
    page.wait_for_timeout(GUARD)
    return found


def confirm(page: Page) -> list[int]:
    """Confirm the page by key and give its proposals, once another page (or none) is shown."""
    found = look(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "first => document.querySelector('.tile')?.dataset.proposal !== String(first)"
        " || document.querySelector('#stage').hidden",
        arg=found[0],
    )
    return found


def focused(page: Page) -> int:
    """The place of the tile that has the focus, from 0."""
    return page.evaluate("[...document.querySelectorAll('.tile')].indexOf(document.activeElement)")


def columns(page: Page) -> int:
    return page.evaluate("document.querySelector('[role=row]').children.length")


def said(page: Page, text: str) -> None:
    expect(page.locator("#toast")).to_contain_text(text)
