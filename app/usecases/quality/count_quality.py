"""Count how well a round is labeled, beside its labeling: claim, count, keep.

A page cannot: it would read every answer of the round, and Dawid and Skene's model takes seconds.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db import quality_queries as queries
from app.db.tables import Round, RoundQuality
from app.domain.quality import Voter, judge
from app.domain.round import RoundState

CLAIM: Final = timedelta(minutes=2)
"""How long counting may take, before another worker does it."""
GROWTH: Final = 100
"""An open round is counted anew when one part in so many of its answers is new."""


def rounds_to_count(session: Session, now: datetime) -> Sequence[int]:
    """Ids of the rounds whose figures are not there, or no longer true enough."""
    kept = RoundQuality
    new = func.abs(queries.answers_of(Round.id) - kept.answers)  # type: ignore[arg-type]
    return session.scalars(
        select(Round.id)
        .join(kept, kept.round_id == Round.id, isouter=True)
        .where(
            Round.labeling_at.is_not(None),
            or_(
                kept.round_id.is_(None),
                # Whoever claimed it died.
                kept.claimed_until <= now,
                and_(
                    kept.claimed_until.is_(None),
                    or_(
                        kept.outdated,
                        and_(Round.state == RoundState.LABELING, new > kept.answers / GROWTH),
                    ),
                ),
            ),
        )
        .order_by(Round.id)
    ).all()


def claim_count(session: Session, round_id: int, now: datetime) -> int | None:
    """The attempt with which to keep what is counted; None when another worker was faster."""
    claim = {
        "claimed_until": now + CLAIM,
        "outdated": False,
        "answers": queries.answers_of(RoundQuality.round_id),  # type: ignore[arg-type]
    }
    session.execute(insert(RoundQuality).values(round_id=round_id).on_conflict_do_nothing())
    return session.scalar(
        update(RoundQuality)
        .where(
            RoundQuality.round_id == round_id,
            or_(RoundQuality.claimed_until.is_(None), RoundQuality.claimed_until <= now),
        )
        .values(attempt=RoundQuality.attempt + 1, **claim)
        .returning(RoundQuality.attempt)
    )


def count(session: Session, round_id: int) -> dict[str, Any]:
    """The figures of a round as they are stored."""
    judgement = judge(queries.votes(session, round_id))
    nothing = Voter()
    return {
        "labelers": [
            asdict(of) | asdict(judgement.voters.get(of.user_id, nothing))
            for of in queries.labeler_counts(session, round_id)
        ],
        "questions": judgement.questions,
        "alpha": judgement.alpha,
        "fleiss": judgement.fleiss,
        "pairs": [asdict(pair) for pair in judgement.pairs],
        "audits": [asdict(each) for each in queries.audited(session, round_id)],
    }


def keep_count(
    session: Session, round_id: int, attempt: int, figures: dict[str, Any], now: datetime
) -> bool:
    """Store the figures, unless another worker has begun a newer count."""
    kept = session.scalar(
        update(RoundQuality)
        .where(RoundQuality.round_id == round_id, RoundQuality.attempt == attempt)
        .values(figures=figures, counted_at=now, claimed_until=None)
        .returning(RoundQuality.round_id)
    )
    return kept is not None


def outdate(session: Session, round_id: int) -> None:
    """Have a round counted anew, whatever the number of its answers.

    In the transaction that changes them: one that counts meanwhile has not seen the change, and
    this comes after its claim, so the round is counted once more.
    """
    session.execute(
        update(RoundQuality).where(RoundQuality.round_id == round_id).values(outdated=True)
    )
