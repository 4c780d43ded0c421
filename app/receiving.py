"""One request that adds to an upload: bytes to the disk, synced, and only then acknowledged."""

import os
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO

from app.context import Context
from app.db.session import database_now, transaction
from app.db.tables import ResumableUpload
from app.domain.errors import NotFoundError, TooLargeError, UploadBusyError, UploadOffsetError
from app.domain.job import JobKind
from app.parts import FOLDER, PartBusy, Parts
from app.usecases.people import Access
from app.usecases.pool.uploads import blob_key, end_upload, my_upload, note_received

SYNC_EVERY = 32 << 20
"""Bytes after which what came is made safe, in the middle of a request."""


def parts_of(context: Context) -> Parts:
    """Where unfinished uploads are."""
    return Parts(context.settings.data_dir / FOLDER)


def look_up(context: Context, access: Access, upload_id: str) -> ResumableUpload:
    """The caller's upload, brought to its end where the process died right before that.

    Raises:
        NotFoundError: when there is none, it is somebody else's, or its bytes are lost.
    """
    with transaction(context.sessions) as session:
        now = database_now(session)
        found = my_upload(session, access.project, access.principal, upload_id, now)
    if found.batch_id is not None or parts_of(context).path(upload_id).exists():
        return found
    # The file was moved, the batch not yet made: the file is whole, or it would not have been moved.
    if not context.blobs.exists(blob_key(upload_id)):
        raise NotFoundError("upload", upload_id)
    _end(context, access, upload_id)
    return look_up(context, access, upload_id)


class Receiver:
    """Takes the bytes of one request. Every method may be called in another thread than the last.

    Args:
        context: The ports.
        access: The caller's.
        upload_id: Of an upload of the caller.
    """

    def __init__(self, context: Context, access: Access, upload_id: str) -> None:
        self._context = context
        self._access = access
        self._id = upload_id
        self._opened = ExitStack()
        self._file: BinaryIO | None = None
        self._length = 0
        self._unsaved = 0
        self.offset = 0
        self.expires_at: datetime | None = None

    def begin(self, offset: int) -> None:
        """Open the file where the client goes on.

        Raises:
            NotFoundError: when the upload is not the caller's, or gone.
            UploadBusyError: while another request adds to it.
            UploadOffsetError: when the client is elsewhere than the server.
        """
        found = look_up(self._context, self._access, self._id)
        if found.batch_id is None:
            try:
                writing = parts_of(self._context).writing(self._id, found.received)
                self._file = self._opened.enter_context(writing)
            except PartBusy:
                raise UploadBusyError from None
            except FileNotFoundError:
                raise NotFoundError("upload", self._id) from None
            # Again, under the lock: another request may have added before it let go.
            again = look_up(self._context, self._access, self._id)
            if again.received != found.received:
                self.close()
                raise UploadOffsetError(again.received)
        if offset != found.received:
            self.close()
            raise UploadOffsetError(found.received)
        self._length, self.offset, self.expires_at = found.length, offset, found.expires_at

    def write(self, data: bytes) -> None:
        """Add bytes; now and then they are made safe.

        Raises:
            TooLargeError: for more than was announced.
        """
        if self.offset + len(data) > self._length or self._file is None:
            raise TooLargeError(
                "There are more bytes than Upload-Length announced ({length}). Begin a new upload.",
                length=self._length,
            )
        self._file.write(data)
        self.offset += len(data)
        self._unsaved += len(data)
        if self._unsaved >= SYNC_EVERY:
            self.save()

    def save(self) -> None:
        """Make safe what came, and count it; with the last byte, make the batch."""
        if not self._unsaved or self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsaved = 0
        if self.offset == self._length:
            path = parts_of(self._context).path(self._id)
            self._context.blobs.move_in(blob_key(self._id), path)
            self.expires_at = _end(self._context, self._access, self._id)
            return
        with transaction(self._context.sessions) as session:
            now = database_now(session)
            self.expires_at = note_received(session, self._id, self.offset, now)

    def close(self) -> None:
        """Let others add; what was not saved is gone."""
        self._opened.close()
        self._file = None


def _end(context: Context, access: Access, upload_id: str) -> datetime:
    with transaction(context.sessions) as session:
        now = database_now(session)
        job = end_upload(session, access.project, access.principal, upload_id, now)
        expires = my_upload(session, access.project, access.principal, upload_id, now).expires_at
    if job is not None:
        context.jobs.send(job.id, JobKind.INGEST_ARCHIVE)
    return expires
