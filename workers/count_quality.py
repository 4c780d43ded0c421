"""Keep the figures of the quality page true: now and then, what has changed is counted anew."""

import structlog

from app.db.session import Sessions, database_now, transaction
from app.usecases.quality.count_quality import claim_count, count, keep_count, rounds_to_count

log = structlog.get_logger()


def count_once(sessions: Sessions) -> int:
    """Count all rounds that need it; gives how many. No transaction is open meanwhile."""
    with sessions.reading() as session:
        waiting = rounds_to_count(session, database_now(session))
    return sum(_count(sessions, round_id) for round_id in waiting)


def _count(sessions: Sessions, round_id: int) -> bool:
    with transaction(sessions) as session:
        attempt = claim_count(session, round_id, database_now(session))
    if attempt is None:
        return False
    with sessions.reading() as session:
        now = database_now(session)
        figures = count(session, round_id)
    with transaction(sessions) as session:
        kept = keep_count(session, round_id, attempt, figures, now)
    log.info("quality counted", round_id=round_id, kept=kept)
    return kept
