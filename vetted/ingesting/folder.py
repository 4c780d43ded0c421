"""A folder of pictures, sent in requests of bounded size by a few threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from app.domain.ingestion import SourceFacts
from app.imports.archive import shown
from app.imports.rows import is_hidden
from app.imports.sidecars import SidecarError, is_beside, sidecars_of, source_of
from vetted.client import Client, Patience, Picture, RefusedError
from vetted.ingesting.batch import UploadBatch
from vetted.ingesting.kinds import is_archive
from vetted.ingesting.state import Acknowledged, State

MOST_FILES, MOST_BYTES = 64, 32_000_000  # of a request, unless one picture has more
MOST_PICTURE = 500_000_000  # bytes; no service takes more, and it would have to be in memory
THREADS = 4
_A_MOMENT = 1.0  # seconds
_TOO_LARGE = 413
_SPENT = "quota-spent"
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Local:
    """A picture of this machine.

    Attributes:
        name: Its path below the folder, with forward slashes.
        path: Where it is.
        sidecars: Files beside it that say where it came from.
        size: Bytes.
        look: What tells this state of it from another.
    """

    name: str
    path: Path
    sidecars: tuple[Path, ...]
    size: int
    look: str


def pictures(root: Path, otherwise: SourceFacts) -> Iterator[Local]:
    """All that may be pictures below a folder, in order of their names; links are not followed.

    Args:
        root: The folder, or one picture.
        otherwise: What is said of a picture whose sidecars say nothing.
    """
    if root.is_file():
        yield from _beside(root.parent, [root.name], root.parent, otherwise)
        return
    for at, folders, names in os.walk(root):
        folders.sort()
        yield from _beside(Path(at), sorted(names), root, otherwise)


def _beside(
    folder: Path, names: Sequence[str], root: Path, otherwise: SourceFacts
) -> Iterator[Local]:
    there = frozenset(names) if len(names) > 1 else {each.name for each in folder.iterdir()}
    for name in names:
        path = folder / name
        relative = path.relative_to(root).as_posix()
        if is_beside(name) or is_archive(path) or is_hidden(relative):
            continue
        if path.is_symlink() or not path.is_file():
            continue
        sidecars = tuple(folder / each for each in sidecars_of(name, there))
        try:
            facts = [path.stat(), *(each.stat() for each in sidecars)]
        except OSError:
            continue  # it went away meanwhile
        look = " ".join(f"{each.st_size}:{each.st_mtime_ns}" for each in facts)
        # Names of other encodings have halves of characters, which no database takes.
        key = relative.encode(errors="backslashreplace").decode()
        yield Local(key, path, sidecars, facts[0].st_size, f"{look} {otherwise}")


class FolderIngest:
    """One run over a folder.

    Args:
        client: Who pushes.
        project: Its slug.
        state: What was acknowledged before.
        patience: How long the service is waited for.
        otherwise: What is said of pictures without sidecars.
        threads: How many requests are on their way at once.
        batch: What they are counted into; the batch of the day without it.
    """

    def __init__(
        self,
        client: Client,
        project: str,
        state: State,
        patience: Patience,
        otherwise: SourceFacts = SourceFacts(),  # noqa: B008 - frozen
        threads: int = THREADS,
        batch: UploadBatch | None = None,
    ) -> None:
        self._client = client
        self._project = project
        self._state = state
        self._patience = patience
        self._otherwise = otherwise
        self._threads = threads
        self._batch = batch
        self._batch_id: int | None = None
        self._answers: SimpleQueue[list[Acknowledged]] = SimpleQueue()

    def run(self, root: Path, progress: Progress = lambda *_: None) -> int:
        """Send what was not acknowledged yet; `progress` is told of files done, and of how many.

        Gives how many files that were.

        Raises:
            RefusedError: when the service refuses a request as a whole.
            BrokenOffError: when it cannot be reached any more.
        """
        total, done = self._count(root)
        progress(done, total)
        left = total - done
        if left and self._batch is not None:
            self._batch_id = self._batch.open()
        waiting: set[Future[None]] = set()
        pool = ThreadPoolExecutor(self._threads)
        try:
            for request in self._requests(root):
                waiting.add(pool.submit(self._send, request))
                while len(waiting) >= 2 * self._threads:
                    waiting, answered = self._collect(waiting)
                    done += answered
                    progress(done, total)
            while waiting:
                waiting, answered = self._collect(waiting)
                done += answered
                progress(done, total)
        except BaseException:
            # What is on its way is waited for, so that its answer is not lost; nothing is tried again.
            self._patience.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._note()
            raise
        pool.shutdown()
        if self._batch_id is not None and self._batch is not None:
            self._batch.finish()
        return left

    def _count(self, root: Path) -> tuple[int, int]:
        """How many pictures there are, and how many of them were acknowledged before."""
        total = known = 0
        for each in pictures(root, self._otherwise):
            total += 1
            known += self._state.has(each.name, each.look)
        return total, known

    def _collect(self, waiting: set[Future[None]]) -> tuple[set[Future[None]], int]:
        # A part of a request may be answered while the rest waits for a day.
        ready, rest = wait(waiting, timeout=_A_MOMENT, return_when=FIRST_COMPLETED)
        answered = self._note()
        for future in ready:
            future.result()
        return rest, answered

    def _note(self) -> int:
        """Keep what was answered since; gives how much that is."""
        answers: list[Acknowledged] = []
        with suppress(Empty):
            while True:
                answers += self._answers.get_nowait()
        self._state.note(answers)
        return len(answers)

    def _requests(self, root: Path) -> Iterator[list[Local]]:
        batch: list[Local] = []
        size = 0
        for each in pictures(root, self._otherwise):
            if self._state.has(each.name, each.look):
                continue
            if batch and (len(batch) == MOST_FILES or size + each.size > MOST_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(each)
            size += each.size
        if batch:
            yield batch

    def _send(self, batch: Sequence[Local]) -> None:
        """Runs in a thread: reads the files and sends them; one answer for each."""
        read: list[tuple[Local, Picture]] = []
        for each in batch:
            found = self._read(each)
            if isinstance(found, Acknowledged):
                self._answers.put([found])
            else:
                read.append((each, found))
        if read:
            self._push(read)

    def _push(self, read: Sequence[tuple[Local, Picture]]) -> None:
        pictures = [sent for _, sent in read]
        push = partial(self._client.ingest_pictures, self._project, pictures, self._batch_id)
        try:
            answer = self._patience(partial(_all_or_less, push) if len(read) > 1 else push)
        except _LessError:
            middle = len(read) // 2
            self._push(read[:middle])
            self._push(read[middle:])
            return
        except RefusedError as refused:
            if refused.status != _TOO_LARGE:
                raise
            self._answers.put([_refused(read[0][0], "too_large", str(refused))])
            return
        self._answers.put(
            [
                Acknowledged(each.name, each.look, told["outcome"], told["reason"], told["detail"])
                for (each, _), told in zip(read, answer["images"], strict=True)
            ]
        )

    def _read(self, each: Local) -> Picture | Acknowledged:
        if each.size > MOST_PICTURE:
            return _refused(each, "too_large", f"It has more than {MOST_PICTURE:,} bytes.")
        try:
            data = each.path.read_bytes()
            said = [(path.name, path.read_bytes()) for path in each.sidecars]
            return shown(each.name), data, source_of(said, self._otherwise).as_json
        except OSError as error:
            return _refused(each, "unreadable", f"It cannot be read: {error.strerror}.")
        except SidecarError as error:
            return _refused(each, "invalid_sidecar", str(error))


class _LessError(Exception):
    """Half of it may be taken."""


def _all_or_less(push: Callable[[], Any]) -> Any:
    """What it gives; raises _LessError where limits are smaller, or what is left of a quota is."""
    try:
        return push()
    except RefusedError as refused:
        if refused.status == _TOO_LARGE or refused.name == _SPENT:
            raise _LessError from refused
        raise


def _refused(each: Local, reason: str, detail: str) -> Acknowledged:
    return Acknowledged(each.name, each.look, "rejected", reason, detail)
