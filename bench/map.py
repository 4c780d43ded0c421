"""What a map of 100,000 pictures costs: `python -m bench.map --json`.

Embeddings that fall into as many clusters as there are categories are projected on `threads` cores;
`agree` is the share of points whose ten nearest ones in the plane vote for their cluster, first by
neighbours, then by PCA; `peak_mb` is what the process held at most. The points are then put on a
map of a project in a running product, and a headless Chromium of 1280 by 800 looks at it.

`first_paint_ms` runs from the navigation to the frame after the points were drawn, `bytes` is all
that the page loads. `pan_fps` are frames in a second while each frame shows another part of the map.
`lasso_ms` runs from letting go of the mouse to the frame with the selection, of `lasso_points` points.
Without a graphics card Chromium computes WebGL on the CPU: a real one is far quicker (`renderer`).
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select
from torch import Tensor

from app.api.dependencies import COOKIE
from app.blobs import FolderBlobs
from app.db.tables import Category, Image, Round, RoundMap
from app.domain.embedding_map import COLUMNS, PointKind, images_key, points_key
from bench.harness import arguments, peak_mb, report, seconds
from bench.screenshots import browser_path, sandbox_flags
from bench.serving.fill import Sizes
from bench.serving.place import Place, place
from models.network import unit
from models.plane import fitted, neighbours, principal
from vetted.database import session_at

SPREAD = 0.6  # of a cluster, in the distance of two centres
VOTERS = 10
JUDGED = 5000  # points whose nearest ones are looked for
PATIENCE = 60_000  # milliseconds
FRAMES = 90

_PAN = """async (frames) => {
  const map = document.getElementById("map");
  const press = (key) => map.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  const frame = () => new Promise(requestAnimationFrame);
  press("+"); press("+");
  await frame();
  const began = performance.now();
  for (let n = 0; n < frames; n += 1) {
    press(n % 20 < 10 ? "ArrowLeft" : "ArrowRight");
    await frame();
  }
  const took = performance.now() - began;
  press("0");
  return (1000 * frames) / took;
}"""
_WATCH = """() => {
  const heading = document.getElementById("chosen-heading");
  let began = 0;
  addEventListener("pointerup", (event) => { began = event.timeStamp; }, true);
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame((now) => {
    window.lassoed = now - began;
  }))).observe(heading, { childList: true });
}"""
_RENDERER = """() => {
  const gl = document.createElement("canvas").getContext("webgl");
  const named = gl?.getExtension("WEBGL_debug_renderer_info");
  return named ? gl.getParameter(named.UNMASKED_RENDERER_WEBGL) : null;
}"""
_BYTES = """() => performance.getEntriesByType("resource").concat(
  performance.getEntriesByType("navigation")).reduce((sum, each) => sum + each.encodedBodySize, 0)"""


@dataclass(frozen=True)
class Projected:
    """Places of points, [n, 2] each, and their clusters, [n]."""

    pca: Tensor
    near: Tensor
    labels: Tensor


def main() -> None:
    """Project, look, print; the last line is one JSON object."""
    options = _options()
    torch.set_num_threads(options.threads)
    projected, measured = _project(options)
    with tempfile.TemporaryDirectory(prefix="vetted-map-") as folder:
        data_dir = Path(folder)
        sizes = Sizes(
            pool=options.points, proposals=2000, categories=options.categories, labelers=1
        )
        with place(data_dir, sizes) as where:
            _give_map(where, data_dir / "blobs", projected)
            measured |= _looked_at(where)
    report(
        {"points": options.points, "dimension": options.dimension, **measured}, alone=options.json
    )


def _project(options: argparse.Namespace) -> tuple[Projected, dict[str, object]]:
    chance = torch.Generator().manual_seed(options.seed)
    centres = torch.randn(options.categories, options.dimension, generator=chance)
    labels = torch.randint(options.categories, (options.points,), generator=chance)
    noise = torch.randn(options.points, options.dimension, generator=chance)
    embedded = unit(centres[labels] + SPREAD * noise)
    places: dict[str, Tensor] = {}

    def by_axes() -> None:
        places["pca"] = principal(embedded)[0]

    def by_neighbours() -> None:
        places["near"] = neighbours(embedded, places["pca"], seed=options.seed)

    took = {"seconds_pca": seconds(by_axes), "seconds_neighbours": seconds(by_neighbours)}
    found = Projected(fitted(places["pca"]), fitted(places["near"]), labels)
    return found, {
        "threads": options.threads,
        **{name: round(value, 2) for name, value in took.items()},
        "peak_mb": round(peak_mb()),
        "agree": [round(_agree(each, labels), 3) for each in (found.near, found.pca)],
    }


def _agree(places: Tensor, labels: Tensor) -> float:
    right = 0
    for part in torch.split(torch.arange(min(JUDGED, len(places))), 500):
        near = torch.cdist(places[part], places).topk(VOTERS + 1, largest=False).indices[:, 1:]
        right += int((labels[near].mode(dim=1).values == labels[part]).sum())
    return right / min(JUDGED, len(places))


def _give_map(where: Place, blobs_dir: Path, projected: Projected) -> None:
    blobs, count = FolderBlobs(blobs_dir), len(projected.labels)
    with session_at(where.stack.database_url) as session:
        running = session.scalars(select(Round)).one()
        # The pool was written last, and of it the proposals first.
        images = session.execute(
            select(Image.id, Image.sha256).order_by(Image.id.desc()).limit(count)
        ).all()
        values = {
            "pca": projected.pca.numpy(),
            "neighbours": projected.near.numpy(),
            "image": [image.id for image in images],
            "round": np.full(count, running.number),
            "category": projected.labels.numpy(),
            "kind": np.where(np.arange(count) % 3, PointKind.OPEN, PointKind.OTHER),
            "confidence": np.arange(count) % 101,
        }
        points = b"".join(np.asarray(values[each.name], each.type).tobytes() for each in COLUMNS)
        hashes = b"".join(bytes.fromhex(image.sha256) for image in images)
        digests = [hashlib.sha256(content).hexdigest() for content in (points, hashes)]
        blobs.put(points_key(digests[0]), points)
        blobs.put(images_key(digests[1]), hashes)
        session.add(
            RoundMap(
                round_id=running.id,
                points_hash=digests[0],
                images_hash=digests[1],
                points=count,
                training=0,
                rejected=0,
                proposed=2 * count // 3,
                others=count // 3,
                category_ids=session.scalars(select(Category.id).order_by(Category.id)).all(),
                variance_x=0.0,
                variance_y=0.0,
            )
        )


def _looked_at(where: Place) -> dict[str, object]:
    token = next(iter(where.filled.sessions.values()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=sandbox_flags())
        for _ in range(2):  # the second time with a server that has done it once
            profile = browser.new_context(viewport={"width": 1280, "height": 800})
            profile.add_cookies([{"name": COOKIE, "value": token, "url": where.stack.url}])
            page = profile.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(f"{where.stack.url}/projects/{where.filled.project}/map")
            drawn = page.wait_for_function(
                "() => performance.getEntriesByName('map-drawn')[0]?.startTime"
            ).json_value()
        sizes = page.evaluate(_BYTES)
        rate = page.evaluate(_PAN, FRAMES)
        renderer = page.evaluate(_RENDERER)
        lassoed, caught = _lasso(page)
        browser.close()
    return {
        "renderer": renderer,
        "first_paint_ms": round(drawn),
        "bytes": sizes,
        "pan_fps": round(rate, 1),
        "lasso_ms": round(lassoed),
        "lasso_points": caught,
    }


def _lasso(page: Page) -> tuple[float, int]:
    """Around the right half of the map."""
    page.evaluate(_WATCH)
    page.get_by_role("radio", name="Lasso").check()
    box = page.locator("#map").bounding_box()
    assert box is not None  # noqa: S101 - it was drawn on
    corners = [(0.5, 0.02), (0.98, 0.02), (0.98, 0.98), (0.5, 0.98), (0.5, 0.1)]
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=10)
    page.mouse.up()
    took = page.wait_for_function("() => window.lassoed").json_value()
    heading = page.locator("#chosen-heading").inner_text()
    return took, int("".join(filter(str.isdigit, heading)))


def _options() -> argparse.Namespace:
    parser = arguments("bench.map", __doc__)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--categories", type=int, default=620)
    parser.add_argument("--dimension", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    main()
