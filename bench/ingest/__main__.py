"""Crawled pictures into a large pool, over REST, against the bare limit of decoding and hashing.

    python -m bench.ingest --images 20000 --json

Starts the embedded database, broker and two web processes in a throw-away folder, writes a pool of
`--pool` candidates by SQL, and makes files out of real pictures (see `pictures`). Then a crawler sends
`--images` of them with their sources, until each was answered `stored`: its bytes are synced, its rows
committed. The limit is measured before, between the halves and after, in two processes that
decode and hash the same files and do nothing else; the server, the database and the crawler share the
same two cores. Ingestion decodes a JPEG to the end of its data and makes pixels of it at an eighth of
its size; what a limit that does the same would be is measured too. Near-duplicates and features are
the business of workers later, and not in this number.

The last line is one JSON object. `ratio_to_limit` is images per second against the median of the
limit's measurements, decoding at full size; `ratio_to_limit_at_an_eighth` against the other;
`ratio_last_to_first` the rate of the last tenth of the pictures against the first.
"""

import argparse
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench import harness
from bench.ingest import pool
from bench.ingest.crawler import Arrival, Crawler
from bench.ingest.limit import limit
from bench.ingest.pictures import Pictures, make_pictures
from bench.serving.place import web_alone
from migrations.run import upgrade
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack, throw_away_dir

CORES = 2
WARM = 400  # pictures sent before anything is measured
MOST_FILES = 2_000
LOOK = 0.1  # seconds between two looks at the memory
MB = 1 << 20


def main() -> None:
    """Fill, send, compare, print."""
    options = _options()
    with (
        exit_on_signals(),
        throw_away_dir("vetted-ingest-") as data_dir,
        Stack(data_dir, migrate=upgrade, commands=web_alone, web_processes=CORES) as stack,
    ):
        result = _measure(stack, data_dir, options)
    harness.report(result, alone=options.json)


def _measure(stack: Stack, data_dir: Path, options: argparse.Namespace) -> dict[str, Any]:
    files = min(options.images, MOST_FILES)
    _say(f"making {files:,} pictures")
    pictures = make_pictures(
        options.source, data_dir / "files", files, options.longest, options.seed, CORES
    )
    _say(f"filling a pool with {options.pool:,} candidates")
    token = pool.open_project(stack.url, stack.database_url)
    pool.fill(stack.database_url, data_dir / "blobs", options.pool)
    crawler = Crawler(stack.url, token, pool.PROJECT, pictures, options.batch, options.threads)
    crawler.send(range(options.images, options.images + WARM))
    halves = (range(options.images // 2), range(options.images // 2, options.images))
    with limit(pictures, CORES) as bare, _watched(stack) as peaks:
        sample = range(min(options.images, files))
        limits = [bare.images_per_second(sample)]
        at_an_eighth = bare.images_per_second(sample, at_an_eighth=True)
        sent = []
        for half in halves:
            sent.append(crawler.send(half))
            limits.append(bare.images_per_second(sample))
            _say(f"{_rate(sent[-1]):.0f} images a second; the limit was {limits[-1]:.0f}")
    rows = pool.rows(stack.database_url)
    if rows != options.pool + WARM + options.images:
        raise SystemExit(f"The pool holds {rows:,} candidates: pictures are lost.")
    made = _result(options, pictures, sent, limits, peaks, rows)
    ratio = made["images_per_s"] / at_an_eighth
    return made | {
        "limit_at_an_eighth_images_per_s": round(at_an_eighth, 1),
        "ratio_to_limit_at_an_eighth": round(ratio, 3),
    }


def _result(
    options: argparse.Namespace,
    pictures: Pictures,
    sent: Sequence[Sequence[Arrival]],
    limits: Sequence[float],
    peaks: dict[str, float],
    rows: int,
) -> dict[str, Any]:
    rate = options.images / sum(half[-1].at for half in sent)
    bare = statistics.median(limits)
    first, last = _tenth(sent[0], first=True), _tenth(sent[-1], first=False)
    return {
        "images": options.images,
        "pool_rows": options.pool,
        "longest": options.longest,
        "mean_kb": round(pictures.mean_kb(), 1),
        "batch": options.batch,
        "threads": options.threads,
        "images_per_s": round(rate, 1),
        "limit_images_per_s": round(bare, 1),
        "limits": [round(each, 1) for each in limits],
        "ratio_to_limit": round(rate / bare, 3),
        "first_tenth_images_per_s": round(first, 1),
        "last_tenth_images_per_s": round(last, 1),
        "ratio_last_to_first": round(last / first, 3),
        "peak_memory_mb": {name: round(peak / MB, 1) for name, peak in peaks.items()}
        | {"client": round(harness.peak_mb(), 1)},
        "pool_rows_after": rows,
    }


def _rate(arrivals: Sequence[Arrival]) -> float:
    return sum(each.images for each in arrivals) / arrivals[-1].at


def _tenth(half: Sequence[Arrival], *, first: bool) -> float:
    """Images a second of the first or the last tenth of all: a fifth of this half."""
    fifth = max(1, len(half) // 5)
    if first:
        return _rate(half[:fifth])
    before, part = half[-fifth - 1] if len(half) > fifth else Arrival(0.0, 0), half[-fifth:]
    return sum(each.images for each in part) / (part[-1].at - before.at)


@contextmanager
def _watched(stack: Stack) -> Iterator[dict[str, float]]:
    """The most bytes resident in the largest web process and in all of them, filled meanwhile."""
    peaks = {"web_process": 0.0, "web": 0.0}
    web = psutil.Process(stack.pid_of("web"))
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK):
            held = [each.memory_info().rss for each in web.children(recursive=True)]
            peaks["web_process"] = max(peaks["web_process"], *held, 0)
            peaks["web"] = max(peaks["web"], sum(held))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument("--images", type=int, default=20_000, help="pictures to send")
    parser.add_argument("--pool", type=int, default=1_000_000, help="candidates before")
    parser.add_argument("--longest", type=int, default=1024, help="longest side, pixels")
    parser.add_argument("--batch", type=int, default=50, help="pictures in a request")
    parser.add_argument("--threads", type=int, default=4, help="requests under way at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--source", type=Path, default=Path("../shared/data"), help="folder of real pictures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
