"""The map of a round: its pictures in the plane."""

from typing import Any

from fastapi import APIRouter, Response

from app.db import map_queries
from app.domain.embedding_map import COLUMNS, column_at, images_key, points_key
from app.domain.errors import NotFoundError
from app.usecases.look_at_map import answers_since, map_of, stored

from .dependencies import ContextDep, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.maps import MapCategory, MapColumn, MapOut

router = APIRouter(tags=["maps"], route_class=OneThreadRoute)

# Named by its content, so it never changes; private, so that no shared cache serves it to others.
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
_BYTES = "application/octet-stream"
_BINARY: dict[int | str, dict[str, Any]] = {
    200: {"content": {_BYTES: {}}, "description": "Little-endian numbers without gaps"}
}


@router.get("/projects/{project}/rounds/{number}/map", operation_id="getMap", responses=responses())
def get_map(number: int, unit: UnitDep, access: Lead) -> MapOut:
    """What is on the map of a round, and where its points are. It is drawn when the round is scored."""
    found = map_of(unit.session, access.project, number)
    names = map_queries.category_names(unit.session, found.category_ids)
    here = f"/api/v1/projects/{access.project.slug}/rounds/{number}/map"
    return MapOut(
        round=number,
        made_at=found.created_at,
        points=found.points,
        training=found.training,
        proposed=found.proposed,
        rejected=found.rejected,
        others=found.others,
        variance=[found.variance_x, found.variance_y],
        columns=[
            MapColumn(
                name=each.name,
                type=each.type,
                width=each.width,
                start=column_at(each.name, found.points),
            )
            for each in COLUMNS
        ],
        kinds=MapOut.kinds_of(),
        categories=[
            MapCategory(index=index, name=names[category_id])
            for index, category_id in enumerate(found.category_ids)
            if category_id in names
        ],
        points_path=f"{here}/points/{found.points_hash}",
        images_path=f"{here}/images/{found.images_hash}",
        answers_path=f"{here}/answers",
    )


@router.get(
    "/projects/{project}/rounds/{number}/map/points/{digest}",
    operation_id="getMapPoints",
    response_class=Response,
    responses=responses() | _BINARY,
)
def get_points(
    number: int, digest: str, unit: UnitDep, context: ContextDep, access: Lead
) -> Response:
    """The points of a map, as `getMap` describes them."""
    found = map_of(unit.session, access.project, number)
    return _stored(unit, context, points_key(found.points_hash), digest, found.points_hash)


@router.get(
    "/projects/{project}/rounds/{number}/map/images/{digest}",
    operation_id="getMapImages",
    response_class=Response,
    responses=responses() | _BINARY,
)
def get_images(
    number: int, digest: str, unit: UnitDep, context: ContextDep, access: Lead
) -> Response:
    """The SHA-256 of each picture of a map, in the order of its points."""
    found = map_of(unit.session, access.project, number)
    return _stored(unit, context, images_key(found.images_hash), digest, found.images_hash)


def _stored(unit: UnitDep, context: ContextDep, key: str, digest: str, held: str) -> Response:
    if digest != held:
        raise NotFoundError("map", digest)
    unit.release_connection()
    return Response(stored(context.blobs, key), media_type=_BYTES, headers=_FOREVER)


@router.get(
    "/projects/{project}/rounds/{number}/map/answers",
    operation_id="getMapAnswers",
    response_class=Response,
    responses=responses() | _BINARY,
)
def get_answers(number: int, unit: UnitDep, context: ContextDep, access: Lead) -> Response:
    """What was answered since the map was drawn: indices, categories and kinds of these points."""
    found = map_of(unit.session, access.project, number)
    given = map_queries.answered(unit.session, found.round_id)
    unit.release_connection()
    return Response(answers_since(given, context.blobs, found), media_type=_BYTES)
