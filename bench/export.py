"""Exports of a large dataset from the real server: `python -m bench.export --images 100000 --json`.

A database, a broker and a web process of its own in a temporary folder get made-up pictures: as many
bytes of noise as asked for, with one source each, in 100 categories; a tenth of them are hard
negatives of another category. Version 1 holds the first tenth of the dataset, version 2 all.

Each format is fetched over HTTP, first version 1, then version 2, and thrown away. Memory is the
web process's resident set, looked at a hundred times a second. `peak_growth_mb` is the most that it
grew while version 2 was sent, over what it held before; `tenth_growth_mb` the same for version 1.
Were memory to grow with the dataset, the first would be ten times the second. (What a format needs
once, such as pyarrow, falls to version 1.) The speeds of the first and the eighth tenth of the bytes
are there to show that nothing slows down on the way; what comes later are lists, not pictures.
"""

import argparse
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app.blobs import original_key
from app.db.tables import Category, Project
from app.domain.access import Scope
from app.export.formats import Format
from app.usecases import people
from app.usecases.dataset.freeze_dataset import freeze_dataset
from migrations.run import upgrade
from vetted.client import Client
from vetted.database import session_at
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack, throw_away_dir

CATEGORIES = 100
BATCH = 5_000
LOOK = 0.01  # seconds between two looks at the memory
MB = 1 << 20


def main() -> None:
    """Make the dataset, export it in each format, print; the last line is one JSON object."""
    options = _options()
    with (
        exit_on_signals(),
        throw_away_dir("vetted-bench-export-") as data_dir,
        Stack(data_dir, migrate=upgrade, durable=False) as stack,
    ):
        with session_at(stack.database_url) as session:
            people.add_user(session, "lead", "Lead", "a long password", may_create_projects=True)
            scopes = frozenset({Scope.LEAD})
            token = people.create_token(session, "lead", "bench", scopes)
        with Client(stack.url, token) as lead:
            lead.post("/projects", {"slug": "bench", "name": "Bench"})
        with session_at(stack.database_url) as session:
            _fill(session, data_dir / "blobs", options)
        web = stack.pid_of("web")
        if web is None:
            raise SystemExit("The web process is gone.")
        found = {
            kind: _measure(stack.url, token, psutil.Process(web), kind, options)
            for kind in options.formats
        }
    result = {
        "images": options.images,
        "bytes_each": options.bytes,
        "peak_growth_mb": max(each["peak_growth_mb"] for each in found.values()),
        "images_per_second": min(each["images_per_second"] for each in found.values()),
        "formats": found,
    }
    if not options.json:
        for kind, values in found.items():
            print(f"{kind:16}", *(f"{name} {value}" for name, value in values.items()))
    print(json.dumps(result))


def _measure(
    url: str, token: str, web: psutil.Process, kind: Format, options: argparse.Namespace
) -> dict[str, Any]:
    """Version 1, then version 2."""
    tenth, _ = _fetch(url, token, web, kind, 1)
    whole, arrivals = _fetch(url, token, web, kind, 2)
    seconds, size = arrivals[-1]
    return {
        "mb": round(size / MB, 1),
        "seconds": round(seconds, 2),
        "images_per_second": round(options.images / seconds),
        "first_byte_seconds": round(arrivals[0][0], 2),
        "first_tenth_mb_per_second": _speed(arrivals, 0.0, 0.1),
        "eighth_tenth_mb_per_second": _speed(arrivals, 0.7, 0.8),
        "tenth_growth_mb": round(tenth, 1),
        "peak_growth_mb": round(whole, 1),
    }


def _fetch(
    url: str, token: str, web: psutil.Process, kind: Format, version: int
) -> tuple[float, list[tuple[float, int]]]:
    """Growth of the server in MB, and when how many bytes were there."""
    address = f"{url}/api/v1/projects/bench/export"
    query: dict[str, Any] = {"format": kind.value, "version": version}
    headers = {"Authorization": f"Bearer {token}"}
    arrivals, size = [], 0
    with _watched(web) as growth:
        started = time.perf_counter()
        with httpx.stream("GET", address, params=query, headers=headers, timeout=600) as answer:
            answer.raise_for_status()
            for piece in answer.iter_raw():
                size += len(piece)
                arrivals.append((time.perf_counter() - started, size))
    return growth[0], arrivals


