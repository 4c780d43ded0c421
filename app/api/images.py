"""Pictures in: seeds and crawled images. Pictures out: the three sizes."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import TypeAdapter, ValidationError

from app.blobs import original_key
from app.context import Context
from app.db import queries
from app.db.session import database_now
from app.db.tables import Image
from app.derivatives import derivative
from app.domain.dataset import Split
from app.domain.errors import (
    BusyError,
    CategoryRetiredError,
    InvalidError,
    NoSpaceError,
    NotFoundError,
    QuotaSpentError,
    TooLargeError,
)
from app.domain.event import Verb
from app.domain.ingestion import SourceFacts
from app.domain.quota import Amount
from app.pictures import PictureFormat, PictureLimits, Size
from app.usecases.batches import batch_of_the_day
from app.usecases.events import record
from app.usecases.ingest_images import ingest_images
from app.usecases.people import Access
from app.usecases.projects import category_by_name
from app.usecases.quotas import check_quota, count_use
from app.usecases.seed_examples import seed_examples
from app.usecases.store_images import Taken, Upload, take

from . import answers
from .dependencies import ContextDep, Crawler, Lead, Reader, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.images import ImageDetailOut, SourceIn, SourceOut, UploadAnswer

router = APIRouter(tags=["images"], route_class=OneThreadRoute)

_SOURCES = TypeAdapter(list[SourceIn])

Files = Annotated[list[UploadFile], File(description="One or many picture files")]
Sources = Annotated[
    str | None,
    Form(
        description="JSON list with one object for each file, in order: url, tags, author, licence, "
        "crawled_at; or with a single object that holds for all of them",
        examples=['[{"url": "https://example.org/a.jpg", "licence": "CC BY 4.0"}]'],
    ),
]


@router.post(
    "/projects/{project}/images",
    operation_id="ingestImages",
    responses=responses(InvalidError, TooLargeError, BusyError, QuotaSpentError, NoSpaceError),
)
def ingest(
    files: Files, unit: UnitDep, context: ContextDep, access: Crawler, sources: Sources = None
) -> UploadAnswer:
    """Push crawled images into the pool. Sending one again is harmless: it is answered `duplicate`."""
    caller = access.principal
    coming = Amount(len(files), sum(file.size or 0 for file in files))
    if not caller.quota.is_none:
        with context.sessions.reading() as session:
            check_quota(session, caller, coming, database_now(session))
    # Nothing was asked of the unit's session yet: no connection is held while pictures decode.
    taken = _take(context, files, sources)
    now = database_now(unit.session)
    batch_id = batch_of_the_day(unit.session, access.project, caller, now)
    given = ingest_images(unit.session, access.project, batch_id, taken)
    if not caller.quota.is_none:
        count_use(unit.session, caller, coming, now)
    return answers.upload_answer(given)


@router.post(
    "/projects/{project}/examples",
    operation_id="seedExamples",
    responses=responses(InvalidError, TooLargeError, CategoryRetiredError, BusyError, NoSpaceError),
)
def seed(
    files: Files,
    category: Annotated[str, Form(description="Name of a category of the project")],
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
    split: Annotated[Split, Form()] = Split.TRAIN,
    sources: Sources = None,
) -> UploadAnswer:
    """Give a category its first examples. The `test` split is frozen: measured on, never trained on."""
    # Before the pictures are decoded: an unknown category is told at once.
    category_by_name(unit.session, access.project, category)
    unit.release_connection()
    taken = _take(context, files, sources)
    found = category_by_name(unit.session, access.project, category)
    given = seed_examples(unit.session, access.project, found, split, taken)
    details = Counter(str(each.outcome) for each in given)
    user_id, project_id = access.principal.user_id, access.project.id
    record(
        unit.session, project_id, user_id, Verb.SEED_EXAMPLES, found.name, split=split, **details
    )
    return answers.upload_answer(given)


def _take(context: Context, files: list[UploadFile], sources: str | None) -> list[Taken]:
    settings = context.settings
    if len(files) > settings.most_request_images:
        raise TooLargeError(
            "Send at most {most} pictures in a request.", most=settings.most_request_images
        )
    limits = PictureLimits(bytes=settings.most_image_bytes, pixels=settings.most_image_pixels)
    facts = _facts(sources, len(files))
    uploads = [
        Upload(file.filename or "", _reader(file, settings.most_image_bytes), each)
        for file, each in zip(files, facts, strict=True)
    ]
    return take(uploads, context.blobs, limits)


def _reader(file: UploadFile, most: int) -> Callable[[], bytes]:
    # One byte more than allowed tells "too large" without reading the rest.
    return lambda: file.file.read(most + 1)


def _facts(sources: str | None, files: int) -> list[SourceFacts]:
    if sources is None:
        return [SourceFacts()] * files
    try:
        parsed = _SOURCES.validate_json(sources)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(
            "sources",
            "`sources` is not the documented JSON: {where} {what}",
            where=where,
            what=first["msg"],
        ) from None
    if len(parsed) == 1:
        parsed *= files
    if len(parsed) != files:
        raise InvalidError(
            "sources",
            "Give one source for each of the {files} files, or one for all; got {got}.",
            files=files,
            got=len(parsed),
        )
    return [
        SourceFacts(
            url=source.url,
            tags=tuple(source.tags),
            author=source.author,
            licence=source.licence,
            crawled_at=source.crawled_at,
        )
        for source in parsed
    ]


def _image(unit: UnitDep, access: Access, sha256: str) -> Image:
    image = queries.image_by_hash(unit.session, access.project.id, sha256)
    if image is None:
        raise NotFoundError("image", sha256)
    return image


@router.get("/projects/{project}/images/{sha256}", operation_id="getImage", responses=responses())
def get_image(sha256: str, unit: UnitDep, access: Reader) -> ImageDetailOut:
    """An image and its sources."""
    image = _image(unit, access, sha256)
    return ImageDetailOut(
        **answers.image_out(access.project.slug, image).model_dump(),
        format=image.format,
        size=image.size,
        sources=[
            SourceOut(
                url=source.url,
                tags=source.tags,
                author=source.author,
                licence=source.licence,
                crawled_at=source.crawled_at,
            )
            for source in queries.sources(unit.session, image.id)
        ],
    )


# Content-addressed, so it never changes; private, so that no shared cache serves it to outsiders.
_CACHE = {"Cache-Control": "private, max-age=31536000, immutable"}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {}}, "description": "The picture"}
}


@router.get(
    "/projects/{project}/images/{sha256}/original",
    operation_id="getOriginal",
    response_class=FileResponse,
    responses=responses() | _PICTURE,
)
def get_original(sha256: str, unit: UnitDep, context: ContextDep, access: Reader) -> Response:
    """The bytes as they came."""
    image = _image(unit, access, sha256)
    path = context.blobs.path(original_key(sha256))
    return FileResponse(path, media_type=PictureFormat(image.format).media_type, headers=_CACHE)


@router.get(
    "/projects/{project}/images/{sha256}/{size}",
    operation_id="getDerivative",
    response_class=FileResponse,
    responses=responses() | _PICTURE,
)
def get_derivative(
    sha256: str, size: str, unit: UnitDep, context: ContextDep, access: Reader
) -> Response:
    """A smaller copy as WebP, upright and without metadata: `thumbnail` or `screen`."""
    named = {each.word: each for each in Size}
    if size not in named:
        raise NotFoundError("size", size)
    _image(unit, access, sha256)
    unit.release_connection()
    # From memory: small, and a file would be sent in pieces, each read by another thread.
    made = derivative(context.blobs, sha256, named[size])
    return Response(made, media_type="image/webp", headers=_CACHE)
