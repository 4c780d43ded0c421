"""Labelers at once: leases, decisions, undos, and the end of the round."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import Decision, Example, HardNegative, Proposal, Round
from app.domain.decision import Answer, Verdict
from app.domain.errors import (
    AlreadyDecidedError,
    KeyReusedError,
    LeaseLostError,
    NotUndoableError,
    RoundClosedError,
)
from app.usecases.label.decide import Said, record_decision
from app.usecases.label.holder import Holder, Labeler
from app.usecases.label.lease import lease_proposals, release_leases
from app.usecases.label.log import Saved
from app.usecases.label.undo import undo_decision
from app.usecases.rounds.end_round import cancel_round, close_round
from tests.db.conftest import Place
from tests.db.racing import Race, Step

Sessions = sessionmaker[Session]


def lease(
    place: Place, user: int, count: int = 3, client: str = "tab"
) -> Callable[[Session], dict]:
    """A step that leases; gives {proposal id: token}."""

    def step(session: Session) -> dict[int, str]:
        labeling = session.get_one(Round, place.labeling.round_id)
        holder = Holder(Labeler(user, leads=user == place.ada), client)
        found = lease_proposals(session, labeling, holder, count, database_now(session))
        return {proposal.id: str(proposal.lease_token) for proposal in found}

    return step


def decide(
    place: Place, user: int, proposal: int, token: str, answer: Answer = Answer.YES, key: str = "k"
) -> Callable[[Session], Saved]:
    """A step that decides."""

    def step(session: Session) -> Saved:
        return record_decision(
            session, place.project, Labeler(user, leads=user == place.ada),
            Said(proposal, token, Verdict(answer), key, 1.0),
        )  # fmt: skip

    return step


def undo(place: Place, user: int, decision: int, key: str = "u") -> Callable[[Session], Saved]:
    """A step that takes a decision back."""
    return lambda session: undo_decision(
        session, place.project, decision, Holder(Labeler(user), "tab"), key, database_now(session)
    )


def close(place: Place) -> Callable[[Session], Round]:
    """A step that closes the round."""
    return lambda session: close_round(session, place.project, 1, database_now(session))


def cancel(place: Place) -> Callable[[Session], Round]:
    """A step that cancels the round."""
    return lambda session: cancel_round(session, place.project, 1, database_now(session))


def do(sessions: Sessions, step: Step) -> object:
    """A step in a transaction of its own."""
    with transaction(sessions) as session:
        return step(session)


@pytest.fixture
def leased(sessions: Sessions, place: Place) -> dict[int, str]:
    """What Ben holds."""
    with transaction(sessions) as session:
        return lease(place, place.ben)(session)


def test_two_labelers_who_lease_at_once_get_different_proposals(race: Race, place: Place) -> None:
    end = race.run(lease(place, place.ben), lease(place, place.cyd))
    assert not end.waited
    assert len(end.first) == len(end.second) == 3
    assert not end.first.keys() & end.second.keys()


def test_two_tabs_of_one_labeler_get_different_proposals(race: Race, place: Place) -> None:
    end = race.run(lease(place, place.ben, client="a"), lease(place, place.ben, client="b"))
    assert not end.first.keys() & end.second.keys()


def test_more_labelers_than_proposals_leave_one_empty_handed(race: Race, place: Place) -> None:
    end = race.run(lease(place, place.ben, count=8), lease(place, place.cyd))
    assert (len(end.first), end.second) == (8, {})


def test_a_reload_gets_the_same_proposals_again(
    sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    assert do(sessions, lease(place, place.ben)) == leased


def test_one_proposal_decided_twice_at_once_has_one_decision(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    end = race.run(
        decide(place, place.ben, proposal, token, Answer.YES, "one"),
        decide(place, place.ben, proposal, token, Answer.NO, "two"),
    )
    assert end.waited
    assert isinstance(end.second, AlreadyDecidedError)
    assert _decisions(sessions) == [(proposal, "yes")]


def test_one_key_twice_at_once_is_one_decision_and_its_replay(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    request = decide(place, place.ben, proposal, token, key="same")
    end = race.run(request, request)
    assert end.waited
    assert (end.first.replayed, end.second.replayed) == (False, True)
    assert end.first.decision.id == end.second.decision.id
    assert _decisions(sessions) == [(proposal, "yes")]


def test_a_retry_whose_original_failed_is_the_decision(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    request = decide(place, place.ben, proposal, token, key="same")
    end = race.run(request, request, first_commits=False)
    assert end.second.replayed is False
    assert _decisions(sessions) == [(proposal, "yes")]


def test_one_key_for_two_proposals_at_once_is_refused_for_one(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    (one, its_token), (other, other_token), *_ = leased.items()
    end = race.run(
        decide(place, place.ben, one, its_token, key="same"),
        decide(place, place.ben, other, other_token, key="same"),
    )
    assert end.waited
    assert isinstance(end.second, KeyReusedError)
    assert _decisions(sessions) == [(one, "yes")]
    assert _answer(sessions, other) is None


def test_two_labelers_may_use_equal_keys(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    mine, my_token = next(iter(leased.items()))
    theirs, their_token = next(iter(do(sessions, lease(place, place.cyd)).items()))  # type: ignore[attr-defined]
    end = race.run(
        decide(place, place.ben, mine, my_token, key="same"),
        decide(place, place.cyd, theirs, their_token, key="same"),
    )
    assert not isinstance(end.second, Exception)


def test_a_decision_before_the_close_is_counted(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    end = race.run(decide(place, place.ben, proposal, token), close(place))
    assert end.waited
    assert end.second.state == "closed"
    assert _grown(sessions) == ({_image(sessions, proposal)}, set())


def test_a_decision_during_the_close_is_refused(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    end = race.run(close(place), decide(place, place.ben, proposal, token, Answer.NO))
    assert end.waited
    assert isinstance(end.second, RoundClosedError)
    assert _grown(sessions) == (set(), set())
    assert _decisions(sessions) == []


def test_a_decision_waits_for_a_close_that_fails_and_is_counted(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    proposal, token = next(iter(leased.items()))
    end = race.run(close(place), decide(place, place.ben, proposal, token), first_commits=False)
    assert isinstance(end.second, Saved)
    assert _answer(sessions, proposal) == "yes"


def test_an_undo_before_the_close_keeps_the_picture_out(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    made = _decided(sessions, place, leased)
    end = race.run(undo(place, place.ben, made.decision.id), close(place))
    assert end.waited
    assert _grown(sessions) == (set(), set())


def test_an_undo_during_the_close_is_refused(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    made = _decided(sessions, place, leased)
    end = race.run(close(place), undo(place, place.ben, made.decision.id))
    assert end.waited
    assert isinstance(end.second, RoundClosedError)
    assert _grown(sessions) == ({made.proposal.image_id}, set())


def test_an_undo_during_a_cancel_is_refused(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    made = _decided(sessions, place, leased)
    end = race.run(cancel(place), undo(place, place.ben, made.decision.id))
    assert isinstance(end.second, RoundClosedError)
    assert _grown(sessions) == (set(), set())


def test_a_decision_undone_twice_at_once_is_undone_once(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    made = _decided(sessions, place, leased)
    end = race.run(
        undo(place, place.ben, made.decision.id, "u1"),
        undo(place, place.ben, made.decision.id, "u2"),
    )
    assert end.waited
    assert isinstance(end.second, NotUndoableError)
    assert _decisions(sessions) == [(made.proposal.id, "yes"), (made.proposal.id, "undo")]


def test_two_closes_at_once_close_once(race: Race, place: Place) -> None:
    end = race.run(close(place), close(place))
    assert end.waited
    assert type(end.second).__name__ == "TransitionError"


def test_a_lapsed_lease_counts_until_somebody_else_takes_it(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    _lapse(sessions)
    (first, token), (second, other_token), *_ = leased.items()
    do(sessions, decide(place, place.ben, first, token, key="late"))
    end = race.run(
        lease(place, place.cyd), decide(place, place.ben, second, other_token, key="too late")
    )
    assert second in end.first
    assert end.waited
    assert isinstance(end.second, LeaseLostError)


def test_a_slow_decision_keeps_the_proposal_from_the_next_lease(
    race: Race, sessions: Sessions, place: Place, leased: dict[int, str]
) -> None:
    _lapse(sessions)
    proposal, token = next(iter(leased.items()))
    end = race.run(decide(place, place.ben, proposal, token), lease(place, place.cyd, count=60))
    assert not end.waited
    assert proposal not in end.second


def test_giving_back_and_asking_again_at_once_does_not_deadlock(
    race: Race, sessions: Sessions, place: Place
) -> None:
    held = do(sessions, lease(place, place.ben))

    def release(session: Session) -> int:
        return release_leases(session, place.project, Holder(Labeler(place.ben), "tab"))

    end = race.run(release, lease(place, place.ben))
    assert end.first == len(held)  # type: ignore[arg-type]
    assert not isinstance(end.second, Exception)
    assert len(end.second) == len(set(end.second)) <= 3


def _decided(sessions: Sessions, place: Place, leased: dict[int, str]) -> Saved:
    proposal, token = next(iter(leased.items()))
    made = do(sessions, decide(place, place.ben, proposal, token))
    assert isinstance(made, Saved)
    return made


def _decisions(sessions: Sessions) -> list[tuple[int, str]]:
    with sessions() as session:
        rows = session.execute(select(Decision.proposal_id, Decision.answer).order_by(Decision.id))
        return [(proposal, answer) for proposal, answer in rows]


def _answer(sessions: Sessions, proposal: int) -> str | None:
    with sessions() as session:
        return session.get_one(Proposal, proposal).answer


def _image(sessions: Sessions, proposal: int) -> int:
    with sessions() as session:
        return session.get_one(Proposal, proposal).image_id


def _grown(sessions: Sessions) -> tuple[set[int], set[int]]:
    """Images that joined S and H beyond the seeds."""
    with sessions() as session:
        yes = session.scalars(select(Example.image_id).where(Example.round_id.is_not(None)))
        return set(yes), set(session.scalars(select(HardNegative.image_id)))


def _lapse(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        for proposal in session.scalars(select(Proposal).where(Proposal.lease_token.is_not(None))):
            proposal.lease_expires_at = datetime.now(UTC) - timedelta(hours=1)
        assert session.scalar(select(func.count()).select_from(Proposal))
