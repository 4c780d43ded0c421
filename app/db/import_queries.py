"""What an import asks of the dataset that it adds to."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Example, Image
from app.domain.dataset import Split

_HASHES = 5000  # in one query


def given(session: Session, project_id: int) -> dict[int, tuple[int, int]]:
    """How many train and test pictures a lead has given each category, by its id."""
    rows = session.execute(
        select(
            Example.category_id,
            func.count().filter(Example.split == Split.TRAIN),
            func.count().filter(Example.split == Split.TEST),
        )
        .where(
            Example.project_id == project_id,
            Example.round_id.is_(None),
            Example.to_version.is_(None),
        )
        .group_by(Example.category_id)
    )
    return {category_id: (train, test) for category_id, train, test in rows}


def examples_among(
    session: Session, project_id: int, hashes: Collection[str]
) -> dict[tuple[int, str], Split]:
    """The splits of those of these pictures that are examples, by category id and hash."""
    found: dict[tuple[int, str], Split] = {}
    ordered = sorted(hashes)
    for start in range(0, len(ordered), _HASHES):
        rows = session.execute(
            select(Example.category_id, Image.sha256, Example.split)
            .join(Image, Image.id == Example.image_id)
            .where(
                Image.project_id == project_id,
                Image.sha256.in_(ordered[start : start + _HASHES]),
                Example.to_version.is_(None),
            )
        )
        found |= {(category_id, sha256): Split(split) for category_id, sha256, split in rows}
    return found
