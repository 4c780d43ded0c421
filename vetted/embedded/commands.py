"""The product's own processes, as a table."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Workers find each other through the broker only; without these two they are up a second sooner.
WORKER_OPTIONS = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")

# A labeler thinks for seconds between two answers: with the server's own 5 s, most answers would
# begin with a new connection, and a proxy that keeps connections for a minute would now and then
# send a request into one that is being closed.
WEB_OPTIONS = ("--timeout-graceful-shutdown", "10", "--timeout-keep-alive", "75")


@dataclass(frozen=True)
class Plan:
    """What the commands depend on."""

    data_dir: Path
    host: str
    port: int
    workers: int
    web_processes: int = 1


@dataclass(frozen=True)
class Command:
    """One process of the product.

    Attributes:
        name: As in the log file's name.
        argv: The command line.
        health_path: Answers 200 on the web's port once the process is ready; None if being
            alive is enough.
        grace: Seconds to finish in after SIGTERM.
    """

    name: str
    argv: Sequence[str]
    health_path: str | None = None
    grace: float = 15.0


def product_commands(plan: Plan) -> list[Command]:
    """The web service and the workers: those that compute, one that ingests, one for light work."""
    return [
        _web(plan),
        *(_compute(number) for number in range(1, plan.workers + 1)),
        _ingest(),
        _light(plan.data_dir),
    ]


def _web(plan: Plan) -> Command:
    options = ["--factory", "--host", plan.host, "--port", str(plan.port)]
    options += ["--workers", str(plan.web_processes), *WEB_OPTIONS]
    argv = [sys.executable, "-m", "uvicorn", "app.main:create_app", *options]
    return Command("web", argv, health_path="/healthz")


def _compute(number: int) -> Command:
    # One process for each slot: torch and forked pools do not go together.
    name = f"compute{number}"
    return Command(name, _celery("compute", name, "--pool=solo"))


def _ingest() -> Command:
    return Command("ingest", _celery("ingest", "ingest", "--pool=threads", "--concurrency=4"))


def _light(data_dir: Path) -> Command:
    schedule = str(data_dir / "celerybeat-schedule")
    options = ["--pool=threads", "--concurrency=4", "-B", "-s", schedule]
    return Command("light", _celery("light", "light", *options))


def _celery(queue: str, name: str, *options: str) -> list[str]:
    application = [sys.executable, "-m", "celery", "-A", "workers.celery", "worker"]
    return [*application, "-Q", queue, "-n", f"{name}@%h", *options, *WORKER_OPTIONS]
