"""An archive to the service in pieces (tus 1.0), however often the way breaks off."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from vetted.client.errors import RefusedError
from vetted.client.patience import Patience
from vetted.client.rest import Client

PIECE = 64 << 20  # bytes of one request
_READ = 1 << 20
_GONE, _ELSEWHERE, _EMPTY = 404, 409, 422

# Told of the bytes that are sent, and of how many.
Progress = Callable[[int, int], object]


def said(**facts: str) -> str:
    """What `Upload-Metadata` is: keys and their texts in base64."""
    return ",".join(
        f"{key} {base64.b64encode(text.encode(errors='replace')).decode()}"
        for key, text in facts.items()
    )


class ArchiveUpload:
    """One archive.

    Args:
        client: Who sends.
        project: Its slug.
        file: A zip or a tar.
        facts: `filename`, and what holds for pictures that say nothing: url, tags, author, licence.
        upload_id: Of an upload that was begun before; another is begun where it is gone.
        begun: Called with the id of an upload as soon as it has one, so that it can be kept.
    """

    def __init__(
        self,
        client: Client,
        project: str,
        file: Path,
        facts: Mapping[str, str],
        upload_id: str | None = None,
        begun: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._client = client
        self._uploads = f"/projects/{project}/uploads"
        self._file = file
        self._facts = said(**facts)
        self._length = file.stat().st_size
        self._id = upload_id
        self._begun = begun

    def send(self, patience: Patience, progress: Progress = lambda *_: None) -> int:
        """Send what the service does not have; gives the id of the batch that the archive became.

        Raises:
            RefusedError: when the service does not take it, or the file changes meanwhile.
            BrokenOffError: when it cannot be reached any more.
        """
        if not self._length:
            raise RefusedError("empty", "The archive is empty.", _EMPTY)
        with self._file.open("rb") as file:
            while True:
                batch_id = patience(lambda: self._step(file, progress))
                if batch_id is not None:
                    return batch_id

    def _step(self, file: BinaryIO, progress: Progress) -> int | None:
        """Ask how far it is, and send one piece; the batch's id when nothing is left."""
        found = self._found()
        if found["batch_id"] is not None:
            progress(self._length, self._length)
            return int(found["batch_id"])
        if self._file.stat().st_size != self._length:
            raise RefusedError("changed", f"{self._file} changed while it was sent. Send it again.")
        offset = int(found["offset"])
        file.seek(offset)
        size = min(PIECE, self._length - offset)
        try:
            self._client.add_to_upload(
                f"{self._uploads}/{found['id']}",
                offset,
                size,
                _told(file, offset, size, lambda sent: progress(sent, self._length)),
            )
        except RefusedError as refused:
            # An earlier request that seemed lost has arrived after all: ask again where to go on.
            if refused.status != _ELSEWHERE:
                raise
        return None

    def _found(self) -> dict[str, Any]:
        if self._id is not None:
            try:
                known: dict[str, Any] = self._client.get(f"{self._uploads}/{self._id}")
            except RefusedError as refused:
                if refused.status != _GONE:
                    raise
            else:
                return known
        made: dict[str, Any] = self._client.begin_upload(self._uploads, self._length, self._facts)
        self._id = str(made["id"])
        self._begun(self._id)
        return made


def _told(file: BinaryIO, offset: int, size: int, sent: Callable[[int], object]) -> Iterator[bytes]:
    end = offset + size
    while offset < end and (data := file.read(min(_READ, end - offset))):
        yield data
        offset += len(data)
        sent(offset)
