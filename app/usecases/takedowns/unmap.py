"""Points of pictures that are gone leave the maps of rounds."""

import hashlib
import struct
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.blobs import BlobMissing, Blobs
from app.db.tables import Round, RoundMap
from app.domain.embedding_map import HASH_BYTES, column_at, images_key, points_key, without_points


def forget_on_maps(
    session: Session, blobs: Blobs, project_id: int, image_ids: Collection[int]
) -> None:
    """Store the maps of a project again that show any of these pictures."""
    maps = session.scalars(
        select(RoundMap)
        .join(Round, Round.id == RoundMap.round_id)
        .where(Round.project_id == project_id)
    ).all()
    for each in maps:
        forget_on_map(blobs, each, image_ids)


def forget_on_map(blobs: Blobs, of: RoundMap, image_ids: Collection[int]) -> None:
    """Store a map again without these pictures, if it shows any; the row then names the new blobs.

    What was stored before is deleted: whoever reads it at this moment finds nothing, and reloads.
    """
    before = points_key(of.points_hash), images_key(of.images_hash)
    try:
        points, hashes = (blobs.get(key) for key in before)
    except BlobMissing:
        return
    shown = struct.unpack_from(f"<{of.points}I", points, column_at("image", of.points))
    leave = frozenset(image_ids)
    places = [place for place, image_id in enumerate(shown) if image_id in leave]
    if not places:
        return
    points = without_points(points, of.points, places)
    for place in reversed(places):
        hashes = hashes[: place * HASH_BYTES] + hashes[(place + 1) * HASH_BYTES :]
    of.points -= len(places)
    of.points_hash = hashlib.sha256(points).hexdigest()
    of.images_hash = hashlib.sha256(hashes).hexdigest()
    blobs.put(points_key(of.points_hash), points)
    blobs.put(images_key(of.images_hash), hashes)
    for key in before:
        blobs.delete(key)
