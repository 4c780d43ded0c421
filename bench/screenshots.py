"""The pictures of the documentation, taken from the running product.

    python -m bench.screenshots [--images DIR] [--weights FILE] [--to docs/images]

Starts a database, a broker, a web process and a worker of its own in a temporary folder, seeds a
project with drawn flowers (or with DIR/<category>/*.jpg), lets the simulated expert answer two rounds,
a labeler a part of the third, and takes pictures of the pages in a headless Chromium.
"""

import argparse
import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from rich.console import Console

from app.api.dependencies import COOKIE
from app.domain.access import Scope
from app.usecases import people
from migrations.run import upgrade
from vetted.client import Client, Picture
from vetted.database import session_at
from vetted.demo import loop
from vetted.demo.backbone import WITHOUT_WEIGHTS, Choice, choose_backbone
from vetted.demo.drawing import write_folder
from vetted.demo.folder import Folder, divide
from vetted.demo.progress import Progress
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack, throw_away_dir

PROJECT = "meadow-flowers"
ROUNDS = 2
PER_CATEGORY = 40
DISTRACTORS = 60
CRAWLED = 60  # pictures of the batch that has a page
PART = 24  # answers in the round that is left open
GRID_ABOVE = 0.6  # the drawn look-alikes are hard: few categories are mostly right
PASSWORD = "a password of nobody"  # noqa: S105 - it lives as long as this command
PATIENCE = 120_000  # milliseconds: the map is drawn after the round has opened
PACE = 2.4  # seconds that the labeler of the pictures takes for an answer
NAMES = {"lead": "Lena Lead", "labeler": "Ada Botanist", "expert": "Simulated Expert"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MOST_BYTES = 150_000
SWATCH = 150  # pixels of exactly one colour: no photograph has so many
# The lead's pages by the names of their pictures, and what stands there when a page is ready.
LEAD_PAGES = {
    "lead": ("/projects/{project}", "#lead"),
    "new-project": ("/projects/new", "form"),
    "round": (f"/projects/{{project}}/rounds/{ROUNDS}", "#lead"),
    "categories": ("/projects/{project}/categories", "#lead"),
    "category": ("/projects/{project}/categories/{category}", "#lead"),
    "change": ("/projects/{project}/categories/{category}/change", "#lead"),
    "pool": ("/projects/{project}/pool", "#lead"),
    "batch": ("/projects/{project}/pool/batches/{batch}", "#lead"),
    "filter": ("/projects/{project}/pool/filter", "#above li"),
    "map": ("/projects/{project}/map", "#colour:enabled"),
    "quality": (f"/projects/{{project}}/quality?round={ROUNDS}", "#lead"),
    "version": (f"/projects/{{project}}/versions/{ROUNDS + 1}", "#lead"),
}
# Pictures further down are loaded when one gets there.
DECODED_IN_SIGHT = """Promise.all([...document.images]
    .filter(each => each.src && each.getBoundingClientRect().top < innerHeight)
    .map(each => each.decode()))"""
WIDE = {"width": 1280, "height": 800}
TALL = {"width": 1280, "height": 1180}
PHONE = {"width": 390, "height": 844}


def main() -> None:
    """Take the pictures."""
    options = _options()
    console = Console(stderr=True)
    choice = (
        choose_backbone(options.weights, console.print)
        if options.weights
        else Choice(WITHOUT_WEIGHTS, None)
    )
    if choice.weights is not None:
        os.environ["VETTED_WEIGHTS_DIR"] = str(choice.weights.parent)
    with (
        exit_on_signals(),
        throw_away_dir("vetted-screenshots-") as data_dir,
        Progress(console) as progress,
    ):
        folder = divide(options.images or _drawn(data_dir / "drawn", progress))
        with Stack(data_dir, migrate=upgrade, durable=False) as stack:
            tokens = _people(stack.database_url)
            with (
                Client(stack.url, tokens["lead"]) as lead,
                Client(stack.url, tokens["expert"]) as expert,
            ):
                truth = _work(lead, expert, choice, folder, progress)
            with Client(stack.url, tokens["labeler"]) as labeler:
                _answer_a_part(labeler, truth)
            _take_pictures(stack, truth, options.to)
    console.print(f"The pictures are in {options.to}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots", description=__doc__)
    parser.add_argument(
        "--images", type=Path, help="DIR/<category>/*.jpg; drawn flowers without it"
    )
    parser.add_argument("--weights", type=Path, help="weights of the backbone, named after it")
    parser.add_argument("--to", type=Path, default=Path("docs/images"), help="where they are put")
    return parser.parse_args()


def _drawn(root: Path, progress: Progress) -> Path:
    write_folder(
        root,
        per_category=PER_CATEGORY,
        distractors=DISTRACTORS,
        progress=lambda done, total: progress("Drawing flowers", done, total),
    )
    return root


def _people(database_url: str) -> dict[str, str]:
    """A lead and a labeler, and an API token for each."""
    tokens = {}
    with session_at(database_url) as session:
        for login, name in NAMES.items():
            people.add_user(session, login, name, PASSWORD, may_create_projects=login == "lead")
            tokens[login] = people.create_token(session, login, "screenshots", frozenset(Scope))
    return tokens


def _work(
    lead: Client, expert: Client, choice: Choice, folder: Folder, progress: Progress
) -> dict[str, str]:
    """Two rounds and the proposals of a third; the truth that the expert answers by."""
    plan = {
        "slug": PROJECT,
        "name": "Meadow flowers",
        "description": "Look-alikes along the paths of one valley",
        "policy": "disjoint",
        "subsets": ROUNDS + 1,
        "backbone": choice.name,
        "weights": choice.weights.name if choice.weights else None,
    }
    loop.create_project(lead, plan)
    for login in ("labeler", "expert"):
        lead.put(f"/projects/{PROJECT}/members/{login}", {"role": "labeler"})
    lead.patch(f"/projects/{PROJECT}", {"grid_above": GRID_ABOVE})
    loop.seed(lead, PROJECT, folder, progress)
    _crawl(lead, folder)
    loop.ingest(lead, PROJECT, folder.pool, progress)
    truth = folder.truth()
    for _ in range(ROUNDS):
        loop.full_round(lead, expert, PROJECT, truth, progress)
    loop.propose(lead, PROJECT, progress)
    return truth


def _crawl(lead: Client, folder: Folder) -> None:
    """A coarse filter, and a batch with what the web serves in place of pictures."""
    lead.add_negatives(PROJECT, folder.distractors[::2], {"origin": "given"})
    lead.post(f"/projects/{PROJECT}/filter/train")
    while (found := lead.get(f"/projects/{PROJECT}/filter"))["filter"] is None:
        if found["job"]["state"] == "failed":
            raise RuntimeError(found["job"]["error"])
        time.sleep(0.5)
    batch = lead.post(f"/projects/{PROJECT}/batches", {"name": "Valley path, week 21"})["id"]
    crawled: list[Picture] = [(file.name, file.read_bytes(), {}) for file in folder.pool[:CRAWLED]]
    crawled += [
        ("valley/0417.jpg", b"<!doctype html><title>403 Forbidden</title>", {}),
        ("valley/0502.jpg", crawled[0][1][:2000], {}),
        ("valley/0533.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", {}),
    ]
    lead.ingest_pictures(PROJECT, crawled, batch)
    lead.post(f"/projects/{PROJECT}/batches/{batch}/finish")


def _answer_a_part(labeler: Client, truth: dict[str, str]) -> None:
    leased = labeler.lease(PROJECT, "screenshots", PART)
    names = {each["id"]: each["name"] for each in leased["categories"]}
    for proposal in leased["proposals"]:
        right = truth.get(proposal["image"]) == names[proposal["category_id"]]
        labeler.decide(PROJECT, proposal, "yes" if right else "no", PACE)


def _take_pictures(stack: Stack, truth: dict[str, str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    label = f"{stack.url}/projects/{PROJECT}/label"
    with _browser() as browser:
        with _profile(browser, stack, "labeler", viewport=WIDE) as profile:
            _labeler(profile, label, target / "labeler.png")
        with _profile(browser, stack, "labeler", viewport=WIDE, color_scheme="dark") as profile:
            _labeler(profile, label, target / "labeler-dark.png")
        with _profile(browser, stack, "labeler", viewport=PHONE) as profile:
            _labeler(profile, label, target / "labeler-phone.png")
        with _profile(browser, stack, "labeler", viewport=WIDE) as profile:
            _reasons(profile, label, target / "reasons.png")
        with _profile(browser, stack, "labeler", viewport=WIDE) as profile:
            _grid(profile, stack, truth, target / "grid.png")
        with _profile(browser, stack, "lead", viewport=TALL) as profile:
            _lead(profile, stack, target)


def _lead(profile: BrowserContext, stack: Stack, target: Path) -> None:
    """The project lead's desk."""
    api = f"{stack.url}/api/v1/projects/{PROJECT}"
    categories = profile.request.get(f"{api}/categories").json()
    first = profile.request.get(f"{api}/batches").json()["batches"][-1]
    # The category with the most look-alikes taken for it has the most to show.
    fullest = max(categories, key=lambda each: each["counts"]["hard_negatives"])
    for name, (path, ready) in LEAD_PAGES.items():
        page = profile.new_page()
        shown = path.format(project=PROJECT, category=fullest["id"], batch=first["id"])
        page.goto(stack.url + shown)
        # Not "networkidle": a page whose numbers come by a stream never rests.
        page.wait_for_load_state("load")
        page.wait_for_selector(ready, timeout=PATIENCE)
        page.evaluate(DECODED_IN_SIGHT)
        _store(page.screenshot(), target / f"{name}.png")
        page.close()


def _labeler(profile: BrowserContext, address: str, target: Path) -> None:
    page = _seat(profile, address)
    _store(page.screenshot(), target)
    _leave(page)


def _reasons(profile: BrowserContext, address: str, target: Path) -> None:
    """Why not: what is asked about after R."""
    page = _seat(profile, address)
    page.keyboard.press("r")
    page.wait_for_selector("#reasons[open]")
    _store(page.screenshot(), target)
    page.keyboard.press("Escape")
    _leave(page)


def _seat(profile: BrowserContext, address: str) -> Page:
    page = profile.new_page()
    page.goto(address)
    page.wait_for_selector("#stage[data-proposal]")
    page.wait_for_load_state("networkidle")
    return page


def _grid(profile: BrowserContext, stack: Stack, truth: dict[str, str], target: Path) -> None:
    """A page with its wrong ones marked: of the category with the most open questions."""
    page = profile.new_page()
    grids = profile.request.get(f"{stack.url}/api/v1/projects/{PROJECT}/grids").json()
    fullest = max(grids, key=lambda each: each["open"])
    address = f"{stack.url}/projects/{PROJECT}/label/grid"
    page.goto(f"{address}?category={fullest['category_id']}")
    page.wait_for_selector(".tile:not(.waiting)")
    page.wait_for_load_state("networkidle")
    for tile in page.locator(".tile").all():
        shown = tile.locator("img").get_attribute("src") or ""
        right = any(
            f"/{image}/" in shown for image, name in truth.items() if name == fullest["name"]
        )
        if not right:
            tile.click()
    _store(page.screenshot(), target)
    _leave(page)


def _leave(page: Page) -> None:
    """Leaving gives the proposals back, so that the next browser is shown the same ones."""
    page.evaluate("document.querySelector('.brand').click()")
    page.wait_for_url("**/")


def browser_path() -> str:
    """The Chromium of this machine; exits where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("No Chromium here. Install one (Debian: apt-get install chromium).")
    return path


def sandbox_flags() -> list[str]:
    """Chromium refuses its sandbox to root; the pages are our own."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=sandbox_flags())
        yield browser
        browser.close()


@contextmanager
def _profile(
    browser: Browser, stack: Stack, login: str, **options: Any
) -> Iterator[BrowserContext]:
    """A browser profile that is signed in."""
    with session_at(stack.database_url) as session:
        token = people.sign_in(session, login, PASSWORD, datetime.now(UTC))
    profile = browser.new_context(**options)
    profile.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
    yield profile
    profile.close()


def _store(screenshot: bytes, target: Path) -> None:
    """Write a PNG below MOST_BYTES: with a palette, as large as fits."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    sample = _with_swatches(picture)
    for colours in (256, 192, 128, 96, 64, 48, 32):
        palette = sample.quantize(colours, kmeans=1)
        data = io.BytesIO()
        reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
        reduced.save(data, "PNG", optimize=True)
        if len(data.getvalue()) < MOST_BYTES:
            break
    target.write_bytes(data.getvalue())


def _with_swatches(picture: Image.Image) -> Image.Image:
    """The picture with larger patches of its flat colours.

    Without them, photographs push the colour of a thin border out of the palette.
    """
    counted: list[tuple[int, Any]] = picture.getcolors(picture.width * picture.height) or []
    flat = [colour for number, colour in sorted(counted, reverse=True) if number > SWATCH][:64]
    sample = Image.new("RGB", (picture.width, picture.height + 10 * len(flat)))
    sample.paste(picture)
    for place, colour in enumerate(flat):
        top = picture.height + 10 * place
        sample.paste(colour, (0, top, picture.width, top + 10))
    return sample


if __name__ == "__main__":
    main()
