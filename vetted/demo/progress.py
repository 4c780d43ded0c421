"""Progress on a terminal, and plain lines where the output goes to a file."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

_PLAIN_EVERY = 10.0  # seconds
_ENDED = float("inf")


class Progress:
    """Call it with what is done, how far it is, and of how many; a new text begins a new bar.

    Args:
        console: Where it is shown.
        counts_bytes: It counts bytes, not things.
    """

    def __init__(self, console: Console, *, counts_bytes: bool = False) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn() if counts_bytes else MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._last = ""

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, text: str, done: int, total: int | None) -> None:
        """Show it."""
        if self._bars.disable:
            self._plain(text, done, total)
            return
        if text not in self._tasks:
            self._tasks[text] = self._bars.add_task(text, total=total)
        self._bars.update(self._tasks[text], completed=done, total=total)

    def _plain(self, text: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        finished = total is not None and done >= total
        told = self._told.get(text, 0.0)
        if (finished and told != _ENDED) or now - told > _PLAIN_EVERY:
            self._told[text] = _ENDED if finished else now
            line = text if total is None else f"{text} {done:,} of {total:,}"
            if line != self._last:
                self._console.print(line, highlight=False, markup=False)
            self._last = line
