"""Where a proposal goes when a labeler is unsure."""

from app.domain.decision import Stage


def stage_after_unsure(stage: Stage, *, leads: bool, another: bool) -> Stage | None:
    """Whom the proposal waits for next; None when the unsure is final: it stays a candidate.

    Args:
        stage: Whom it waited for.
        leads: Whether the unsure one leads the project: there is nobody else to ask.
        another: Whether there is another labeler who was not asked yet.
    """
    if leads:
        return None
    if stage is Stage.FIRST and another:
        return Stage.SECOND
    return Stage.LEAD
