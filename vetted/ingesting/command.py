"""What `vetted ingest` prints, and the status it ends with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console

from app.domain.ingestion import SourceFacts
from app.imports.archive import shown
from vetted.client import ArchiveUpload, BrokenOffError, Client, Patience, RefusedError
from vetted.demo.progress import Progress
from vetted.ingesting.batch import Report, UploadBatch, follow
from vetted.ingesting.folder import FolderIngest
from vetted.ingesting.kinds import (
    archives_in,
    check_sendable,
    is_address,
    is_archive,
    is_list,
    is_location,
    look_of,
    send_addresses,
    send_few_addresses,
    start_sync,
    texts_of,
)
from vetted.ingesting.state import State, usual_place

_SHOWN = 20
_OF_THIS_ONE = frozenset({404, 409, 413, 422})  # the next one may be taken all the same


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
        what: Folders, pictures, archives, lists of addresses, locations of the service.
        project: The project's slug.
        url: Where the service is.
        token: A key with the scope ingest.
        source: What is said of pictures that say nothing themselves.
        threads: Requests on their way at once.
        patience: Seconds that the service is waited for when it is out of reach.
        state: The file that remembers what was acknowledged; a usual place without it.
        afresh: Forget what was acknowledged before.
        wait: Follow what workers do until it is over.
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
    wait: bool


@dataclass
class Summary:
    """What became of the files, over all runs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    batches: list[tuple[str, int]] = field(default_factory=list)

    def add_state(self, state: State) -> None:
        """Count what the service has acknowledged of a folder."""
        self.outcomes += state.counts()
        self.reasons += state.reasons()
        self.rejected += state.rejected(_SHOWN)

    def add_report(self, name: str, report: Report) -> None:
        """Count what a worker made of a batch."""
        self.outcomes += report.outcomes
        self.reasons += report.reasons
        self.rejected += report.rejected
        if report.error is not None:
            self.errors.append(f"{shown(name)}: {report.error}")


def ingest(wanted: Wanted, console: Console) -> Status:
    """Send it and tell what came of it.

    Raises:
        RefusedError: when the service refuses the whole.
        ValueError: when `url` is none, or a file is none of what can be sent.
        FileNotFoundError: when something is not there.
    """
    for each in wanted.what:
        check_sendable(each)
    if not is_address(wanted.url):
        raise ValueError(f"Begin the address of the service with http:// or https://: {wanted.url}")
    with Client(wanted.url.rstrip("/"), wanted.token) as client:
        run = _Run(wanted, client, console)
        try:
            # Without patience: a wrong address or token is told at once.
            client.get(f"/projects/{wanted.project}")
        except httpx.TransportError as error:
            run.say(f"{wanted.url} cannot be reached ({error}). Is it right, and does Vetted run?")
            return Status.BROKEN_OFF
        try:
            run.send_all(wanted.what)
        except KeyboardInterrupt:
            run.tell()
            run.say(f"Stopped. {_AGAIN}")
            return Status.STOPPED
        except RefusedError as refused:
            run.tell()
            run.say(str(refused))
            return Status.REFUSED
        except BrokenOffError as error:
            run.tell()
            run.say(f"{error}. {_AGAIN}")
            return Status.BROKEN_OFF
    run.tell()
    if run.summary.errors:
        return Status.REFUSED
    return Status.SOME_REJECTED if run.summary.outcomes["rejected"] else Status.DONE


_AGAIN = "Run the same command again: what was acknowledged is not sent again."


