"""What is decided about an image holds for its near-duplicates: they inherit its memberships.

A member of a group is never asked about. While its representative is an example for training, it is
one of the same category; while the representative is a hard negative, so is the member. What is
inherited ends with what it was inherited from.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

# Memberships whose representative is no longer what it was, or that a lead took out of their group.
_END = """
    UPDATE {table} AS mine SET to_version = :version
    WHERE mine.project_id = :project AND mine.to_version IS NULL AND mine.inherited_from IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM near_duplicate AS near JOIN {table} AS theirs
          ON theirs.image_id = near.representative_id AND theirs.to_version IS NULL
        WHERE near.image_id = mine.image_id AND near.detached_at IS NULL
          AND theirs.category_id = mine.category_id
      )
"""
_BEGIN_EXAMPLES = """
    INSERT INTO example
        (project_id, image_id, category_id, split, round_id, decision_id, from_version, inherited_from)
    SELECT :project, near.image_id, theirs.category_id, 'train', theirs.round_id, theirs.decision_id,
           :version, theirs.image_id
    FROM near_duplicate AS near
    JOIN candidate ON candidate.image_id = near.image_id
    JOIN example AS theirs
      ON theirs.image_id = near.representative_id AND theirs.to_version IS NULL
    WHERE near.project_id = :project AND near.detached_at IS NULL AND theirs.split = 'train'
      -- Whoever was asked about this very picture said no.
      AND NOT EXISTS (
        SELECT FROM hard_negative AS own
        WHERE own.image_id = near.image_id AND own.category_id = theirs.category_id
          AND own.to_version IS NULL AND own.inherited_from IS NULL
      )
    ON CONFLICT DO NOTHING
"""
_BEGIN_NEGATIVES = """
    INSERT INTO hard_negative
        (project_id, image_id, category_id, round_id, decision_id, from_version, inherited_from)
    SELECT :project, near.image_id, theirs.category_id, theirs.round_id, theirs.decision_id,
           :version, theirs.image_id
    FROM near_duplicate AS near
    JOIN candidate ON candidate.image_id = near.image_id
    JOIN hard_negative AS theirs
      ON theirs.image_id = near.representative_id AND theirs.to_version IS NULL
    WHERE near.project_id = :project AND near.detached_at IS NULL
    ON CONFLICT DO NOTHING
"""
# The row of a candidate goes when its image becomes an example, and is there again afterwards.
_LEAVE_POOL = """
    DELETE FROM candidate USING example
    WHERE candidate.project_id = :project AND example.image_id = candidate.image_id
      AND example.inherited_from IS NOT NULL AND example.to_version IS NULL
"""
_INTO_POOL = """
    INSERT INTO candidate (image_id, project_id, bucket, standing)
    SELECT image.id, :project, ('x' || left(image.sha256, 4))::bit(16)::int,
           CASE WHEN near.detached_at IS NULL THEN 'near_duplicate' ELSE 'open' END
    FROM example AS was
    JOIN image ON image.id = was.image_id
    JOIN near_duplicate AS near ON near.image_id = image.id
    WHERE was.project_id = :project AND was.to_version = :version AND was.inherited_from IS NOT NULL
      AND NOT EXISTS (SELECT FROM withdrawn_image AS gone WHERE gone.image_id = image.id)
      AND NOT EXISTS (
        SELECT FROM example AS now WHERE now.image_id = image.id AND now.to_version IS NULL
      )
    ON CONFLICT DO NOTHING
"""
# A candidate that came back from the dataset by another way.
_STAND_BEHIND = """
    UPDATE candidate SET standing = 'near_duplicate' FROM near_duplicate AS near
    WHERE near.project_id = :project AND near.detached_at IS NULL
      AND candidate.image_id = near.image_id AND candidate.standing IN ('new', 'open')
"""
_STEPS = (
    _END.format(table="example"),
    _END.format(table="hard_negative"),
    _INTO_POOL,
    _BEGIN_EXAMPLES,
    _BEGIN_NEGATIVES,
    _LEAVE_POOL,
    _STAND_BEHIND,
)


def inherit(session: Session, project_id: int, version: int) -> None:
    """Bring the memberships of near-duplicates up to those of their representatives.

    Args:
        session: Its transaction, which holds the project row for update.
        project_id: The project.
        version: The dataset version that is being made: memberships end and begin with it.
    """
    session.flush()
    for step in _STEPS:
        session.execute(text(step), {"project": project_id, "version": version})
