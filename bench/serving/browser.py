"""A real Chromium among the labelers: how long from a key to the next sharp picture."""

import asyncio
import time

from playwright.async_api import Page, ViewportSize, async_playwright

from app.api.dependencies import COOKIE
from bench.screenshots import browser_path, sandbox_flags
from bench.serving.place import Place

SIZE: ViewportSize = {"width": 1280, "height": 800}
PATIENCE = 30_000  # milliseconds
SHARP = "screen|original"  # the last part of a sharp picture's address

# From the key's own time stamp to the first moment after a frame with the decoded picture.
_WATCH = """
window.took = [];
let pressed = null;
let last = null;
addEventListener("keydown", (event) => { if (!event.repeat) pressed = event.timeStamp; }, true);
const sharp = (image) =>
  image?.complete && image.naturalWidth && /(SHARP)$/.test(image.currentSrc);
const wait = async (from) => {
  let image;
  while (!sharp(image = document.querySelector("#stage img"))) {
    await new Promise(requestAnimationFrame);
  }
  await image.decode();
  await new Promise(requestAnimationFrame);
  setTimeout(() => took.push((performance.now() - from) / 1000));
};
new MutationObserver(() => {
  const id = document.getElementById("stage")?.dataset.proposal;
  if (!id || id === last) return;
  last = id;
  if (pressed !== null) wait(pressed);
  pressed = null;
}).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-proposal"],
});
""".replace("SHARP", SHARP)


async def press_keys(where: Place, seconds: float, think: float) -> list[float]:
    """Answer by keyboard for so long; the seconds from each key to the next sharp picture."""
    token = list(where.filled.sessions.values())[-1]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=browser_path(), args=sandbox_flags()
        )
        profile = await browser.new_context(viewport=SIZE)
        await profile.add_cookies([{"name": COOKIE, "value": token, "url": where.stack.url}])
        page = await profile.new_page()
        page.set_default_timeout(PATIENCE)
        await page.add_init_script(_WATCH)
        await page.goto(f"{where.stack.url}/projects/{where.filled.project}/label")
        await page.wait_for_selector("#stage[data-proposal]")
        took = await _press(page, time.monotonic() + seconds, think)
        await browser.close()
    return took


async def _press(page: Page, until: float, think: float) -> list[float]:
    number = 0
    while time.monotonic() < until:
        await asyncio.sleep(think)
        await page.keyboard.press("n" if number % 3 else "y")
        number += 1
        await page.wait_for_function("n => took.length >= n", arg=number)
    found: list[float] = await page.evaluate("took")
    return found
