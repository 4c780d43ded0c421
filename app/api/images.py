"""Pictures in: seeds and crawled images. Pictures out: the three sizes."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from pydantic import TypeAdapter, ValidationError

from app.blobs import derivative_key, original_key
from app.context import Context
from app.db import queries
from app.db.session import database_now
from app.db.tables import Image
from app.derivatives import derivative, ensure_derivative
from app.domain.dataset import Split
from app.domain.errors import (
    BeyondTheEndError,
    BusyError,
    CategoryRetiredError,
    InvalidError,
    NoSpaceError,
    NotFoundError,
    QuotaSpentError,
    TakenDownError,
    TooLargeError,
    TransitionError,
)
from app.domain.event import Verb
from app.domain.ingestion import SourceFacts
from app.domain.quota import Amount
from app.pictures import SHOWN, PictureFormat, PictureLimits
from app.usecases.events import record
from app.usecases.imports.seed_examples import seed_examples
from app.usecases.people import Access
from app.usecases.pool.batches import batch_for_upload, batch_of_the_day, hold_project
from app.usecases.pool.ingest_images import ingest_images
from app.usecases.pool.store_images import Taken, Upload, take
from app.usecases.projects import category_by_name
from app.usecases.quotas import check_quota, count_use

from . import answers
from .dependencies import ContextDep, Crawler, Lead, Reader, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.images import ImageDetailOut, SourceIn, SourceOut, UploadAnswer
from .served import sent_to, served

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
    responses=responses(
        InvalidError, TooLargeError, BusyError, QuotaSpentError, NoSpaceError, TransitionError
    ),
)
def ingest(
    files: Files,
    unit: UnitDep,
    context: ContextDep,
    access: Crawler,
    sources: Sources = None,
    batch: Annotated[
        int | None,
        Form(
            description="An open batch of the caller; without it, that of the token and the day",
            ge=1,
            le=2**31 - 1,
        ),
    ] = None,
) -> UploadAnswer:
    """Push crawled images into the pool. Sending one again is harmless: it is answered `duplicate`."""
    caller = access.principal
    coming = Amount(len(files), sum(file.size or 0 for file in files))
    if not caller.quota.is_none:
        with context.sessions.reading() as session:
            check_quota(session, caller, coming, database_now(session))
    # Nothing was asked of the unit's session yet: no connection is held while pictures decode.
    taken = take_files(context, files, sources)
    now = hold_project(unit.session, access.project)
    batch_id = (
        batch_of_the_day(unit.session, access.project, caller, now)
        if batch is None
        else batch_for_upload(unit.session, access.project, caller, batch)
    )
    given = ingest_images(unit.session, access.project, batch_id, taken)
    if not caller.quota.is_none:
        count_use(unit.session, caller, coming, now)
    return answers.upload_answer(given, batch_id)


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
    taken = take_files(context, files, sources)
    found = category_by_name(unit.session, access.project, category)
    given = seed_examples(unit.session, access.project, found, split, taken)
    details = Counter(str(each.outcome) for each in given)
    user_id, project_id = access.principal.user_id, access.project.id
    record(
        unit.session, project_id, user_id, Verb.SEED_EXAMPLES, found.name, split=split, **details
    )
    return answers.upload_answer(given)


def take_files(context: Context, files: list[UploadFile], sources: str | None) -> list[Taken]:
    """The files of a request, decoded and stored; `sources` as the routes document it.

    Raises:
        TooLargeError: too many files for one request.
        InvalidError: sources that are not as documented.
    """
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
    return [source.facts for source in parsed]


def _image(unit: UnitDep, access: Access, sha256: str) -> Image:
    image = queries.image_by_hash(unit.session, access.project.id, sha256)
    if image is None:
        raise NotFoundError("image", sha256)
    if image.taken_down_at is not None:
        raise TakenDownError
    return image


@router.get(
    "/projects/{project}/images/{sha256}",
    operation_id="getImage",
    responses=responses(TakenDownError),
)
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


_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {}}, "description": "The picture"},
    206: {"content": {"image/*": {}}, "description": "The range of its bytes that was asked for"},
    304: {"description": "It is the one that the caller has"},
    307: {"description": "Where it is for some minutes, if the operator lets browsers go there"},
}


@router.head(
    "/projects/{project}/images/{sha256}/original",
    operation_id="headOriginal",
    response_class=Response,
    responses=responses(TakenDownError) | _PICTURE,
)
@router.get(
    "/projects/{project}/images/{sha256}/original",
    operation_id="getOriginal",
    response_class=Response,
    responses=responses(BeyondTheEndError, TakenDownError) | _PICTURE,
)
def get_original(
    sha256: str, request: Request, unit: UnitDep, context: ContextDep, access: Reader
) -> Response:
    """The bytes as they came."""
    image = _image(unit, access, sha256)
    unit.release_connection()
    key = original_key(sha256)
    if (address := _address(request, context, key)) is not None:
        return sent_to(address)
    file = context.blobs.open(key)
    media_type = PictureFormat(image.format).media_type
    return served(request, file, image.size, sha256, media_type)


@router.head(
    "/projects/{project}/images/{sha256}/{size}",
    operation_id="headDerivative",
    response_class=Response,
    responses=responses(TakenDownError) | _PICTURE,
)
@router.get(
    "/projects/{project}/images/{sha256}/{size}",
    operation_id="getDerivative",
    response_class=Response,
    responses=responses(BeyondTheEndError, TakenDownError) | _PICTURE,
)
def get_derivative(
    sha256: str, size: str, request: Request, unit: UnitDep, context: ContextDep, access: Reader
) -> Response:
    """A smaller copy as WebP, upright and without metadata: `thumbnail` or `screen`."""
    named = {each.word: each for each in SHOWN}
    if size not in named:
        raise NotFoundError("size", size)
    _image(unit, access, sha256)
    unit.release_connection()
    if (address := _address(request, context, derivative_key(sha256, size))) is not None:
        ensure_derivative(context.blobs, sha256, named[size])
        return sent_to(address)
    made = derivative(context.blobs, sha256, named[size])
    # By its bytes: another version of the encoder may make others of the same original.
    tag = hashlib.sha256(made).hexdigest()
    return served(request, io.BytesIO(made), len(made), tag, "image/webp")


def _address(request: Request, context: Context, key: str) -> str | None:
    # A signature is for one method, and it is GET that carries the bytes.
    return context.blobs.address(key) if request.method == "GET" else None
