"""Pictures that left the pool with a batch and are sent again."""

from collections.abc import Collection

from sqlalchemy import ARRAY, Integer, bindparam, text
from sqlalchemy.orm import Session

# In one order: two that send the same pictures again cannot deadlock.
_AGAIN = text(
    """
    WITH gone AS (
        DELETE FROM withdrawn_image WHERE image_id IN (
            SELECT image_id FROM withdrawn_image WHERE image_id = ANY (:images)
            ORDER BY image_id FOR UPDATE
        )
        RETURNING image_id, to_pool
    )
    INSERT INTO candidate (image_id, project_id, bucket)
    SELECT image.id, image.project_id, ('x' || left(image.sha256, 4))::bit(16)::int
    FROM gone JOIN image ON image.id = gone.image_id
    WHERE gone.to_pool AND NOT EXISTS (
        SELECT FROM example WHERE example.image_id = gone.image_id AND to_version IS NULL
    )
    ON CONFLICT DO NOTHING
    RETURNING image_id
    """
).bindparams(bindparam("images", type_=ARRAY(Integer)))


def bring_again(session: Session, image_ids: Collection[int]) -> set[int]:
    """Make those of the images new candidates that left the pool with a batch; gives their ids.

    For whoever stores pictures that are there already: it holds the project's row and the images'
    (see `insert_images`), so none of them leaves meanwhile.
    """
    if not image_ids:
        return set()
    return set(session.scalars(_AGAIN, {"images": sorted(image_ids)}))
