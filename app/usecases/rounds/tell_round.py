"""A round has come to a new state: whoever should know is told, in the transaction of the change."""

from typing import Any

from sqlalchemy.orm import Session

from app.db.tables import Round
from app.domain.event import Verb
from app.domain.round import RoundState
from app.usecases.deliver import announce
from app.usecases.events import record

# What workers bring about. The other states come of a request, and its route says who made it.
_VERBS = {
    RoundState.TRAINING: Verb.ADVANCE_ROUND,
    RoundState.SCORING: Verb.ADVANCE_ROUND,
    RoundState.LABELING: Verb.OPEN_ROUND,
    RoundState.FAILED: Verb.FAIL_ROUND,
}


def tell_round(session: Session, of: Round) -> None:
    """Write down the state that the round is in now, and put it into the outbox of webhooks.

    Whoever changes the state of a round calls this before the commit, when the round has all its
    numbers. A test fails on a function that does not.
    """
    state = RoundState(of.state)
    verb = _VERBS.get(state)
    if verb is not None:
        record(session, of.project_id, None, verb, of.number, **_details(of, state))
    announce(session, of)


def _details(of: Round, state: RoundState) -> dict[str, Any]:
    if state is RoundState.LABELING:
        return {"candidates": of.candidates, "proposals": of.proposals, "gold": of.gold}
    if state is RoundState.FAILED:
        return {"error": of.error}
    return {"state": state.value}
