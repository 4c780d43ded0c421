"""An archive of crawled pictures becomes candidates, a few at a time.

Each few are written in one transaction together with how far the archive is: whoever takes over from
a worker that died goes on there, and stores nothing twice.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from app.blobs import BlobMissing
from app.db.session import database_now
from app.db.tables import Batch, Project
from app.domain.archive import SENTENCES, Fault
from app.domain.errors import ImportRefusedError, QuotaSpentError
from app.domain.ingestion import SourceFacts
from app.domain.quota import Amount
from app.imports.archive import shown
from app.imports.rows import facts
from app.imports.sidecars import SidecarError, sidecars_of, source_of
from app.imports.streaming import Member, is_picture, members, samples
from app.usecases.pool.batches import end_batch
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import Taken, Upload, refused_file, take
from app.usecases.quotas import count_use_of_batch
from workers.batches import begin_batch, part
from workers.runner import JobFailedError, Publish, Work
from workers.space import need_space

_FEW, _FEW_BYTES = 64, 64_000_000


def compute(work: Work) -> Publish:
    """Do what is left of the archive."""
    bench = work.bench
    batch = begin_batch(work)
    done, otherwise = batch.done, facts(**batch.source)
    if batch.blob_key is None:
        raise JobFailedError(_GONE)
    most = bench.settings.most_image_bytes
    try:
        with bench.blobs.open(batch.blob_key) as file:
            for few in _few(samples(members(file, batch.name, most, done))):
                work.heart.progress(done, None)
                need_space(work)
                taken = _taken(work, few, otherwise)
                done = few[-1][-1].position + 1
                _store(work, taken, done)
    except BlobMissing as missing:
        raise JobFailedError(_GONE) from missing
    except (ImportRefusedError, QuotaSpentError) as refused:
        raise JobFailedError(str(refused)) from refused
    work.heart.progress(done, done)
    return _publish


_GONE = "The archive is gone. Send it again."


def _few(found: Iterable[list[Member]]) -> Iterator[list[list[Member]]]:
    """Samples for one transaction: so many pictures or bytes."""
    held: list[list[Member]] = []
    pictures = size = 0
    for sample in found:
        held.append(sample)
        pictures += len(sample)
        size += sum(len(member.data) for member in sample)
        if pictures >= _FEW or size >= _FEW_BYTES:
            yield held
            held, pictures, size = [], 0, 0
    if held:
        yield held


def _taken(work: Work, few: Iterable[list[Member]], otherwise: SourceFacts) -> list[Taken]:
    work.heart.check()
    uploads: list[Upload] = []
    refused: list[Taken] = []
    for sample in few:
        beside = {member.name: member.data for member in sample if member.fault is None}
        for member in sample:
            if member.fault is not None:
                refused.append(_refused(member, member.fault, SENTENCES[member.fault]))
            elif is_picture(member):
                try:
                    uploads.append(_upload(member, beside, otherwise))
                except SidecarError as error:
                    refused.append(_refused(member, Fault.INVALID_SIDECAR, shown(str(error))))
    return take(uploads, work.bench.blobs, work.bench.limits) + refused


def _upload(member: Member, beside: dict[str, bytes], otherwise: SourceFacts) -> Upload:
    sidecars = [(name, beside[name]) for name in sidecars_of(member.name, beside)]
    return Upload(shown(member.name), lambda: member.data, source_of(sidecars, otherwise))


def _refused(member: Member, fault: Fault, detail: str) -> Taken:
    return refused_file(shown(member.name), fault, detail)


def _store(work: Work, taken: list[Taken], done: int) -> None:
    with part(work) as (session, batch):
        project = session.get_one(Project, batch.project_id)
        if taken:
            ingest_images(session, project, batch.id, taken)
            # Its bytes were counted when it was announced.
            count_use_of_batch(session, batch, Amount(len(taken), 0))
        batch.done = done


def _publish(session: Session, batch: Batch) -> None:
    batch.total = batch.done
    end_batch(batch, database_now(session))