@contextmanager
def _watched(process: psutil.Process) -> Iterator[list[float]]:
    """The most that the process grows meanwhile, in MB."""
    before = process.memory_info().rss
    grown = [0.0]
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK):
            grown[0] = max(grown[0], (process.memory_info().rss - before) / MB)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield grown
    finally:
        over.set()
        watcher.join()


def _speed(arrivals: list[tuple[float, int]], start: float, end: float) -> float | None:
    """MB/s between two shares of the bytes; None where they came at once.

    The time before the first byte does not count.
    """
    total = arrivals[-1][1]
    begin, stop = (
        next(each for each in arrivals if each[1] >= share * total) for share in (start, end)
    )
    seconds = stop[0] - begin[0]
    return round((stop[1] - begin[1]) / MB / seconds, 1) if seconds > 0 else None


def _fill(session: Session, blobs: Path, options: argparse.Namespace) -> None:
    """Made-up pictures in two frozen versions: the first tenth, then all with hard negatives."""
    project = session.scalars(select(Project)).one()
    names = [{"project_id": project.id, "name": f"Species {n:03}"} for n in range(CATEGORIES)]
    session.execute(insert(Category), names)
    chance = random.Random(options.seed)  # noqa: S311 - noise, not secrets
    tenth = options.images // 10
    for version, count in ((1, tenth), (2, options.images - tenth)):
        for start in range(0, count, BATCH):
            pictures = [chance.randbytes(options.bytes) for _ in range(min(BATCH, count - start))]
            _add(session, project, version, [_store(blobs, each) for each in pictures], options)
        if version > 1:
            session.execute(text(_REFUSE), {"project": project.id, "lead": project.created_by})
        freeze_dataset(session, project)


def _store(blobs: Path, data: bytes) -> str:
    """The bytes where the server looks for them; syncing each would take very long."""
    sha256 = hashlib.sha256(data).hexdigest()
    file = blobs / original_key(sha256)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return sha256


def _add(
    session: Session,
    project: Project,
    version: int,
    hashes: list[str],
    options: argparse.Namespace,
) -> None:
    session.execute(
        text(_ADD),
        {
            "project": project.id,
            "version": version,
            "hashes": hashes,
            "size": options.bytes,
            "categories": CATEGORIES,
        },
    )


# A picture of the test split in ten; each has a source.
_ADD = """
    WITH added AS (
        INSERT INTO image (project_id, sha256, format, width, height, size)
        SELECT :project, made.sha256, 'JPEG', 640, 480, :size
        FROM unnest(CAST(:hashes AS text[])) AS made (sha256)
        RETURNING id, sha256
    ), told AS (
        INSERT INTO source (image_id, url, author, licence, tags)
        SELECT id, 'https://example.org/' || sha256, 'Author ' || id % 1000,
               (ARRAY['CC0', 'CC BY 4.0', 'CC BY-SA 4.0'])[1 + id % 3], '{flower,alps}' FROM added
    )
    INSERT INTO example (project_id, image_id, category_id, split, from_version)
    SELECT :project, added.id, category.id,
           CASE WHEN added.id % 10 = 0 THEN 'test' ELSE 'train' END, :version
    FROM added JOIN category
      ON category.project_id = :project
     AND category.name = 'Species ' || lpad((added.id % :categories)::text, 3, '0')
"""
# One round with one decision stands for all the labeling that there was.
_REFUSE = """
    WITH held AS (
        INSERT INTO round (project_id, number, state, policy, threshold, backbone, image_size, seed,
                           buckets, trained_on, started_by)
        VALUES (:project, 1, 'closed', 'rescore', 0.5, 'filterbank', 64, 0, 65536, 1, :lead)
        RETURNING id
    ), asked AS (
        INSERT INTO proposal (round_id, image_id, category_id, confidence, position)
        SELECT held.id, example.image_id, example.category_id, 0.9, 0 FROM held, example LIMIT 1
        RETURNING id, round_id
    ), decided AS (
        INSERT INTO decision (proposal_id, user_id, answer, ordinal, idempotency_key)
        SELECT id, :lead, 'no', 1, 'bench' FROM asked RETURNING id
    )
    INSERT INTO hard_negative (project_id, image_id, category_id, round_id, decision_id, from_version)
    SELECT :project, example.image_id, other.id, asked.round_id, decided.id, 2
    FROM example JOIN category ON category.id = example.category_id
    JOIN category AS other ON other.project_id = :project AND other.id = category.id + 1,
    asked, decided
    WHERE example.id % 10 = 3
"""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.export", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=8_000, help="of each picture")
    parser.add_argument("--formats", type=Format, nargs="+", default=list(Format))
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
