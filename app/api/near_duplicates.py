"""Groups of images that show the same photograph."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.db.session import database_now
from app.domain.event import Verb
from app.usecases.events import record
from app.usecases.likeness.near_duplicates import Group, Membership, attach, detach, groups_of
from app.usecases.people import Access

from . import answers
from .dependencies import Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.near_duplicates import (
    DuplicateGroupOut,
    DuplicateGroupPage,
    MembershipOut,
    NearDuplicateOut,
)

router = APIRouter(tags=["images"], route_class=OneThreadRoute)
PATH = "/projects/{project}/near-duplicates"


@router.get(PATH, operation_id="listNearDuplicates", responses=responses())
def list_near_duplicates(
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    *,
    detached: Annotated[
        bool, Query(description="Only groups that a member was taken out of")
    ] = False,
) -> DuplicateGroupPage:
    """Groups of near-duplicates, the newest first."""
    found = groups_of(
        unit.session, access.project, detached=detached, before=before, limit=limit + 1
    )
    shown = found[:limit]
    return DuplicateGroupPage(
        groups=[_out(access.project.slug, each) for each in shown],
        next=shown[-1].representative.id if len(found) > limit else None,
    )


@router.post(
    PATH + "/{sha256}/detach", operation_id="detachNearDuplicate", status_code=204,
    responses=responses(),
)  # fmt: skip
def detach_near_duplicate(sha256: str, unit: UnitDep, access: Lead) -> None:
    """Say that an image is another photograph: what it inherited ends, and rounds may ask about it."""
    now = database_now(unit.session)
    if detach(unit.session, access.project, sha256, access.principal.user_id, now):
        _log(unit, access, Verb.DETACH_NEAR_DUPLICATE, sha256)


@router.post(
    PATH + "/{sha256}/attach", operation_id="attachNearDuplicate", status_code=204,
    responses=responses(),
)  # fmt: skip
def attach_near_duplicate(sha256: str, unit: UnitDep, access: Lead) -> None:
    """Take `detachNearDuplicate` back: the image inherits again."""
    if attach(unit.session, access.project, sha256):
        _log(unit, access, Verb.ATTACH_NEAR_DUPLICATE, sha256)


def _log(unit: UnitDep, access: Access, verb: Verb, sha256: str) -> None:
    record(unit.session, access.project.id, access.principal.user_id, verb, sha256[:12])


def _out(slug: str, group: Group) -> DuplicateGroupOut:
    return DuplicateGroupOut(
        id=group.representative.id,
        representative=answers.image_out(slug, group.representative),
        memberships=_memberships(group.memberships),
        members=[
            NearDuplicateOut(
                image=answers.image_out(slug, each.image),
                hash_distance=each.hash_distance,
                similarity=each.similarity,
                detached=each.detached,
                memberships=_memberships(each.memberships),
            )
            for each in group.members
        ],
    )


def _memberships(held: tuple[Membership, ...]) -> list[MembershipOut]:
    return [
        MembershipOut(answer=each.answer, category=each.category, inherited=each.inherited)
        for each in held
    ]
