"""A folder of pictures, sent in requests of bounded size by a few threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.ingestion import SourceFacts
from app.imports.archive import shown
from app.imports.rows import is_hidden
from app.imports.sidecars import SidecarError, is_beside, sidecars_of, source_of
from vetted.client import Client, Patience, Picture, RefusedError
from vetted.ingesting.kinds import is_archive
from vetted.ingesting.state import Acknowledged, State

MOST_FILES, MOST_BYTES = 64, 32_000_000  # of a request, unless one picture has more
MOST_PICTURE = 500_000_000  # bytes; no service takes more, and it would have to be in memory
THREADS = 4
_TOO_LARGE = 413
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
    """

    def __init__(
        self,
        client: Client,
        project: str,
        state: State,
        patience: Patience,
        otherwise: SourceFacts = SourceFacts(),  # noqa: B008 - frozen
        threads: int = THREADS,
    ) -> None:
        self._client = client
        self._project = project
        self._state = state
        self._patience = patience
        self._otherwise = otherwise
        self._threads = threads

    def run(self, root: Path, progress: Progress = lambda *_: None) -> None:
        """Send what was not acknowledged yet; `progress` is told of files done, and of how many.

        Raises:
            RefusedError: when the service refuses a request as a whole.
            BrokenOffError: when it cannot be reached any more.
        """
        total, done = self._count(root)
        progress(done, total)
        waiting: set[Future[list[Acknowledged]]] = set()
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
            self._keep(waiting)
            raise
        pool.shutdown()

    def _count(self, root: Path) -> tuple[int, int]:
        """How many pictures there are, and how many of them were acknowledged before."""
        total = known = 0
        for each in pictures(root, self._otherwise):
            total += 1
            known += self._state.has(each.name, each.look)
        return total, known

    def _collect(self, waiting: set[Future[Any]]) -> tuple[set[Future[Any]], int]:
        ready, rest = wait(waiting, return_when=FIRST_COMPLETED)
        answers = [each for future in ready for each in future.result()]
        self._state.note(answers)
        return rest, len(answers)

    def _keep(self, waiting: set[Future[list[Acknowledged]]]) -> None:
        for future in waiting:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._state.note(future.result())

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

    def _send(self, batch: Sequence[Local]) -> list[Acknowledged]:
        """Runs in a thread: reads the files and sends them; one answer for each."""
        answers: list[Acknowledged] = []
        read: list[tuple[Local, Picture]] = []
        for each in batch:
            found = self._read(each)
            if isinstance(found, Acknowledged):
                answers.append(found)
            else:
                read.append((each, found))
        if read:
            answers += self._pushed(read)
        return answers

    def _pushed(self, read: Sequence[tuple[Local, Picture]]) -> list[Acknowledged]:
        call = partial(self._client.ingest_pictures, self._project, [sent for _, sent in read])
        try:
            answer = self._patience(call)
        except RefusedError as refused:
            if refused.status != _TOO_LARGE:
                raise
            if len(read) == 1:
                return [_refused(read[0][0], "too_large", str(refused))]
            # Smaller limits than usual: as two requests.
            middle = len(read) // 2
            return [*self._pushed(read[:middle]), *self._pushed(read[middle:])]
        return [
            Acknowledged(each.name, each.look, told["outcome"], told["reason"], told["detail"])
            for (each, _), told in zip(read, answer["images"], strict=True)
        ]

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


def _refused(each: Local, reason: str, detail: str) -> Acknowledged:
    return Acknowledged(each.name, each.look, "rejected", reason, detail)
