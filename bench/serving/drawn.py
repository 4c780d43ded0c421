"""What workers make of a round beside its proposals: a map, confusions, counted quality."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.blobs import FolderBlobs
from app.db.tables import Image, Proposal, Round, RoundMap
from app.domain.embedding_map import COLUMNS, MOST_POINTS, PointKind, images_key, points_key
from app.usecases.quality.count_quality import claim_count, count, keep_count

# Of each category, by each model version: most pictures rightly, some for the next ones.
_CONFUSIONS = text(
    """
    INSERT INTO confusion (model_id, category_id, taken_for_id, pictures)
    SELECT model_version.id, category.id,
           :first + (category.id - :first + away) % :categories, 8 / (1 + away)
    FROM model_version, category, generate_series(0, 4) AS away
    WHERE model_version.project_id = :project AND category.project_id = :project
    """
)


def write_drawn(
    session: Session, blobs_dir: Path, labeling: Round, first: int, categories: int
) -> None:
    """For the open round its map, for all models their confusions, for all rounds their quality."""
    values = {"project": labeling.project_id, "first": first, "categories": categories}
    session.execute(_CONFUSIONS, values)
    _map(session, FolderBlobs(blobs_dir), labeling, first, categories)
    now = datetime.now(UTC)
    rounds = select(Round.id).where(Round.project_id == labeling.project_id)
    for round_id in session.scalars(rounds).all():
        attempt = claim_count(session, round_id, now)
        if attempt is not None:
            keep_count(session, round_id, attempt, count(session, round_id), now)


def _map(
    session: Session, blobs: FolderBlobs, labeling: Round, first: int, categories: int
) -> None:
    rows = session.execute(
        select(Proposal.image_id, Proposal.category_id, Image.sha256)
        .join(Image, Image.id == Proposal.image_id)
        .where(Proposal.round_id == labeling.id)
        .limit(MOST_POINTS)
    ).all()
    chance = np.random.default_rng(0)
    values = {
        "pca": chance.normal(size=(len(rows), 2)),
        "neighbours": chance.normal(size=(len(rows), 2)),
        "image": [row.image_id for row in rows],
        "round": np.full(len(rows), labeling.number),
        "category": [row.category_id - first for row in rows],
        "kind": np.full(len(rows), PointKind.OPEN),
        "confidence": np.full(len(rows), 200),
    }
    points = b"".join(np.asarray(values[each.name], each.type).tobytes() for each in COLUMNS)
    images = b"".join(bytes.fromhex(row.sha256) for row in rows)
    digests = [hashlib.sha256(content).hexdigest() for content in (points, images)]
    blobs.put(points_key(digests[0]), points)
    blobs.put(images_key(digests[1]), images)
    session.add(
        RoundMap(
            round_id=labeling.id,
            points_hash=digests[0],
            images_hash=digests[1],
            points=len(rows),
            training=0,
            rejected=0,
            proposed=len(rows),
            others=0,
            category_ids=list(range(first, first + categories)),
            variance_x=0.4,
            variance_y=0.2,
        )
    )
    session.flush()
