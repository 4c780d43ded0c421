"""What `vetted ingest` prints, and the status it ends with."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from rich.console import Console

from app.domain.ingestion import SourceFacts
from app.imports.archive import shown
from vetted.client import BrokenOffError, Client, Patience, RefusedError
from vetted.demo.progress import Progress
from vetted.ingesting.folder import FolderIngest
from vetted.ingesting.state import State, usual_place

_SHOWN = 20


class Status(IntEnum):
    """How it ended, for scripts."""

    DONE = 0
    REFUSED = 1
    SOME_REJECTED = 3
    BROKEN_OFF = 4
    STOPPED = 130


@dataclass(frozen=True)
class Wanted:
    """What is sent where.

    Attributes:
        what: A folder, a picture.
        project: The project's slug.
        url: Where the service is.
        token: A key with the scope ingest.
        source: What is said of pictures that say nothing themselves.
        threads: Requests on their way at once.
        patience: Seconds that the service is waited for when it is out of reach.
        state: The file that remembers what was acknowledged; a usual place without it.
        afresh: Forget what was acknowledged before.
    """

    what: Sequence[str]
    project: str
    url: str
    token: str
    source: SourceFacts
    threads: int
    patience: float
    state: Path | None
    afresh: bool


@dataclass
class Summary:
    """What became of the files, over all runs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def add_state(self, state: State) -> None:
        """Count what the service has acknowledged."""
        self.outcomes += state.counts()
        self.reasons += state.reasons()
        self.rejected += state.rejected(_SHOWN)


def ingest(wanted: Wanted, console: Console) -> Status:
    """Send it and tell what came of it.

    Raises:
        RefusedError: when the service refuses the whole.
        httpx.TransportError: when the service cannot be reached at the beginning.
    """
    summary = Summary()
    with Client(wanted.url.rstrip("/"), wanted.token) as client:
        # Without patience: a wrong address or token is told at once.
        client.get(f"/projects/{wanted.project}")
        try:
            for what in wanted.what:
                _one(what, wanted, client, summary, console)
        except KeyboardInterrupt:
            _tell(summary, console)
            console.print(f"Stopped. {_AGAIN}", style="yellow")
            return Status.STOPPED
        except (BrokenOffError, RefusedError) as error:
            _tell(summary, console)
            console.print(f"{error} {_AGAIN}", style="red", markup=False)
            refused = isinstance(error, RefusedError)
            return Status.REFUSED if refused else Status.BROKEN_OFF
    _tell(summary, console)
    return Status.SOME_REJECTED if summary.outcomes["rejected"] else Status.DONE


_AGAIN = "Run the same command again: what was acknowledged is not sent again."


def _one(what: str, wanted: Wanted, client: Client, summary: Summary, console: Console) -> None:
    path = Path(what).resolve()
    if not path.exists():
        raise FileNotFoundError(f"There is no {what}.")
    place = wanted.state or usual_place(wanted.url, wanted.project, str(path))
    with State(place) as state, Progress(console) as progress:
        if wanted.afresh:
            state.forget()
        patience = Patience(wanted.patience, _saying(console))
        ingest = FolderIngest(
            client, wanted.project, state, patience, wanted.source, wanted.threads
        )
        try:
            ingest.run(path, lambda done, total: progress("Sending pictures", done, total))
        finally:
            summary.add_state(state)


def _saying(console: Console) -> Callable[[str], None]:
    def say(text: str) -> None:
        console.print(shown(text), style="yellow", markup=False, highlight=False)

    return say


def _tell(summary: Summary, console: Console) -> None:
    """The counts, why files were rejected, and the first of them by name."""
    counts = summary.outcomes
    console.print(
        f"{counts['stored']:,} stored, {counts['duplicate']:,} there already, "
        f"{counts['rejected']:,} rejected.",
        highlight=False,
    )
    for reason, number in summary.reasons.most_common():
        console.print(f"  {number:,} x {reason}", highlight=False, markup=False)
    for name, why in summary.rejected[:_SHOWN]:
        console.print(f"    {shown(name)}: {why}", highlight=False, markup=False, soft_wrap=True)
    rest = counts["rejected"] - min(len(summary.rejected), _SHOWN)
    if rest > 0 and summary.rejected:
        console.print(f"    and {rest:,} more", highlight=False)
