"""The coarse filter of a project: negatives in, a filter made, its threshold moved."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from app.blobs import BlobMissing
from app.db import filter_queries
from app.db.session import database_now
from app.db.tables import CoarseFilter
from app.domain.errors import (
    BusyError,
    FilterAtWorkError,
    FilterNotReadyError,
    InvalidError,
    NoSpaceError,
    NotFoundError,
    TooLargeError,
    TransitionError,
)
from app.domain.event import Verb
from app.domain.filtering import (
    MOST_FILE,
    FilterOrigin,
    NegativeOrigin,
    check_threshold,
    facts_in,
)
from app.usecases.events import record
from app.usecases.filter import ask
from app.usecases.filter.negatives import add_negatives, mark_negative, remove_negative
from app.usecases.people import Access

from . import answers
from .dependencies import ContextDep, Lead, UnitDep
from .images import Files, Sources, take_files
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.filters import (
    AroundOut,
    CoarseFilterOut,
    FilterOut,
    MarkIn,
    NegativeOut,
    NegativePage,
    ScoredImage,
    ThresholdIn,
    ThresholdOut,
)
from .schemas.images import UploadAnswer
from .schemas.rounds import JobOut

router = APIRouter(tags=["coarse filter"], route_class=OneThreadRoute)
FILTER = "/projects/{project}/filter"
NEGATIVES = "/projects/{project}/negatives"
_BYTES = "application/octet-stream"


# --- The filter


@router.get(FILTER, operation_id="getFilter", responses=responses())
def get_filter(unit: UnitDep, access: Lead) -> FilterOut:
    """The filter in force, the scores of the pool, and the work on a new filter."""
    session, project = unit.session, access.project
    of = filter_queries.filter_in_force(session, project.id)
    scores = filter_queries.scores(session, project.id, of.id if of else None)
    job = filter_queries.newest_filter_job(session, project.id)
    edge = round(project.domain_threshold * len(scores.bins))
    filtered = sum(scores.bins[:edge])
    return FilterOut(
        threshold=project.domain_threshold,
        bins=list(scores.bins),
        unscored=scores.unscored,
        stale=scores.stale,
        kept=scores.scored - filtered + scores.unscored,
        filtered=filtered,
        positives=filter_queries.positives(session, project.id),
        negatives={
            NegativeOrigin(origin): number
            for origin, number in filter_queries.negatives(session, project.id).items()
        },
        filter=None if of is None else _filter(of),
        job=None if job is None else answers.job_out(job, database_now(session)),
    )


@router.post(
    FILTER + "/train",
    operation_id="trainFilter",
    status_code=202,
    responses=responses(FilterAtWorkError, FilterNotReadyError),
)
def train_filter(unit: UnitDep, access: Lead) -> JobOut:
    """Train a filter on the examples and the negatives, and score the pool with it."""
    job = ask.ask_for_training(unit.session, access.project, access.principal.user_id)
    unit.send_after_commit(job)
    return answers.job_out(job, database_now(unit.session))


@router.post(FILTER + "/cancel", operation_id="cancelFilter", responses=responses(TransitionError))
def cancel_filter(unit: UnitDep, access: Lead) -> JobOut:
    """Stop the work on a filter. One that scores the pool already stays in force."""
    now = database_now(unit.session)
    job = ask.cancel_training(unit.session, access.project, access.principal.user_id, now)
    return answers.job_out(job, now)


@router.put(FILTER + "/threshold", operation_id="moveThreshold", responses=responses())
def move_threshold(body: ThresholdIn, unit: UnitDep, access: Lead) -> ThresholdOut:
    """Let more or less of the pool pass, at once. What a round has proposed stays proposed."""
    threshold = check_threshold(body.threshold)
    user_id = access.principal.user_id
    return ThresholdOut(**ask.move_threshold(unit.session, access.project, user_id, threshold))


@router.get(FILTER + "/around", operation_id="lookAroundThreshold", responses=responses())
def look_around(
    unit: UnitDep,
    access: Lead,
    threshold: Annotated[
        float | None, Query(ge=0, le=1, description="The project's where it is left out")
    ] = None,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1, description="Another draws others")] = 0,
    limit: Annotated[int, Query(ge=1, le=60, description="On each side")] = 12,
) -> AroundOut:
    """Candidates on both sides of a threshold, drawn from those nearest to it."""
    wanted = access.project.domain_threshold if threshold is None else check_threshold(threshold)
    sides = filter_queries.around(unit.session, access.project.id, wanted, seed, limit)
    above, below = (
        [
            ScoredImage(**answers.image_out(access.project.slug, image).model_dump(), score=score)
            for image, score in side
        ]
        for side in sides
    )
    return AroundOut(threshold=wanted, above=above, below=below)


_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {_BYTES: {}}, "description": "The file, safetensors"}
}


@router.get(
    FILTER + "/file",
    operation_id="downloadFilter",
    response_class=Response,
    responses=responses() | _FILE,
)
def download_filter(unit: UnitDep, context: ContextDep, access: Lead) -> Response:
    """The filter in force as a file, with which another project of the same backbone can start."""
    of = ask.filter_to_download(unit.session, access.project)
    unit.release_connection()
    try:
        content = context.blobs.get(of.blob_key or "")
    except BlobMissing:
        raise NotFoundError("coarse filter", access.project.slug) from None
    name = f"{access.project.slug}-filter.safetensors"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_BYTES, headers=headers)


@router.post(
    FILTER + "/file",
    operation_id="uploadFilter",
    status_code=202,
    responses=responses(FilterAtWorkError, TooLargeError),
)
def upload_filter(
    file: Annotated[UploadFile, File(description="What `downloadFilter` gave")],
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
) -> JobOut:
    """Start from a trained filter instead of training one. A worker scores the pool with it."""
    content = file.file.read(MOST_FILE + 1)
    if len(content) > MOST_FILE:
        raise TooLargeError("A coarse filter has at most {most} bytes.", most=MOST_FILE)
    facts_in(content)  # nothing is stored that is no filter
    digest = ask.store_file(context.blobs, content)
    job = ask.take_file(unit.session, access.project, access.principal.user_id, content, digest)
    unit.send_after_commit(job)
    return answers.job_out(job, database_now(unit.session))


# --- Negatives


@router.post(
    NEGATIVES,
    operation_id="addNegatives",
    responses=responses(InvalidError, TooLargeError, BusyError, NoSpaceError),
)
def add(
    files: Files,
    unit: UnitDep,
    context: ContextDep,
    access: Lead,
    origin: Annotated[
        NegativeOrigin, Form(description="`generic` for pictures of a public set")
    ] = NegativeOrigin.GIVEN,
    sources: Sources = None,
) -> UploadAnswer:
    """Give pictures that are out of the domain. They are neither candidates nor examples."""
    if origin is NegativeOrigin.MARKED:
        raise InvalidError("origin", "Only a candidate can be marked. Use 'given' or 'generic'.")
    taken = take_files(context, files, sources)
    given = add_negatives(unit.session, access.project, origin, taken)
    counts = Counter(str(each.outcome) for each in given)
    _log(unit, access, Verb.ADD_NEGATIVES, origin.value, **counts)
    return answers.upload_answer(given)


@router.post(
    NEGATIVES + "/marked", operation_id="markNegative", status_code=204, responses=responses()
)
def mark(body: MarkIn, unit: UnitDep, access: Lead) -> None:
    """Say of a candidate that it is out of the domain: it leaves the pool and becomes a negative."""
    mark_negative(unit.session, access.project, body.sha256)
    _log(unit, access, Verb.ADD_NEGATIVES, NegativeOrigin.MARKED.value, sha256=body.sha256)


@router.get(NEGATIVES, operation_id="listNegatives", responses=responses())
def list_negatives(
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> NegativePage:
    """The negatives, the newest first."""
    rows = filter_queries.newest_negatives(unit.session, access.project.id, limit + 1, before)
    shown = rows[:limit]
    return NegativePage(
        negatives=[
            NegativeOut(
                **answers.image_out(access.project.slug, image).model_dump(),
                origin=NegativeOrigin(origin),
            )
            for image, origin in shown
        ],
        next=shown[-1][0].id if len(rows) > limit else None,
    )


@router.delete(
    NEGATIVES + "/{sha256}", operation_id="removeNegative", status_code=204, responses=responses()
)
def remove(sha256: str, unit: UnitDep, access: Lead) -> None:
    """Take a negative back: a picture of the pool is a candidate again, another one is forgotten."""
    remove_negative(unit.session, access.project, sha256)
    _log(unit, access, Verb.REMOVE_NEGATIVE, sha256)


def _log(unit: UnitDep, access: Access, verb: Verb, what: str, **details: Any) -> None:
    project_id, user_id = access.project.id, access.principal.user_id
    record(unit.session, project_id, user_id, verb, what, **details)


def _filter(of: CoarseFilter) -> CoarseFilterOut:
    assert of.ready_at is not None  # noqa: S101 - it is in force
    told = {name: of.facts[name] for name in ("positives", "negatives", "auc")}
    bins = {name: of.facts[name] for name in ("positive_bins", "negative_bins")}
    return CoarseFilterOut(
        id=of.id,
        origin=FilterOrigin(of.origin),
        sha256=of.sha256 or "",
        fingerprint=of.fingerprint or "",
        ready_at=of.ready_at,
        **told,
        **bins,
    )
