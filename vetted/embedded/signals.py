"""Stopping in order when asked to: Ctrl+C, `kill`, a closed terminal."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

# What a shell reports for a program that Ctrl+C ended; being asked to stop is a success.
EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 0, signal.SIGHUP: 0}


@contextlib.contextmanager
def exit_on_signals() -> Iterator[None]:
    """Turn the first of these signals into a SystemExit, which unwinds without a traceback.

    Put it around the context managers that start things: they stop them on the way out. From
    the first signal on the others are ignored, since a second Ctrl+C would cut the stopping
    short; `kill -9` remains, and the next start ends what that leaves behind.
    """
    earlier = {kind: signal.signal(kind, _exit) for kind in EXIT_STATUS}
    try:
        yield
    finally:
        for kind, handler in earlier.items():
            signal.signal(kind, handler)


def _exit(number: int, _: FrameType | None) -> NoReturn:
    for kind in EXIT_STATUS:
        signal.signal(kind, signal.SIG_IGN)
    raise SystemExit(EXIT_STATUS[signal.Signals(number)])
