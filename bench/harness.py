"""What the benchmarks of speed have in common: arguments, timing, memory, the printed result."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping


def arguments(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser that already knows --json, --threads and --seed."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    parser.add_argument(
        "--threads", type=int, default=1, help="more may collapse on a busy machine"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


def report(result: Mapping[str, object], *, alone: bool) -> None:
    """Print the result; the last line is one JSON object, and with `alone` the only one."""
    if not alone:
        width = max(map(len, result)) + 1
        for name, value in result.items():
            print(f"{name:{width}} {value}")
    print(json.dumps(result))


def seconds(work: Callable[[], object]) -> float:
    """What it takes by the clock on the wall."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_mb() -> float:
    """The most memory this process has held, in MB: the system counts KB, on macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
