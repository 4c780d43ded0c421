"""From uploaded bytes to rows of images and sources: what seeding and ingestion share."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.blobs import Blobs, original_key
from app.db.many_rows import insert_rows
from app.db.tables import Image, Project, Source
from app.domain.errors import InvalidError
from app.domain.ingestion import NOTHING_SAID, ImageOutcome, SourceFacts, check_source
from app.pictures import Picture, PictureLimits, PictureRefused, inspect
from app.usecases.takedowns.admit import SENTENCES, Arriving, admit


@dataclass(frozen=True)
class Upload:
    """One file of a request. `read` gives its bytes; it is called once."""

    filename: str
    read: Callable[[], bytes]
    source: SourceFacts


@dataclass(frozen=True)
class ImageAnswer:
    """What became of one file. `sha256` is there unless the file could not be read as a picture."""

    filename: str
    outcome: ImageOutcome
    sha256: str | None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Taken:
    """A file that is a picture and whose bytes are stored, or the answer that refuses it.

    `is_stored` tells whether the bytes are still there: a takedown may erase them at any moment.
    """

    filename: str
    source: SourceFacts
    picture: Picture | None
    refusal: ImageAnswer | None
    is_stored: Callable[[], bool] = lambda: True


# Storing waits for the disk, and a disk makes what waits at once durable at once: one after another,
# files take twenty times as long. Decoding lets go of the interpreter, so it uses the cores.
_HANDS = ThreadPoolExecutor(16, thread_name_prefix="take")
_MOST_AHEAD = 64_000_000  # bytes read and not stored yet


def take(uploads: Iterable[Upload], blobs: Blobs, limits: PictureLimits) -> list[Taken]:
    """Decode every file and store the bytes of those that are pictures, several at a time.

    They are read here, one after another, and answered in the order they came. When this returns,
    all bytes are stored durably.

    Bytes come before rows: a crash between the two leaves bytes that nobody refers to, never a row
    without its bytes. No database connection is held meanwhile: decoding takes seconds.
    """
    taken: list[Taken] = []
    under_way: deque[tuple[Future[Taken], int]] = deque()
    ahead = 0
    for upload in uploads:
        data = upload.read()
        under_way.append((_HANDS.submit(_take_one, upload, data, blobs, limits), len(data)))
        ahead += len(data)
        while ahead > _MOST_AHEAD:
            oldest, size = under_way.popleft()
            taken.append(oldest.result())
            ahead -= size
    return taken + [each.result() for each, _ in under_way]


def _take_one(upload: Upload, data: bytes, blobs: Blobs, limits: PictureLimits) -> Taken:
    name = _shown_name(upload.filename)
    try:
        source = check_source(upload.source)
        picture = inspect(data, limits)
    except PictureRefused as refused:
        return refused_file(name, refused.reason, refused.detail)
    except InvalidError as invalid:
        return refused_file(name, f"invalid_{invalid.field}", str(invalid))
    key = original_key(picture.sha256)
    blobs.put(key, data, picture.format.media_type)
    return Taken(name, source, picture, refusal=None, is_stored=partial(blobs.exists, key))


def refused_file(name: str, reason: str, detail: str | None = None) -> Taken:
    """A file that is not taken; its reason is a stable word."""
    answer = ImageAnswer(name, ImageOutcome.REJECTED, None, str(reason), detail)
    return Taken(name, NOTHING_SAID, picture=None, refusal=answer)


def _shown_name(filename: str) -> str:
    """The client's name for the file, fit for an answer; it is never used as a path."""
    return re.sub(r"[^\x20-\x7e\u00a0-\U0010ffff]", "?", filename)[:255]


@dataclass(frozen=True)
class Inserted:
    """What has a row now.

    Attributes:
        taken: The files in their order; those that were taken down are refused.
        ids: Image ids by content hash.
        new: The hashes that are new to the project.
    """

    taken: list[Taken]
    ids: dict[str, int]
    new: set[str]


def insert_images(session: Session, project: Project, taken: Sequence[Taken]) -> Inserted:
    """Store the rows of images and sources: the one door for pictures, by whatever way they come."""
    kept, back = _without_taken_down(session, project, taken)
    pictures = {t.picture.sha256: t.picture for t in kept if t.picture is not None}
    if not pictures:
        return Inserted(kept, {}, set())
    # Sorted, so that two requests with the same pictures lock them in one order and cannot deadlock.
    rows = [
        {
            "project_id": project.id,
            "sha256": sha256,
            "format": pictures[sha256].format.value,
            "width": pictures[sha256].width,
            "height": pictures[sha256].height,
            "size": pictures[sha256].bytes,
        }
        for sha256 in sorted(pictures)
    ]
    inserted = session.execute(
        insert_rows(Image, rows)
        .on_conflict_do_nothing(index_elements=["project_id", "sha256"])
        .returning(Image.sha256, Image.id)
    )
    ids = dict(inserted.all())
    new = set(ids)
    if known := pictures.keys() - new:
        # A statement of its own: only that sees what another request has just committed.
        found = session.execute(
            select(Image.sha256, Image.id)
            .where(Image.project_id == project.id, Image.sha256.in_(known))
            # Held, so that none leaves the pool with its batch before it is linked to another.
            .order_by(Image.id)
            .with_for_update(read=True)
        )
        ids |= dict(found.all())
    _insert_sources(session, kept, ids)
    return Inserted(kept, ids, new | back)


def _without_taken_down(
    session: Session, project: Project, taken: Sequence[Taken]
) -> tuple[list[Taken], set[str]]:
    """The files with refusals for what was taken down, and the hashes that may come back."""
    kept = list(taken)
    places = [place for place, each in enumerate(taken) if each.picture is not None]
    admitted = admit(session, project, [_arriving(taken[place]) for place in places])
    for index, reason in admitted.refused.items():
        of = taken[places[index]]
        sha256 = of.picture.sha256 if of.picture is not None else None
        kept[places[index]] = replace(
            of,
            picture=None,
            refusal=ImageAnswer(
                of.filename, ImageOutcome.REJECTED, sha256, reason, SENTENCES[reason]
            ),
        )
    return kept, admitted.back


def _arriving(of: Taken) -> Arriving:
    assert of.picture is not None  # noqa: S101 - the caller chose those with one
    return Arriving(of.picture.sha256, of.source.url, of.is_stored)


def _insert_sources(session: Session, taken: Sequence[Taken], ids: dict[str, int]) -> None:
    rows = {
        (ids[t.picture.sha256], t.source.url, t.source.author, t.source.licence): t.source
        for t in taken
        if t.picture is not None and not t.source.is_empty
    }
    if not rows:
        return
    values = [
        {
            "image_id": image_id,
            "url": source.url,
            "tags": source.tags,
            "author": source.author,
            "licence": source.licence,
            "crawled_at": source.crawled_at,
        }
        for (image_id, *_), source in sorted(rows.items(), key=lambda row: str(row[0]))
    ]
    session.execute(insert_rows(Source, values).on_conflict_do_nothing())
