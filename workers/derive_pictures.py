"""After a round is scored: make the pictures that labelers will see, so that nobody waits for them."""

from collections.abc import Sequence

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from app.db.tables import Exemplar, Image, Proposal, Round
from app.derivatives import derivative
from app.pictures import PictureRefused, Size
from workers.runner import Publish, Work


def compute(work: Work) -> Publish:
    """Derive what is shown, in labeling order. The web service makes what is asked for sooner."""
    with work.bench.sessions() as session:
        shown = _shown(session, work.claim.round_id)
    for step, sha256 in enumerate(shown):
        work.heart.progress(step, len(shown))
        for size in Size:
            try:
                derivative(work.bench.blobs, sha256, size)
            except (KeyError, PictureRefused):
                # The page says so when it is reached; the other pictures are still wanted.
                continue
    return _nothing_to_publish


def _shown(session: Session, round_id: int) -> Sequence[str]:
    exemplars = select(Exemplar.image_id, Exemplar.position * 0 - 1).where(
        Exemplar.round_id == round_id
    )
    proposals = select(Proposal.image_id, Proposal.position).where(Proposal.round_id == round_id)
    both = union_all(exemplars, proposals).subquery()
    rows = session.scalars(
        select(Image.sha256).join(both, both.c[0] == Image.id).order_by(both.c[1])
    )
    return list(dict.fromkeys(rows))


def _nothing_to_publish(_session: Session, _running: Round) -> None:
    """The copies are stored already."""
