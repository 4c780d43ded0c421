"""How a worker writes a batch: part by part, each in a transaction with how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.db.session import database_now, transaction
from app.db.tables import Batch
from app.usecases.pool.batches import start_batch
from app.usecases.run_jobs import got_on, lock_batch_claim
from workers.runner import Work


def begin_batch(work: Work) -> Batch:
    """Begin the job's batch, or take it over; as it is then, for reading.

    Raises:
        StaleAttemptError: when the job was cancelled or another attempt took it over; as `part`.
    """
    with transaction(work.bench.sessions) as session:
        batch, _ = lock_batch_claim(session, work.claim)
        start_batch(batch, database_now(session))
        return batch


@contextmanager
def part(work: Work) -> Iterator[tuple[Session, Batch]]:
    """The transaction of a part, which holds the batch and the job.

    With it the job got on: deaths of workers are counted anew from here.
    """
    with transaction(work.bench.sessions) as session:
        batch, job = lock_batch_claim(session, work.claim)
        yield session, batch
        got_on(job)
