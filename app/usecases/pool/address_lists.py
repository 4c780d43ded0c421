"""Lists of addresses: received whole in one transaction, and tried again where they failed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.orm import Session

from app.db.tables import Address, Batch, BatchRefusal, Job, Project
from app.domain.batch import MOST_TOLD, TRANSITIONS, BatchEvent, BatchKind, BatchState, next_state
from app.domain.errors import InvalidError, TooLargeError, TransitionError
from app.domain.event import Verb
from app.domain.fetching import RETRIED, AddressState, host_of, key_of
from app.domain.ingestion import NOTHING_SAID, ImageOutcome, SourceFacts
from app.domain.job import JobKind, JobState
from app.imports.addresses import BadRow, Listed
from app.imports.archive import shown
from app.usecases.events import record
from app.usecases.people import Principal
from app.usecases.pool.batches import count_in, open_batch
from app.usecases.pool.store_images import ImageAnswer

MOST_ADDRESSES = 5_000_000
"""Rows of one list."""

_COLUMNS = "position, key, url, host, tags, author, licence, crawled_at"


@dataclass(frozen=True)
class Received:
    """What became of a list.

    `addresses` will be fetched; `refused` rows are not; `repeated` ones name an address once more.
    """

    batch: Batch
    job: Job
    addresses: int
    refused: int
    repeated: int


@dataclass
class _Reading:
    """What passes by on the way into the database."""

    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    told: list[BadRow] = field(default_factory=list)

    def good(self, rows: Iterable[Listed | BadRow]) -> Iterator[tuple[int, Listed]]:
        """The rows that can be taken, with their positions from 1."""
        for row in rows:
            self.rows += 1
            if self.rows > MOST_ADDRESSES:
                raise TooLargeError(
                    "The list has more than {most} rows. Send it in parts.",
                    most=f"{MOST_ADDRESSES:,}",
                )
            if isinstance(row, Listed):
                yield self.rows, row
                continue
            self.reasons[row.reason] += 1
            if len(self.told) < MOST_TOLD:
                self.told.append(replace(row, shown=row.shown or f"row {self.rows}"))


def receive_addresses(
    session: Session,
    project: Project,
    principal: Principal,
    name: str,
    rows: Iterable[Listed | BadRow],
    otherwise: SourceFacts = NOTHING_SAID,
) -> Received:
    """Make a batch of a list and queue its job; the caller sends it after the commit.

    The rows go straight through to the database: a million of them take no memory. `otherwise` holds
    for pictures of which the list says nothing.

    Raises:
        InvalidError: when no row names an address.
        TooLargeError: when there are too many.
    """
    reading = _Reading()
    # Out of the way of others, who could not go on before this transaction has ended.
    session.execute(text(
        "CREATE TEMPORARY TABLE listed (position int, key uuid, url text, host text, tags text[], "
        "author text, licence text, crawled_at timestamptz) ON COMMIT DROP"
    ))  # fmt: skip
    _copy(session, reading.good(rows))
    if reading.rows == sum(reading.reasons.values()):
        raise _nothing(reading)
    batch = open_batch(session, project, principal, BatchKind.ADDRESSES, name, otherwise)
    addresses = _keep_once(session, batch.id)
    refused = sum(reading.reasons.values())
    _count_bad_rows(session, batch, reading)
    batch.total, batch.done = addresses + refused, refused
    job = _queue(session, batch)
    record(
        session, project.id, principal.user_id, Verb.FETCH_ADDRESSES, name,
        batch=batch.id, addresses=addresses, refused=refused,
    )  # fmt: skip
    return Received(batch, job, addresses, refused, reading.rows - refused - addresses)


def _nothing(reading: _Reading) -> InvalidError:
    if not reading.told:
        return InvalidError("file", "The list names no address.")
    return InvalidError(
        "file",
        "The list names no address that could be fetched. Of its first row: {why}",
        why=reading.told[0].detail,
    )


def _copy(session: Session, rows: Iterable[tuple[int, Listed]]) -> None:
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101 - the session has just spoken through it
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY listed ({_COLUMNS}) FROM STDIN") as copy,
    ):
        for position, row in rows:
            said = row.source
            copy.write_row((
                position, key_of(row.url), row.url, host_of(row.url), list(said.tags), said.author,
                said.licence, said.crawled_at,
            ))  # fmt: skip


def _keep_once(session: Session, batch_id: int) -> int:
    """Move the rows to their batch, each address once; gives their number."""
    kept = text(
        f"INSERT INTO address (batch_id, due_at, {_COLUMNS}) "  # noqa: S608 - nobody's text
        f"SELECT :batch_id, now(), {_COLUMNS} FROM "
        f"(SELECT DISTINCT ON (key) {_COLUMNS} FROM listed ORDER BY key, position) AS once"
    )
    session.execute(kept, {"batch_id": batch_id})
    counted = select(func.count()).select_from(Address).where(Address.batch_id == batch_id)
    return session.scalars(counted).one()


def _count_bad_rows(session: Session, batch: Batch, reading: _Reading) -> None:
    answers = [
        ImageAnswer(each.shown, ImageOutcome.REJECTED, None, each.reason, each.detail)
        for each in reading.told
    ]
    count_in(session, batch.id, answers, {})
    # Of many bad rows some are told, all are counted.
    refused = sum(reading.reasons.values())
    batch.received, batch.rejected, batch.reasons = refused, refused, dict(reading.reasons)
    session.flush()


def _queue(session: Session, batch: Batch) -> Job:
    job = Job(kind=JobKind.FETCH_ADDRESSES, batch_id=batch.id, state=JobState.QUEUED)
    session.add(job)
    session.flush()
    return job


def shown_name(name: str | None) -> str:
    """What people read of a list that may have a name."""
    return shown(name or "").strip()[:200] or "addresses"


# --- Once more


def can_fetch_again(batch: Batch) -> bool:
    """Whether there is something that `fetch_again` would try."""
    return (
        batch.kind == BatchKind.ADDRESSES
        and batch.withdrawn_at is None
        and batch.moving is None
        and (BatchState(batch.state), BatchEvent.TRY_AGAIN) in TRANSITIONS
        and (batch.state != BatchState.DONE or any(reason in RETRIED for reason in batch.reasons))
    )


def fetch_again(
    session: Session, batch: Batch, user_id: int, reasons: Sequence[str] | None, now: datetime
) -> tuple[Job, int]:
    """Let a worker try what it could not get; the caller sends the job after the commit.

    Args:
        session: The transaction, which holds the batch's lock.
        batch: A list that was fetched.
        user_id: Who asks for it.
        reasons: Only what was rejected for these; whatever was, without.
        now: The time.

    Returns:
        The job, and how many addresses it will try.

    Raises:
        TransitionError: when the batch is no list, is being fetched, or was withdrawn.
        InvalidError: when nothing was rejected for these reasons.
    """
    if batch.kind != BatchKind.ADDRESSES or batch.withdrawn_at is not None or batch.moving:
        raise TransitionError("batch", batch.moving or batch.state, BatchEvent.TRY_AGAIN)
    batch.state = next_state(BatchState(batch.state), BatchEvent.TRY_AGAIN)
    again = _wait_again(session, batch.id, sorted(RETRIED if reasons is None else reasons), now)
    if not _is_waiting(session, batch.id):
        raise InvalidError("reasons", "No address of this batch was rejected for these reasons.")
    counted = Counter(batch.reasons)
    counted.subtract(again)
    batch.reasons = dict(+counted)
    number = again.total()
    batch.rejected -= number
    batch.received -= number
    batch.done -= number
    batch.error, batch.finished_at = None, None
    session.execute(delete(Job).where(Job.batch_id == batch.id))
    job = _queue(session, batch)
    record(
        session, batch.project_id, user_id, Verb.FETCH_AGAIN, batch.name,
        batch=batch.id, addresses=number,
    )  # fmt: skip
    return job, number


def _wait_again(
    session: Session, batch_id: int, reasons: Sequence[str], now: datetime
) -> Counter[str]:
    """Put what was rejected for these reasons back; gives how many there were of each."""
    these = (
        Address.batch_id == batch_id,
        Address.state == AddressState.REJECTED,
        Address.reason.in_(reasons),
    )
    counted = select(Address.reason, func.count()).where(*these).group_by(Address.reason)
    again = Counter({str(reason): number for reason, number in session.execute(counted)})
    session.execute(
        update(Address)
        .where(*these)
        .values(state=AddressState.WAITING, tries=0, due_at=now, reason=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(BatchRefusal).where(
            BatchRefusal.batch_id == batch_id, BatchRefusal.reason.in_(reasons)
        )
    )
    return again


def _is_waiting(session: Session, batch_id: int) -> bool:
    waiting = exists().where(Address.batch_id == batch_id, Address.state == AddressState.WAITING)
    return bool(session.scalar(select(waiting)))


def addresses(
    session: Session, batch: Batch, state: AddressState | None, after: int, limit: int
) -> Sequence[Address]:
    """The addresses of a batch in the order of its list, from behind a position."""
    query = select(Address).where(Address.batch_id == batch.id, Address.position > after)
    if state is not None:
        query = query.where(Address.state == state)
    return session.scalars(query.order_by(Address.position).limit(limit)).all()
