"""The product with a filled project, and a run of labelers against it."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from app.api.dependencies import COOKIE, CSRF_HEADER
from app.secrets import csrf_token
from bench.serving.fill import Filled, Sizes, fill
from bench.serving.labeler import Labeler, Person, Record
from bench.serving.wire import Wire
from migrations.run import upgrade
from vetted.embedded.commands import Command, Plan, product_commands
from vetted.embedded.stack import Stack

WEB_PROCESSES = 2


@dataclass(frozen=True)
class Place:
    """A running stack with its project and people."""

    stack: Stack
    filled: Filled
    people: tuple[Person, ...]


@contextmanager
def place(data_dir: Path, sizes: Sizes) -> Iterator[Place]:
    """The database, the broker and the web processes of `vetted up`, with a filled project.

    The workers are left out: nothing computes while a round is being labeled.
    """
    with Stack(data_dir, migrate=upgrade, commands=web_alone, web_processes=WEB_PROCESSES) as stack:
        filled = fill(stack.database_url, data_dir / "blobs", sizes)
        secret = stack.environment()["VETTED_SECRET_KEY"]
        people = tuple(
            Person(
                user_id,
                {"Cookie": f"{COOKIE}={token}", CSRF_HEADER: csrf_token(secret, token)},
            )
            for user_id, token in filled.sessions.items()
        )
        yield Place(stack, filled, people)


def web_alone(plan: Plan) -> list[Command]:
    """Of the product's processes those that answer requests."""
    return [command for command in product_commands(plan) if command.name == "web"]


def labelers(where: Place, number: int, think: float, record: Record) -> list[Labeler]:
    """People at their pages, which stay open from one turn to the next."""
    address = urlsplit(where.stack.url)
    return [
        Labeler(
            person,
            Wire(str(address.hostname), address.port or 80, person.headers),
            where.filled.project,
            think,
            record,
        )
        for person in where.people[:number]
    ]


async def run(people: Sequence[Labeler], seconds: float, warm: float) -> float:
    """Let the labelers work; returns the seconds that were measured, after `warm` ones."""
    began = time.monotonic()

    async def one(number: int, labeler: Labeler) -> None:
        # Fifty people do not sit down in the same millisecond.
        await asyncio.sleep(number * warm / 2 / len(people))
        await labeler.work(until=began + warm + seconds, count_from=began + warm)

    await asyncio.gather(*(one(number, labeler) for number, labeler in enumerate(people)))
    return time.monotonic() - began - warm


class Cores:
    """Seconds of processor time by whose they are, since this object was made."""

    def __init__(self, where: Place) -> None:
        self._roots = {
            "generator": psutil.Process().pid,
            "web": where.stack.pid_of("web"),
            "postgres": where.stack.pid_of("postgres"),
        }
        self._before = self._now()
        self._machine = _machine()

    def used(self) -> dict[str, float]:
        """Processor seconds of the load, the web processes, PostgreSQL, and all of the machine."""
        after = self._now()
        found = {name: after[name] - self._before[name] for name in after}
        return found | {"machine": _machine() - self._machine}

    def _now(self) -> dict[str, float]:
        return {
            name: _spent(pid, alone=name == "generator")
            for name, pid in self._roots.items()
            if pid is not None
        }


def _machine() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _spent(pid: int, *, alone: bool) -> float:
    root = psutil.Process(pid)
    spent = 0.0
    for process in [root] if alone else [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent
