"""What a worker does with a list of addresses, each function in a transaction of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import Address, Batch, Fetched, Image, Job, Project, WebHost
from app.domain.fetching import MOST_TRIES, AddressState, Reason, Validators, key_of, wait_after
from app.domain.ingestion import SourceFacts
from app.domain.job import PATIENCE, QUEUE_OF, JobState, Queue
from app.imports.rows import facts
from app.pictures import Picture, PictureFormat
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import Taken
from app.usecases.takedowns.admit import addresses_shut

_INGESTING = [kind for kind, queue in QUEUE_OF.items() if queue is Queue.INGEST]


@dataclass(frozen=True)
class Turn:
    """A host of a list with addresses that wait, and when the first of them may be fetched.

    `given_up`: it has failed so often in a row, and so lately, that nobody should wait for it.
    """

    host: str
    due_at: datetime
    failures: int
    given_up: Reason | None


@dataclass(frozen=True)
class Due:
    """An address to fetch. `before` is what the project has of it, with what to ask by."""

    position: int
    url: str
    tries: int
    source: SourceFacts
    validators: Validators
    before: Picture | None
    taken_down: bool = False


@dataclass(frozen=True)
class Ended:
    """An address of which no more is to come."""

    address: Due
    taken: Taken
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True)
class Again:
    """An address that shall be tried once more."""

    address: Due
    reason: Reason
    wait: timedelta


def turns(session: Session, batch_id: int, after: str, most: int, now: datetime) -> list[Turn]:
    """Hosts in the order of their names from behind one; fewer than `most`, and it was the last."""
    # One probe of the index for each host, however many addresses wait for it.
    rows = session.execute(
        text(
            "WITH RECURSIVE turn AS ((SELECT host, due_at FROM address WHERE batch_id = :batch_id "
            "AND state = 'waiting' AND host > :after ORDER BY host, due_at LIMIT 1) UNION ALL "
            "SELECT next.host, next.due_at FROM turn, LATERAL (SELECT host, due_at FROM address "
            "WHERE batch_id = :batch_id AND state = 'waiting' AND host > turn.host "
            "ORDER BY host, due_at LIMIT 1) AS next) "
            "SELECT first.host, first.due_at, web_host.next_at, web_host.failures, web_host.reason "
            "FROM (SELECT * FROM turn LIMIT :most) AS first LEFT JOIN web_host USING (host) "
            "ORDER BY first.host"
        ),
        {"batch_id": batch_id, "after": after, "most": most},
    )
    return [
        _turn(host, due_at, next_at, failures or 0, reason, now)
        for host, due_at, next_at, failures, reason in rows
    ]


def _turn(
    host: str,
    due_at: datetime,
    next_at: datetime | None,
    failures: int,
    reason: str | None,
    now: datetime,
) -> Turn:
    if next_at is None or next_at <= now:
        return Turn(host, due_at, failures, None)
    given_up = Reason(reason) if reason is not None and failures >= MOST_TRIES else None
    return Turn(host, due_at if given_up else max(due_at, next_at), failures, given_up)


def due_of(
    session: Session, batch_id: int, host: str, most: int, now: datetime | None
) -> list[Due]:
    """Addresses of a host, the longest due first; those that are not due yet only without `now`."""
    batch = session.get_one(Batch, batch_id)
    otherwise = facts(**batch.source)
    query = (
        select(Address, Fetched, Image)
        .outerjoin(
            Fetched, and_(Fetched.project_id == batch.project_id, Fetched.key == Address.key)
        )
        .outerjoin(Image, and_(Image.id == Fetched.image_id, Image.taken_down_at.is_(None)))
        .where(
            Address.batch_id == batch_id,
            Address.host == host,
            Address.state == AddressState.WAITING,
        )
        .order_by(Address.due_at, Address.position)
        .limit(most)
    )
    if now is not None:
        query = query.where(Address.due_at <= now)
    found = [_due(*row, otherwise) for row in session.execute(query)]
    shut = addresses_shut(session, batch.project_id, [each.url for each in found])
    return [replace(each, taken_down=each.url in shut) for each in found]


def _due(
    address: Address, fetched: Fetched | None, image: Image | None, otherwise: SourceFacts
) -> Due:
    source = SourceFacts(
        url=address.url,
        tags=tuple(address.tags),
        author=address.author,
        licence=address.licence,
        crawled_at=address.crawled_at,
    ).filled(otherwise)
    if fetched is None or image is None:
        return Due(address.position, address.url, address.tries, source, Validators(), None)
    before = Picture(
        format=PictureFormat(image.format),
        width=image.width,
        height=image.height,
        bytes=image.size,
        sha256=image.sha256,
        # Of no use any more; nobody keeps them.
        frames=1,
        mode="",
    )
    validators = Validators(fetched.etag, fetched.last_modified)
    return Due(address.position, address.url, address.tries, source, validators, before)


def reserve(session: Session, host: str, pause: timedelta, most: timedelta) -> timedelta | None:
    """Take a host's next turn; gives how long to wait for it, None where that would be over `most`.

    All workers and all lists share the turns, so that a host sees one pause between two requests.
    """
    wait: timedelta | None = session.execute(
        text(
            "INSERT INTO web_host AS host (host, next_at) VALUES (:host, clock_timestamp() + :pause) "
            "ON CONFLICT (host) DO UPDATE "
            "SET next_at = greatest(host.next_at, clock_timestamp()) + :pause "
            "WHERE host.next_at <= clock_timestamp() + :most "
            "RETURNING next_at - :pause - clock_timestamp()"
        ),
        {"host": host, "pause": pause, "most": most},
    ).scalar_one_or_none()
    return None if wait is None else max(wait, timedelta(0))


def _locked_host(session: Session, host: str) -> WebHost:
    # Two that ask a new host at once: one of them makes the row.
    session.execute(insert(WebHost).values(host=host, next_at=func.now()).on_conflict_do_nothing())
    return session.get_one(WebHost, host, with_for_update=True)


def close_host(
    session: Session,
    host: str,
    reason: Reason,
    chance: float,
    now: datetime,
    asked: timedelta | None = None,
) -> None:
    """Leave a host alone: the longer, the more often it failed in a row, and as long as it asks."""
    known = _locked_host(session, host)
    known.failures += 1
    known.reason = reason
    known.next_at = max(known.next_at, now + wait_after(known.failures, chance, asked))


def open_host(session: Session, host: str) -> None:
    """It has answered: what was before counts no more."""
    session.execute(update(WebHost).where(WebHost.host == host).values(failures=0, reason=None))


def write_down(
    session: Session,
    batch: Batch,
    ended: Sequence[Ended],
    again: Sequence[Again],
    now: datetime,
) -> None:
    """What became of some addresses; the transaction holds the batch's lock and the job's."""
    rows = [
        {
            "batch_id": batch.id,
            "position": each.address.position,
            "tries": each.address.tries + 1,
            "due_at": now + each.wait,
            "reason": each.reason,
        }
        for each in again
    ]
    project = session.get_one(Project, batch.project_id)
    if ended:
        answers = ingest_images(session, project, batch.id, [each.taken for each in ended])
        batch.done += len(ended)
        _keep_validators(session, project, ended)
        session.execute(
            update(Address),
            [
                {
                    "batch_id": batch.id,
                    "position": each.address.position,
                    "tries": each.address.tries + 1,
                    "state": AddressState(answer.outcome.value),
                    "reason": answer.reason,
                }
                for each, answer in zip(ended, answers, strict=True)
            ],
        )
    if rows:
        session.execute(update(Address), rows)


def _keep_validators(session: Session, project: Project, ended: Sequence[Ended]) -> None:
    told = {
        (each.address.url, each.taken.picture.sha256): each.validators
        for each in ended
        if each.taken.picture is not None and each.validators != Validators()
    }
    if not told:
        return
    ids: Mapping[str, int] = dict(
        session.execute(
            select(Image.sha256, Image.id).where(
                Image.project_id == project.id,
                Image.sha256.in_({sha256 for _, sha256 in told}),
                Image.taken_down_at.is_(None),
            )
        ).all()
    )
    rows = [
        {
            "project_id": project.id,
            "key": key_of(url),
            "image_id": ids[sha256],
            "etag": validators.etag,
            "last_modified": validators.last_modified,
        }
        for (url, sha256), validators in sorted(told.items())
        if sha256 in ids
    ]
    if not rows:
        return
    statement = insert(Fetched).values(rows)
    new = {name: statement.excluded[name] for name in ("image_id", "etag", "last_modified")}
    session.execute(statement.on_conflict_do_update(index_elements=["project_id", "key"], set_=new))


def others_wait(session: Session, job_id: int, now: datetime) -> bool:
    """Whether work that brings pictures in waits for a worker."""
    waiting = exists().where(
        Job.id != job_id,
        Job.kind.in_(_INGESTING),
        Job.state == JobState.QUEUED,
        func.coalesce(Job.sent_at, Job.created_at) <= now - PATIENCE,
    )
    return bool(session.scalar(select(waiting)))
