"""What a benchmark says and measures while it runs."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def peak() -> Iterator[list[int]]:
    """The largest resident size of this process meanwhile, in bytes."""
    process, done, most = psutil.Process(), threading.Event(), [0]

    def watch() -> None:
        while True:
            most[0] = max(most[0], process.memory_info().rss)
            if done.wait(0.05):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def say(line: str) -> None:
    """Progress, to stderr: one line that is written again, or one after another in a log."""
    print(f"\r{line:60}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
