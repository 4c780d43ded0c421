"""Candidates that nearly are pictures of the test split."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.db.leak_queries import leak_page
from app.db.session import database_now
from app.domain.event import Verb
from app.usecases.events import record
from app.usecases.likeness.leaks import quarantine_leak, release_leak
from app.usecases.people import Access

from . import answers
from .dependencies import Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.leaks import LeakOut, LeakPage

router = APIRouter(tags=["images"], route_class=OneThreadRoute)
PATH = "/projects/{project}/leaks"


@router.get(PATH, operation_id="listLeaks", responses=responses())
def list_leaks(
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    *,
    released: Annotated[bool, Query(description="Those that a lead has released")] = False,
) -> LeakPage:
    """Candidates that are quarantined because a test picture shows the same, the newest first."""
    slug = access.project.slug
    found = leak_page(
        unit.session, access.project.id, released=released, before=before, limit=limit + 1
    )
    shown = found[:limit]
    return LeakPage(
        leaks=[
            LeakOut(
                image=answers.image_out(slug, image),
                test_image=answers.image_out(slug, test),
                category=category,
                hash_distance=leak.hash_distance,
                similarity=leak.similarity,
                released=leak.released_at is not None,
            )
            for leak, image, test, category in shown
        ],
        next=shown[-1][0].image_id if len(found) > limit else None,
    )


@router.post(
    PATH + "/{sha256}/release", operation_id="releaseLeak", status_code=204, responses=responses()
)
def release(sha256: str, unit: UnitDep, access: Lead) -> None:
    """Say that a candidate is another photograph than the test picture: rounds may ask about it."""
    now = database_now(unit.session)
    if release_leak(unit.session, access.project, sha256, access.principal.user_id, now):
        _log(unit, access, Verb.RELEASE_LEAK, sha256)


@router.post(
    PATH + "/{sha256}/quarantine", operation_id="quarantineLeak", status_code=204,
    responses=responses(),
)  # fmt: skip
def quarantine(sha256: str, unit: UnitDep, access: Lead) -> None:
    """Take `releaseLeak` back: nobody is asked about the candidate."""
    if quarantine_leak(unit.session, access.project, sha256):
        _log(unit, access, Verb.QUARANTINE_LEAK, sha256)


def _log(unit: UnitDep, access: Access, verb: Verb, sha256: str) -> None:
    record(unit.session, access.project.id, access.principal.user_id, verb, sha256[:12])
