"""The composition root of the web service."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from app.api import (
    addresses,
    batches,
    category_changes,
    category_list,
    dataset,
    events,
    exemplars,
    filters,
    images,
    imports,
    labeling,
    leaks,
    maps,
    near_duplicates,
    people,
    problems,
    projects,
    quality,
    rounds,
    syncs,
    takedowns,
    uploads,
    webhooks,
)
from app.api.dependencies import is_known
from app.blobs import open_blobs
from app.body_limit import BodyLimit
from app.context import Context
from app.db.session import make_engine, make_sessions
from app.disk import free_bytes
from app.ingest_gate import IngestGate
from app.jobs import CeleryJobs, make_celery
from app.logs import configure_logs
from app.settings import Settings
from app.web import errors, headers, live_routes, routes
from app.web.static_files import LightFiles

API = "/api/v1"


def _set_apart_what_stays() -> None:
    """Keep the garbage collector from walking modules, routes and schemas again and again.

    There are hundreds of thousands of them: a request that makes many objects, and sets off a full
    collection, would wait for it. Once in a process: what is set apart is never given back.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Without `settings`, they come from the environment (VETTED_...)."""
    configure_logs()
    settings = settings or Settings()  # type: ignore[call-arg]
    engine = make_engine(settings.database_url, connections=settings.database_connections)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _set_apart_what_stays()
        yield
        engine.dispose()

    app = FastAPI(
        title="Vetted",
        version="1",
        summary="Grow a small fine-grained image dataset out of a large pile of crawled pictures.",
        openapi_url=f"{API}/openapi.json",
        # The stock documentation pages load scripts from elsewhere, which our policy forbids.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = Context(
        settings=settings,
        sessions=make_sessions(engine),
        blobs=open_blobs(settings, settings.data_dir),
        jobs=CeleryJobs(make_celery(settings.broker_url)),
        redis=Redis.from_url(
            settings.broker_url,
            socket_timeout=1,
            socket_connect_timeout=1,
            # A dead broker must cost a sign-in a second, not the client's ten patient retries.
            retry=Retry(NoBackoff(), 0),
        ),
    )
    for module in (
        people, projects, category_changes, category_list, exemplars, images, batches, near_duplicates,
        leaks, imports, filters, rounds, maps, labeling, dataset, events, quality, takedowns, webhooks,
        uploads, addresses, syncs,
    ):  # fmt: skip
        app.include_router(module.router, prefix=API)
    app.state.live = live_routes.live_of(app.state.context)
    # Before the pages: one of them takes whatever follows /rounds/.
    app.include_router(live_routes.router, include_in_schema=False)
    app.include_router(routes.router, include_in_schema=False)
    app.mount("/static", LightFiles(directory=Path(__file__).parent / "web" / "static"))
    problems.register(app, "/api/", of_page=errors.page, say=errors.sentence)
    app.add_middleware(
        BodyLimit,
        most=settings.most_request_bytes,
        most_of_import=settings.most_import_bytes,
        most_of_upload=settings.most_upload_bytes,
        knows=lambda connection: is_known(app.state.context, connection),
    )
    app.add_middleware(
        IngestGate,
        most=settings.most_decoding,
        least_free=settings.least_free_bytes,
        free=lambda: free_bytes(app.state.context.settings.data_dir),
    )
    app.add_middleware(headers.SecurityHeaders, pictures_from=app.state.context.blobs.origin)
    _add_health(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    def healthz() -> dict[str, str]:
        """200 when the database answers: what supervisors and load balancers ask."""
        with app.state.context.sessions() as session:
            session.execute(text("SELECT 1"))
        return {"status": "ok"}
