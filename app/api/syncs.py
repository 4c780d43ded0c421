"""Syncs: pictures out of folders and buckets that the operator allows."""

from fastapi import APIRouter

from app.domain.errors import InvalidError, SyncUnderWayError
from app.domain.location import location_of, locations
from app.usecases.pool.sync_location import queue_sync

from .dependencies import ContextDep, Crawler, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.syncs import LocationOut, NewSync, SyncOut

router = APIRouter(tags=["syncs"], route_class=OneThreadRoute)


@router.get(
    "/projects/{project}/sync-locations", operation_id="listSyncLocations", responses=responses()
)
def list_locations(context: ContextDep, access: Lead) -> list[LocationOut]:  # noqa: ARG001
    """The locations that may be synced from, by the names that the operator gave them."""
    return [LocationOut(name=name) for name in locations(context.settings.sync_locations or "")]


@router.post(
    "/projects/{project}/syncs",
    operation_id="startSync",
    status_code=201,
    responses=responses(InvalidError, SyncUnderWayError),
)
def start_sync(body: NewSync, unit: UnitDep, context: ContextDep, access: Crawler) -> SyncOut:
    """Bring in what is new below a location. What has not changed since it was read is not read again.

    With the scope `ingest` alone: of what a lead has synced before, and of folders below that.
    """
    allowed = locations(context.settings.sync_locations or "")
    named = location_of(body.location, allowed)
    location, below = named or (body.location, "")
    prefix = "/".join(filter(None, (below, body.prefix)))
    batch, job = queue_sync(unit.session, access, allowed, location, prefix, body.source.facts)
    unit.send_after_commit(job)
    return SyncOut(batch=batch.id, name=batch.name)
