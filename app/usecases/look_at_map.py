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
    output = {category: index for index, category in enumerate(of.category_ids)}
    accepted, rejected = (_by_image(given.get(answer)) for answer in (Answer.YES, Answer.NO))
    # A picture with a yes for one category and a no for another is accepted.
    yes = [index for index, image in enumerate(images) if image in accepted]
    no = [
        index for index, image in enumerate(images) if image in rejected and image not in accepted
    ]
    categories = [
        *(output.get(accepted[images[index]], NO_CATEGORY) for index in yes),
        *(output.get(rejected[images[index]], NO_CATEGORY) for index in no),
    ]
    kinds = bytes([PointKind.ACCEPTED]) * len(yes) + bytes([PointKind.REJECTED]) * len(no)
    return struct.pack(f"<{len(kinds)}I{len(kinds)}H", *yes, *no, *categories) + kinds


def _by_image(given: Answered | None) -> dict[int, int]:
    """The category that each image was asked about; the last one of several."""
    return {} if given is None else dict(zip(given.image_ids, given.category_ids, strict=True))