class _Run:
    """One run of the command."""

    def __init__(self, wanted: Wanted, client: Client, console: Console) -> None:
        self.wanted = wanted
        self.client = client
        self.console = console
        self.summary = Summary()
        self.patience = Patience(wanted.patience, self.say)

    def say(self, text: str) -> None:
        """Print a sentence that asks for attention."""
        self.console.print(
            shown(text), style="yellow", markup=False, highlight=False, soft_wrap=True
        )

    def tell(self) -> None:
        """Print what became of the files."""
        _tell(self.summary, self.console)
        for name, batch_id in self.summary.batches:
            pool = f"{self.wanted.url.rstrip('/')}/projects/{self.wanted.project}/pool"
            line = f"The report of {shown(name)}: {pool}/batches/{batch_id}"
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def send_all(self, what: Sequence[str]) -> None:
        """Send one thing after the other, and addresses together."""
        for each in what:
            if not is_address(each):
                self.send_one(each)
        if addresses := [each for each in what if is_address(each)]:
            self.fetch(addresses)

    def send_one(self, what: str) -> None:
        """Send one thing; when the service does not take it as it is, go on with the others."""
        try:
            self.send(what)
        except RefusedError as refused:
            if refused.status not in _OF_THIS_ONE:
                raise
            self.summary.errors.append(f"{shown(what)}: {refused}")

    def send(self, what: str) -> None:
        """Send one thing, of whatever kind it is."""
        if is_location(what):
            wanted = self.wanted
            start = partial(start_sync, self.client, wanted.project, what, wanted.source)
            self._follow(what, self.patience(start))
            return
        path = Path(what).resolve()
        with self._state(str(path)) as state:
            if path.is_dir():
                self._pictures(path, state)
                for archive in archives_in(path):
                    self._archive(archive, state)
            elif is_archive(path):
                self._archive(path, state)
            elif is_list(path):
                self._list(path, state)
            else:
                self._pictures(path, state)

    def fetch(self, addresses: Sequence[str]) -> None:
        """Have the service fetch addresses that were named one by one."""
        wanted = self.wanted
        send = partial(send_few_addresses, self.client, wanted.project, addresses, wanted.source)
        self._follow("addresses", self.patience(send))

    def _state(self, what: str) -> State:
        wanted = self.wanted
        state = State(wanted.state or usual_place(wanted.url, wanted.project, what), what)
        if wanted.afresh:
            state.forget()
        return state

    def _pictures(self, path: Path, state: State) -> None:
        wanted = self.wanted
        # Pictures that are named one by one are in the batch of the day.
        batch = (
            UploadBatch(self.client, wanted.project, path.name, state, self.patience)
            if path.is_dir()
            else None
        )
        ingest = FolderIngest(
            self.client, wanted.project, state, self.patience, wanted.source, wanted.threads, batch
        )
        try:
            with Progress(self.console) as progress:
                text = f"Sending {shown(path.name)}"
                sent = ingest.run(path, lambda done, total: progress(text, done, total))
        finally:
            self.summary.add_state(state)
            if batch is not None and batch.number is not None:
                self.summary.batches.append((path.name, batch.number))
        if not sent:
            self.console.print("No picture is new.", highlight=False)

    def _archive(self, path: Path, state: State) -> None:
        wanted = self.wanted
        known = f"{path} {look_of(path)} {wanted.source}"
        batch_id = state.get(f"batch of {known}")
        if batch_id is None:
            sending = ArchiveUpload(
                self.client,
                wanted.project,
                path,
                {"filename": path.name} | texts_of(wanted.source),
                state.get(f"upload of {known}"),
                lambda upload_id: state.keep(f"upload of {known}", upload_id),
            )
            with Progress(self.console, counts_bytes=True) as progress:
                name = f"Sending {shown(path.name)}"
                batch_id = str(
                    sending.send(self.patience, lambda sent, of: progress(name, sent, of))
                )
            state.keep(f"batch of {known}", batch_id)
        if not self._follow(path.name, int(batch_id)):
            # Nothing to go on with: the next run sends it anew.
            state.keep(f"batch of {known}", None)
            state.keep(f"upload of {known}", None)

    def _list(self, path: Path, state: State) -> None:
        wanted = self.wanted
        known = f"batch of {path} {look_of(path)} {wanted.source}"
        batch_id = state.get(known)
        if batch_id is None:
            send = partial(send_addresses, self.client, wanted.project, path, wanted.source)
            batch_id = str(self.patience(send))
            state.keep(known, batch_id)
        if not self._follow(path.name, int(batch_id)):
            state.keep(known, None)

    def _follow(self, name: str, batch_id: int) -> bool:
        """Whether the batch came to its end, or is on its way there."""
        project, console = self.wanted.project, self.console
        if not self.wanted.wait:
            console.print(f"{shown(name)} is batch {batch_id}.", highlight=False, markup=False)
            return True
        self.summary.batches.append((name, batch_id))
        with Progress(console) as progress:
            report = follow(
                self.client,
                project,
                batch_id,
                self.patience,
                lambda done, total: progress(f"Taking in {shown(name)}", done, total),
                self.say,
                _SHOWN,
            )
        self.summary.add_report(name, report)
        return report.error is None


def _tell(summary: Summary, console: Console) -> None:
    """The counts, why files were rejected, and the first of them by name."""
    counts = summary.outcomes
    console.print(
        f"{counts['stored']:,} stored, {counts['duplicate']:,} there already, "
        f"{counts['rejected']:,} rejected.",
        highlight=False,
    )
    for error in summary.errors:
        console.print(error, style="red", markup=False, highlight=False, soft_wrap=True)
    for reason, number in summary.reasons.most_common():
        console.print(f"  {number:,} x {reason}", highlight=False, markup=False)
    for name, why in summary.rejected[:_SHOWN]:
        console.print(f"    {shown(name)}: {why}", highlight=False, markup=False, soft_wrap=True)
    rest = counts["rejected"] - min(len(summary.rejected), _SHOWN)
    if rest > 0 and summary.rejected:
        console.print(f"    and {rest:,} more", highlight=False)
