"""After a round is scored: make the pictures that labelers will see, so that nobody waits for them."""

from collections.abc import Sequence

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from app.db.tables import Contrast, Exemplar, Image, Proposal, Round
from app.derivatives import ensure_derivative
from app.pictures import SHOWN, PictureRefused
from workers.runner import Publish, Work


def compute(work: Work) -> Publish:
    """Derive what is shown, in labeling order. The web service makes what is asked for sooner."""
    with work.bench.sessions() as session:
        shown = _shown(session, work.claim.round_id)
    for step, sha256 in enumerate(shown):
        work.heart.progress(step, len(shown))
        for size in SHOWN:
            try:
                ensure_derivative(work.bench.blobs, sha256, size)
            except (KeyError, PictureRefused):
                # The page says so when it is reached; the other pictures are still wanted.
                continue
    return _nothing_to_publish


def _shown(session: Session, round_id: int) -> Sequence[str]:
    exemplars = select(Exemplar.image_id, Exemplar.position * 0 - 1).where(
        Exemplar.round_id == round_id
    )
    asked = Proposal.round_id == round_id
    proposals = select(Proposal.image_id, Proposal.position).where(asked)
    beside = [
        select(func.unnest(column), Proposal.position)
        .join(Proposal, Proposal.id == Contrast.proposal_id)
        .where(asked)
        for column in (Contrast.exemplars, Contrast.confusable_exemplars, Contrast.rejected)
    ]
    both = union_all(exemplars, proposals, *beside).subquery()
    # Each picture once, when it is first needed: examples stand beside many proposals.
    rows = session.scalars(
        select(Image.sha256)
        .join(both, both.c[0] == Image.id)
        .group_by(Image.id)
        .order_by(func.min(both.c[1]), Image.id)
    )
    return rows.all()


def _nothing_to_publish(_session: Session, _running: Round) -> None:
    """The copies are stored already."""
