"""How long a lead waits for every page and every answer for leads, in a large project with a past."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop
from fastapi.testclient import TestClient
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from app.db.tables import Category, Example, Image
from app.main import create_app
from app.settings import Settings
from bench.serving.fill import PROJECT, Sizes
from bench.serving.history import ROUNDS
from bench.serving.place import WEB_PROCESSES, Place, place
from bench.serving.wire import Wire, WireError
from vetted.database import session_at
from vetted.embedded.stack import throw_away_dir

# Name and address of everything that a lead looks at; a new page adds its line. `{p}` is the
# project's page, `{r}` the project in REST, `{o}` the open round, `{c}` a closed one, `{v}` the
# newest version, `{category}` a category, `{sha}` a picture.
PAGES: Final = {
    "home": "/",
    "lead": "{p}",
    "round open": "{p}/rounds/{o}",
    "round closed": "{p}/rounds/{c}",
    "compare rounds": "{p}/rounds/compare",
    "categories": "{p}/categories",
    "categories by precision": "{p}/categories?sort=precision&page=3",
    "categories by name": "{p}/categories?name=bell",
    "category": "{p}/categories/{category}",
    "category refused": "{p}/categories/{category}?show=hard-negatives",
    "category open": "{p}/categories/{category}?show=open",
    "changes of categories": "{p}/categories/changes",
    "change a category": "{p}/categories/{category}/change",
    "new category": "{p}/categories/new",
    "edit a category": "{p}/categories/{category}/edit",
    "map": "{p}/map",
    "webhooks": "{p}/webhooks",
    "imports": "{p}/import",
    "quality": "{p}/quality",
    "quality closed": "{p}/quality?round={c}",
    "versions": "{p}/versions",
    "version newest": "{p}/versions/{v}",
    "version old": "{p}/versions/2",
    "diff of neighbours": "{p}/versions/compare?one=5&other={v}",
    "diff of first and last": "{p}/versions/compare?one=1&other={v}",
    "diff of a category": "{p}/versions/compare?one=1&other={v}&category={category}&change=added",
    "diff last page": "{p}/versions/compare?one=1&other={v}&page=1000",
    "pool": "{p}/pool",
    "near-duplicates": "{p}/pool/duplicates",
    "leaks": "{p}/pool/leaks",
    "coarse filter": "{p}/pool/filter",
    "takedowns": "{p}/pool/takedowns",
    "events": "{p}/events",
    "events of a verb": "{p}/events?verb=close-round",
    "events of a person": "{p}/events?login=labeler-3",
    "events of both": "{p}/events?verb=close-round&login=labeler-3",
    "listProjects": "/api/v1/projects",
    "getProject": "{r}",
    "listMembers": "{r}/members",
    "listCategories": "{r}/categories",
    "listRounds": "{r}/rounds",
    "getRound": "{r}/rounds/{o}",
    "listExamples": "{r}/examples?limit=1000",
    "listExamples later": "{r}/examples?limit=1000&after=50000",
    "listHardNegatives": "{r}/hard-negatives?limit=1000",
    "listVersions": "{r}/versions",
    "getVersion newest": "{r}/versions/{v}",
    "getVersion old": "{r}/versions/2",
    "diffVersions": "{r}/versions/{v}/diff?since=1&limit=1000",
    "previewRollBack far": "{r}/versions/1/rollback",
    "previewRollBack near": "{r}/versions/5/rollback",
    "getQuality": "{r}/quality",
    "getQuality closed": "{r}/quality?round={c}",
    "listAdjudications": "{r}/adjudications",
    "getMap": "{r}/rounds/{o}/map",
    "getMapAnswers": "{r}/rounds/{o}/map/answers",
    "listImports": "{r}/imports",
    "listCategoryChanges": "{r}/category-changes",
    "listWebhooks": "{r}/webhooks",
    "listEvents": "{r}/events?limit=200",
    "listEvents of a person": "{r}/events?login=labeler-3&limit=200",
    "getImage": "{r}/images/{sha}",
}
POINTS: Final = (50, 95)
MOST_MS: Final = 300


@dataclass
class _Page:
    """An address and what it took."""

    name: str
    address: str
    seconds: list[float]
    bytes: int = 0
    statements: int = 0

    def milliseconds(self, point: int) -> float:
        """A percentile."""
        ordered = sorted(self.seconds)
        return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * point // 100)], 1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Fill a project, ask for every page in turns, and count what each asks the database."""
    sizes = Sizes(
        options.pool,
        min(options.pool // 2, options.proposals),
        options.categories,
        options.labelers + 1,
        options.decisions,
    )
    with ExitStack() as stack:
        data_dir = stack.enter_context(throw_away_dir("vetted-dashboards-"))
        where = stack.enter_context(place(data_dir, sizes))
        pages = [_Page(name, address, []) for name, address in _addresses(where).items()]
        problems = _count_statements(where, pages)
        problems += uvloop.run(_ask_in_turns(where, pages, options.requests))
    for problem in problems[:10]:
        print(problem, file=sys.stderr)
    slowest = max(pages, key=lambda page: page.milliseconds(95))
    return {
        "pool": options.pool,
        "decisions": options.decisions,
        "categories": options.categories,
        "requests": options.requests,
        "web_processes": WEB_PROCESSES,
        "p95_dashboard_ms": slowest.milliseconds(95),
        "slowest": slowest.name,
        "slow": [page.name for page in pages if page.milliseconds(95) > MOST_MS],
        "errors": len(problems),
        "pages": {
            page.name: {f"p{point}": page.milliseconds(point) for point in POINTS}
            | {"statements": page.statements, "bytes": page.bytes}
            for page in pages
        },
    }


def print_table(result: dict[str, Any]) -> None:
    """The pages, the slowest first."""
    print(f"{'':28}{'p50 ms':>9}{'p95 ms':>9}{'statements':>12}{'KB':>8}")
    for name, page in sorted(result["pages"].items(), key=lambda item: -item[1]["p95"]):
        sizes = f"{page['statements']:12}{page['bytes'] / 1000:8.0f}"
        print(f"{name:28}{page['p50']:9}{page['p95']:9}{sizes}")


def _addresses(where: Place) -> dict[str, str]:
    with session_at(where.stack.database_url) as session:
        category = session.scalars(select(Category).order_by(Category.id).limit(1)).one()
        picture = select(Image.sha256).join(Example, Example.image_id == Image.id).limit(1)
        values = {
            "p": f"/projects/{PROJECT}",
            "r": f"/api/v1/projects/{PROJECT}",
            "o": ROUNDS + 1,
            "c": ROUNDS,
            "v": ROUNDS + 1,
            "category": category.id,
            "sha": session.scalars(picture).one(),
        }
        return {name: address.format(**values) for name, address in PAGES.items()}


def _count_statements(where: Place, pages: Sequence[_Page]) -> list[str]:
    """Ask for each page once in this process, where its statements can be seen."""
    environment = where.stack.environment()
    settings = Settings(
        database_url=where.stack.database_url,
        broker_url=environment["VETTED_BROKER_URL"],
        data_dir=Path(environment["VETTED_DATA_DIR"]),
        secret_key=environment["VETTED_SECRET_KEY"],
    )
    app = create_app(settings)
    client = TestClient(app, headers=dict(where.people[0].headers), follow_redirects=False)
    engine = app.state.context.sessions.kw["bind"]
    problems = []
    client.get("/healthz")  # what a connection asks at its beginning is not the page's
    for page in pages:
        with _sent(engine) as statements:
            answer = client.get(page.address)
        page.statements, page.bytes = len(statements), len(answer.content)
        if answer.status_code != HTTPStatus.OK:
            problems.append(f"{page.address}: {answer.status_code} {answer.text[:300]}")
    engine.dispose()
    return problems


@contextmanager
def _sent(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def _ask_in_turns(where: Place, pages: Sequence[_Page], requests: int) -> list[str]:
    """One request of each page after the other, so that whatever else runs falls on all of them.

    The first of each is not measured: it warms the caches of a process that has just begun.
    """
    address = urlsplit(where.stack.url)
    wire = Wire(str(address.hostname), address.port or 80, where.people[0].headers)
    problems = []
    for turn in range(-WEB_PROCESSES, requests):
        for page in pages:
            try:
                answer = await wire.request("GET", page.address)
            except WireError as error:
                problems.append(str(error))
                continue
            if answer.status != HTTPStatus.OK:
                problems.append(f"{page.address}: {answer.status}")
            if turn >= 0:
                page.seconds.append(answer.seconds)
        await asyncio.sleep(0)
    wire.close()
    return problems
