"""The map of a round, and what was answered since it was drawn."""

import struct
from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.blobs import BlobMissing, Blobs
from app.db.map_queries import Answered, round_map
from app.db.tables import Project, RoundMap
from app.domain.decision import Answer
from app.domain.embedding_map import NO_CATEGORY, PointKind, column_at, points_key
from app.domain.errors import NotFoundError


def map_of(session: Session, project: Project, number: int) -> RoundMap:
    """The map of a round.

    Raises:
        NotFoundError: when there is no such round, or its map is not drawn (yet).
    """
    found = round_map(session, project.id, number)
    if found is None:
        raise NotFoundError("map of round", number)
    return found


def stored(blobs: Blobs, key: str) -> bytes:
    """What is stored of a map.

    Raises:
        NotFoundError: when it is gone.
    """
    try:
        return blobs.get(key)
    except BlobMissing:
        raise NotFoundError("map", key) from None


def answers_since(given: Mapping[Answer, Answered], blobs: Blobs, of: RoundMap) -> bytes:
    """The points that were answered meanwhile: their indices (<u4), categories (<u2), kinds (<u1).

    Args:
        given: what was answered in the round.
        blobs: where its points are.
        of: the map.

    Raises:
        NotFoundError: when its points are gone.
    """
    points = stored(blobs, points_key(of.points_hash))
    images = struct.unpack_from(f"<{of.points}I", points, column_at("image", of.points))
    place = {image: index for index, image in enumerate(images)}
    output = {category: index for index, category in enumerate(of.category_ids)}
    told: dict[int, tuple[int, PointKind]] = {}
    # The yes last: a picture with a yes for one category and a no for another is accepted.
    for answer, kind in ((Answer.NO, PointKind.REJECTED), (Answer.YES, PointKind.ACCEPTED)):
        if answer not in given:
            continue
        pairs = zip(given[answer].image_ids, given[answer].category_ids, strict=True)
        told |= {
            place[image]: (output.get(category, NO_CATEGORY), kind)
            for image, category in pairs
            if image in place
        }
    categories, kinds = zip(*told.values(), strict=True) if told else ((), ())
    many = len(told)
    return struct.pack(f"<{many}I{many}H{many}B", *told, *categories, *kinds)
