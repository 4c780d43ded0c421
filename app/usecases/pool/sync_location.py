"""A sync: what is new below a location comes into the pool, as a batch of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Batch, Job, Project, SyncedObject
from app.domain.access import Scope
from app.domain.batch import BatchKind, BatchState
from app.domain.errors import ForbiddenError, NotFoundError, SyncUnderWayError
from app.domain.event import Verb
from app.domain.ingestion import SourceFacts, check_source
from app.domain.job import JobKind, JobState
from app.domain.location import Place, check_prefix
from app.domain.quota import Amount
from app.usecases.events import record
from app.usecases.people import Access
from app.usecases.pool.batches import open_batch
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import Taken
from app.usecases.quotas import count_use_of_batch


@dataclass(frozen=True)
class Seen:
    """What lay under a name of a location: its size and a stamp of it and of what lies beside it."""

    name: str
    size: int
    stamp: str


@dataclass(frozen=True)
class Read:
    """What was read, and what became of it. `keep` is False for what could not be read."""

    seen: Seen
    taken: Taken
    keep: bool = True


def queue_sync(
    session: Session,
    access: Access,
    locations: Mapping[str, Place],
    location: str,
    prefix: str,
    otherwise: SourceFacts,
) -> tuple[Batch, Job]:
    """Open a batch for what is new; the caller sends the job after the commit.

    A lead says what may be synced by syncing it once; a crawler's token may follow there, and learns
    nothing of other places. `otherwise` holds for pictures beside which nothing is said.

    Raises:
        InvalidError: the prefix is none, or `otherwise` cannot be kept.
        ForbiddenError: a crawler's token asks for what no lead has synced.
        NotFoundError: the operator allows no location of this name.
        SyncUnderWayError: a worker is at this location already.
    """
    prefix, otherwise = check_prefix(prefix), check_source(otherwise)
    name = f"{location}/{prefix}" if prefix else location
    project, caller = access.project, access.principal
    if Scope.LEAD not in caller.scopes and not _was_synced(session, project, name):
        raise ForbiddenError(
            "With this token only what a lead has synced before, and folders below that, can be "
            "synced. Ask a lead of the project to sync it once."
        )
    if location not in locations:
        raise NotFoundError("location", location)
    # Not guarded against a race: two at once bring each picture once all the same, one of them as
    # a duplicate.
    running = session.scalar(
        select(Batch.id).where(
            Batch.project_id == project.id,
            func.split_part(Batch.location, "/", 1) == location,
            Batch.state.in_([BatchState.QUEUED, BatchState.RUNNING]),
        )
    )
    if running is not None:
        raise SyncUnderWayError(location, running)
    batch = open_batch(session, project, caller, BatchKind.SYNC, name, otherwise)
    batch.location = name
    job = Job(kind=JobKind.SYNC_LOCATION, batch_id=batch.id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    record(session, project.id, caller.user_id, Verb.SYNC_LOCATION, name, batch=batch.id)
    return batch, job


def _was_synced(session: Session, project: Project, name: str) -> bool:
    """Whether this or what it lies in was synced: by a lead, or else below what a lead has synced."""
    around = func.starts_with(f"{name}/", Batch.location + "/")
    found = exists().where(Batch.project_id == project.id, Batch.kind == BatchKind.SYNC, around)
    return bool(session.scalar(select(found)))


def place_of(batch: Batch) -> tuple[str, str]:
    """The location that a batch syncs, and the prefix below it."""
    location, _, prefix = str(batch.location).partition("/")
    return location, prefix


def new_or_changed(session: Session, batch: Batch, seen: Sequence[Seen]) -> list[Seen]:
    """Those that no batch has read as they are now."""
    location, _ = place_of(batch)
    rows = session.execute(
        select(SyncedObject.name, SyncedObject.size, SyncedObject.stamp).where(
            SyncedObject.project_id == batch.project_id,
            SyncedObject.location == location,
            SyncedObject.name.in_([each.name for each in seen]),
        )
    )
    known = {Seen(name, size, stamp) for name, size, stamp in rows}
    return [each for each in seen if each not in known]


def publish_sync(session: Session, batch: Batch, read: Sequence[Read], done: int) -> None:
    """Write a part of a sync: pictures, counts, and what need not be read again.

    Args:
        session: The transaction, which holds the batch's lock.
        batch: Whose part it is.
        read: What was read, each name once.
        done: Files that were looked at so far, those that had not changed among them.

    Raises:
        QuotaSpentError: the token of the batch may bring no more today.
    """
    project = session.get_one(Project, batch.project_id)
    location, _ = place_of(batch)
    answers = ingest_images(session, project, batch.id, [each.taken for each in read])
    rows = [
        {
            "project_id": project.id,
            "location": location,
            "name": each.seen.name,
            "size": each.seen.size,
            "stamp": each.seen.stamp,
            "sha256": each.taken.picture.sha256 if each.taken.picture is not None else None,
            "batch_id": batch.id,
        }
        # In one order, so that two syncs at once cannot deadlock.
        for each, answer in sorted(
            zip(read, answers, strict=True), key=lambda pair: pair[0].seen.name
        )
        # A picture that was taken down is read again each time: the takedown may be lifted.
        if each.keep and (each.taken.picture is None or answer.sha256 is not None)
    ]
    if rows:
        upsert = insert(SyncedObject).values(rows)
        session.execute(
            upsert.on_conflict_do_update(
                index_elements=["project_id", "location", "name"],
                set_={
                    column: upsert.excluded[column]
                    for column in ("size", "stamp", "sha256", "batch_id")
                },
            )
        )
    batch.done = max(batch.done, done)
    count_use_of_batch(session, batch, Amount(len(read), sum(each.seen.size for each in read)))
