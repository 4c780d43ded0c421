"""The map of a round, and what was answered since it was drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
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


def answers_since(
    given: dict[Answer, Answered], blobs: Blobs, of: RoundMap
) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.uint8]]:
    """The points that were answered meanwhile: their indices, categories and kinds.

    Args:
        given: what was answered in the round.
        blobs: where its points are.
        of: the map.

    Raises:
        NotFoundError: when its points are gone.
    """
    start = column_at("image", of.points)
    points = stored(blobs, points_key(of.points_hash))
    images = np.frombuffer(points, "<u4", of.points, start)
    kinds = np.full(of.points, PointKind.OPEN, np.uint8)
    categories = np.full(of.points, NO_CATEGORY, np.uint16)
    # A picture with a yes for one category and a no for another is accepted.
    for answer, kind in ((Answer.NO, PointKind.REJECTED), (Answer.YES, PointKind.ACCEPTED)):
        if answer in given:
            _mark(given[answer], kind, images, of.category_ids, kinds, categories)
    changed = np.flatnonzero(kinds != PointKind.OPEN).astype("<u4")
    return changed, categories[changed], kinds[changed]


def _mark(
    given: Answered,
    kind: PointKind,
    images: NDArray[np.uint32],
    category_ids: Sequence[int],
    kinds: NDArray[np.uint8],
    categories: NDArray[np.uint16],
) -> None:
    order = np.argsort(images)
    asked = np.asarray(given.image_ids, np.uint32)
    place = np.searchsorted(images, asked, sorter=order)
    place = order[np.minimum(place, len(images) - 1)]
    there = images[place] == asked
    output = {category: index for index, category in enumerate(category_ids)}
    known = np.array([output.get(each, NO_CATEGORY) for each in given.category_ids], np.uint16)
    kinds[place[there]] = kind
    categories[place[there]] = known[there]
