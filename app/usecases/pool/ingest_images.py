"""A crawler pushes pictures into the pool."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.many_rows import insert_rows
from app.db.tables import Candidate, Project
from app.domain.ingestion import ImageOutcome
from app.domain.round import bucket_of
from app.usecases.pool.batches import count_in
from app.usecases.pool.bring_again import bring_again
from app.usecases.pool.store_images import ImageAnswer, Taken, insert_images


def ingest_images(
    session: Session, project: Project, batch_id: int, taken: Sequence[Taken]
) -> list[ImageAnswer]:
    """Add pictures of a batch to the pool and answer for each file, in the order they came.

    Sending a picture again is harmless: it is a duplicate, and what is new about its source is kept.
    One that left the pool with a batch that was withdrawn is stored anew.
    """
    inserted = insert_images(session, project, taken)
    answers = add_candidates(session, project, inserted.taken, inserted.ids, inserted.new)
    count_in(session, batch_id, answers, inserted.ids)
    return answers


def add_candidates(
    session: Session, project: Project, taken: Sequence[Taken], ids: dict[str, int], new: set[str]
) -> list[ImageAnswer]:
    """The same for pictures whose images are stored; `ids` and `new` are what `insert_images` gave."""
    hashes = {each.picture.sha256 for each in taken if each.picture is not None}
    new = new & hashes
    if new:
        rows = [
            {"image_id": ids[sha256], "project_id": project.id, "bucket": bucket_of(sha256)}
            for sha256 in sorted(new)
        ]
        session.execute(insert_rows(Candidate, rows))
    known = {ids[sha256]: sha256 for sha256 in hashes - new}
    new |= {known[image_id] for image_id in bring_again(session, known)}
    answers = []
    for item in taken:
        if item.picture is None:
            assert item.refusal is not None  # noqa: S101 - Taken has one or the other
            answers.append(item.refusal)
            continue
        sha256 = item.picture.sha256
        outcome = ImageOutcome.STORED if sha256 in new else ImageOutcome.DUPLICATE
        # The same file twice in one request: the first is stored, the second its duplicate.
        new.discard(sha256)
        answers.append(ImageAnswer(item.filename, outcome, sha256))
    return answers
