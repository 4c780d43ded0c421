"""A sync: what is new below the operator's location is read, the rest only listed.

What was read is written down with it, a few pictures in a transaction. Whoever takes over from a
killed worker lists once more and goes on with what is not written down.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from time import monotonic
from typing import TypeVar

from sqlalchemy.orm import Session

from app.db.session import database_now
from app.db.tables import Batch
from app.domain.errors import QuotaSpentError
from app.domain.importing import LeftOut
from app.domain.ingestion import SourceFacts
from app.domain.location import LONGEST_NAME, locations
from app.imports.rows import ARCHIVES, facts, is_hidden, suffix_of
from app.imports.sidecars import (
    MOST_BYTES,
    SidecarError,
    is_beside,
    key_of,
    sidecars_of,
    source_of,
)
from app.locations import Found, Location, LocationError, UnreadableError, open_location
from app.pictures import RefusalReason
from app.usecases.pool.batches import end_batch
from app.usecases.pool.fetch_addresses import others_wait
from app.usecases.pool.store_images import Upload, refused_file, take
from app.usecases.pool.sync_location import Read, Seen, new_or_changed, place_of, publish_sync
from workers.batches import begin_batch, part
from workers.runner import GaveWayError, JobFailedError, Publish, Work
from workers.space import need_space

_LISTED = 1000  # names that are compared at a time
_READ = 32  # pictures of a transaction
_AT_ONCE = 4  # of them are read and decoded at a time: a bucket answers slowly, but many
_SLICE = 300.0  # seconds after which the worker is left to others who wait
_LOOK_EVERY = 5.0  # seconds between two looks for them
_MOST_BESIDE = 1000  # files that share what comes before the first dot
T = TypeVar("T")


@dataclass(frozen=True)
class Candidate:
    """What may be a picture, and the files beside it that say where it came from."""

    found: Found
    sidecars: tuple[Found, ...]

    @property
    def seen(self) -> Seen:
        """How it is known again; a note that changes is read again with its picture."""
        stamps = " ".join(each.stamp for each in (self.found, *self.sidecars))
        return Seen(self.found.name, self.found.size, stamps)


def compute(work: Work) -> Publish:
    """Do what is left of the sync.

    Raises:
        GaveWayError: when others have waited long enough, or the disk is nearly full.
    """
    settings = work.bench.settings
    batch = begin_batch(work)
    name, prefix = place_of(batch)
    place = locations(settings.sync_locations or "").get(name)
    if place is None:
        raise JobFailedError(f"The operator no longer allows a location named {name}.")
    try:
        done = _Sync(work, open_location(place, settings), facts(**batch.source)).run(prefix)
    except (LocationError, QuotaSpentError) as error:
        raise JobFailedError(f"{error} What was read is stored; sync again to go on.") from error
    return partial(_publish, done)


def _publish(done: int, session: Session, batch: Batch) -> None:
    batch.done = batch.total = done
    end_batch(batch, database_now(session))


class _Sync:
    """A sync under way."""

    def __init__(self, work: Work, location: Location, otherwise: SourceFacts) -> None:
        self._work = work
        self._location = location
        self._otherwise = otherwise
        self._way_at = monotonic() + _SLICE
        self._limits = work.bench.limits

    def run(self, prefix: str) -> int:
        """Read what is new; gives how many files were looked at."""
        done = 0
        with ThreadPoolExecutor(_AT_ONCE, "sync") as pool:
            for listed in _some(candidates(self._location.listing(prefix)), _LISTED):
                fresh = self._fresh(listed)
                done += len(listed) - len(fresh)
                for some in _some(fresh, _READ):
                    need_space(self._work)
                    self._make_way()
                    self._work.heart.progress(done, None)
                    read = list(pool.map(self._read, some))
                    done += len(some)
                    with part(self._work) as (session, batch):
                        publish_sync(session, batch, read, done)
                self._work.heart.progress(done, None)
        return done

    def _fresh(self, listed: Sequence[Candidate]) -> list[Candidate]:
        by_name = {each.seen: each for each in listed}
        with self._work.bench.sessions() as session:
            batch = session.get_one(Batch, self._work.claim.owner_id)
            return [by_name[seen] for seen in new_or_changed(session, batch, list(by_name))]

    def _make_way(self) -> None:
        if monotonic() < self._way_at:
            return
        with self._work.bench.sessions() as session:
            if others_wait(session, self._work.claim.job_id, database_now(session)):
                raise GaveWayError
        self._way_at = monotonic() + _LOOK_EVERY

    def _read(self, candidate: Candidate) -> Read:
        """Runs in a thread."""
        found, seen = candidate.found, candidate.seen
        if len(found.name.encode()) > LONGEST_NAME:
            return Read(seen, refused_file(found.name, "name_too_long"), keep=False)
        if suffix_of(found.name) in ARCHIVES:
            return Read(seen, refused_file(found.name, LeftOut.NESTED_ARCHIVE))
        if found.size > self._limits.bytes:
            return Read(seen, refused_file(found.name, RefusalReason.TOO_LARGE))
        try:
            said = [
                (each.name, self._location.read(each, MOST_BYTES + 1))
                for each in candidate.sidecars
            ]
            source = source_of(said, self._otherwise)
            data = self._location.read(found, self._limits.bytes + 1)
        except UnreadableError:
            # Nothing is kept of it: the next sync tries again.
            return Read(seen, refused_file(found.name, "unreadable"), keep=False)
        except SidecarError as error:
            return Read(seen, refused_file(found.name, "invalid_sidecar", str(error)))
        upload = Upload(found.name, lambda: data, source)
        (taken,) = take([upload], self._work.bench.blobs, self._limits)
        return Read(seen, taken)


def candidates(listing: Iterable[Found]) -> Iterator[Candidate]:
    """What may be pictures, each with the files that speak of it, in flat memory.

    They are neighbours in a listing that is in order: all share what comes before the first dot.
    """
    for _, group in groupby(listing, key=lambda each: key_of(each.name)):
        for some in _some(group, _MOST_BESIDE):
            there = {each.name: each for each in some}
            for each in some:
                if is_hidden(each.name) or is_beside(each.name) or each.name.endswith("/"):
                    continue
                beside = tuple(there[name] for name in sidecars_of(each.name, there))
                yield Candidate(each, beside)


def _some(of: Iterable[T], most: int) -> Iterator[list[T]]:
    """In lists of at most so many, taken as they are asked for."""
    rest = iter(of)
    while some := list(islice(rest, most)):
        yield some
