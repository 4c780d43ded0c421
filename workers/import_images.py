"""An import: pictures out of the uploaded archive become examples and candidates, batch by batch.

Each batch is written in one transaction together with how far the import is. A worker that is
killed loses at most one batch, whose pictures whoever takes over stores again under the same names.
"""

import hashlib
from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from app.db.session import database_now, transaction
from app.db.tables import Import
from app.domain.errors import ImportRefusedError
from app.domain.importing import ImportFormat
from app.imports.archive import Archive, DamagedMemberError, open_archive
from app.imports.draft import Found, draft
from app.usecases.imports.import_images import (
    Batch,
    begin_import,
    end_import,
    publish_batch,
    splits_by_rule,
)
from app.usecases.pool.store_images import Upload, take
from app.usecases.run_jobs import got_on, lock_import_claim
from workers.runner import JobFailedError, Publish, Work
from workers.space import need_space

_BATCH = 32


def compute(work: Work) -> Publish:
    """Do what is left of the import."""
    bench = work.bench
    with bench.sessions() as session:
        of = session.get_one(Import, work.claim.owner_id)
        key, name, kind, done = of.blob_key, of.filename, ImportFormat(of.format), of.done
    if key is None:
        raise JobFailedError("The uploaded archive is gone. Upload it again.")
    with bench.blobs.open(key) as file:
        try:
            archive = open_archive(file, name)
            told = draft(archive, kind)
        except ImportRefusedError as refused:
            raise JobFailedError(str(refused)) from refused
        with transaction(bench.sessions) as session:
            begin_import(session, lock_import_claim(session, work.claim)[0], told)
        with bench.sessions() as session:
            of = session.get_one(Import, work.claim.owner_id)
            splits = splits_by_rule(session, of, told, partial(_hash, work, archive))
        while done < len(told.found):
            work.heart.progress(done, len(told.found))
            need_space(work)
            batch = _batch(work, archive, done, told.found[done : done + _BATCH])
            with transaction(bench.sessions) as session:
                of, job = lock_import_claim(session, work.claim)
                publish_batch(session, of, told, batch, splits)
                got_on(job)
            done = batch.end
    work.heart.progress(len(told.found), len(told.found))
    return _publish


def _batch(work: Work, archive: Archive, start: int, found: Sequence[Found]) -> Batch:
    most, limits = work.bench.settings.most_image_bytes, work.bench.limits
    batch = Batch(start)
    for each in found:
        work.heart.check()
        read = partial(archive.read, each.name, most + 1)
        try:
            (taken,) = take([Upload(each.name, read, each.source)], work.bench.blobs, limits)
        except DamagedMemberError:
            batch.damaged.append(each)
        else:
            batch.taken.append((each, taken))
    return batch


def _hash(work: Work, archive: Archive, found: Found) -> str | None:
    work.heart.check()
    try:
        data = archive.read(found.name, work.bench.settings.most_image_bytes + 1)
    except DamagedMemberError:
        return None
    return hashlib.sha256(data).hexdigest()


def _publish(session: Session, of: Import) -> None:
    end_import(of, database_now(session))
