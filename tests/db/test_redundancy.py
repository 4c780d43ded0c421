"""Several labelers answer one proposal: the majority holds, a tie goes to the lead, undo puts back."""

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import Decision, Example, HardNegative, Proposal, Round, RoundCategory
from app.domain.decision import Answer
from app.domain.errors import AnsweredSinceError, LeaseLostError
from app.domain.redundancy import Consensus, RedundancyFor, consensus
from app.usecases.label.grid import open_by_category
from app.usecases.label.log import Saved
from app.usecases.rounds.end_round import close_round
from app.usecases.rounds.publish_round import _expect, _want_several
from tests.db.conftest import Place
from tests.db.racing import Race
from tests.db.test_seat_races import check_counts, decide, do, lease, release, undo

Sessions = sessionmaker[Session]
YES, NO = Answer.YES, Answer.NO


@pytest.mark.parametrize(
    ("votes", "wanted", "others", "then"),
    [
        ([], 1, True, Consensus.OPEN),
        ([], 2, False, Consensus.OPEN),
        ([YES], 1, True, Consensus.YES),
        ([YES], 2, True, Consensus.OPEN),
        ([YES], 2, False, Consensus.YES),
        ([YES, NO], 2, True, Consensus.TIE),
        ([YES, NO], 3, True, Consensus.OPEN),
        ([YES, NO], 3, False, Consensus.TIE),
        ([NO, YES, NO], 3, True, Consensus.NO),
    ],
)
def test_what_votes_come_to(
    votes: list[Answer],
    wanted: int,
    others: bool,  # noqa: FBT001
    then: Consensus,
) -> None:
    assert consensus(votes, wanted, others=others) is then


@pytest.fixture
def ask(sessions: Sessions, place: Place) -> Callable[[int], int]:
    """Makes the first proposal want so many answers, and gives its id."""

    def make(wanted: int) -> int:
        proposal_id = min(place.labeling.proposal_ids)
        with transaction(sessions) as session:
            session.get_one(Proposal, proposal_id).wanted = wanted
        return proposal_id

    return make


def says(sessions: Sessions, place: Place, user: int, proposal: int, answer: str) -> int:
    """The user leases what is first and answers it; gives the decision's id."""
    leases = do(sessions, lease(place, user))
    saved = do(sessions, decide(place, user, leases, proposal, answer))  # type: ignore[arg-type]
    do(sessions, release(place, user))
    assert isinstance(saved, Saved)
    return saved.decision.id


def stands(sessions: Sessions, proposal: int) -> tuple[str | None, str, int | None]:
    with sessions() as session:
        row = session.get_one(Proposal, proposal)
        return row.answer, row.stage, row.answered_by


def test_one_answer_of_two_leaves_it_open_and_blind(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    says(sessions, place, place.ben, proposal, "yes")
    assert stands(sessions, proposal) == (None, "first", None)
    assert proposal not in do(sessions, lease(place, place.ben))  # type: ignore[operator]
    do(sessions, release(place, place.ben))
    with sessions() as session:
        labeling = session.get_one(Round, place.labeling.round_id)
        category = session.get_one(Proposal, proposal).category_id
        theirs = open_by_category(session, labeling, place.cyd)[category]
        assert open_by_category(session, labeling, place.ben)[category] == theirs - 1
    says(sessions, place, place.cyd, proposal, "yes")
    assert stands(sessions, proposal) == ("yes", "first", place.cyd)
    check_counts(sessions, place)


def test_a_tie_waits_for_the_lead_who_settles_it(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    says(sessions, place, place.ben, proposal, "yes")
    says(sessions, place, place.cyd, proposal, "no")
    assert stands(sessions, proposal) == (None, "lead", None)
    check_counts(sessions, place)
    says(sessions, place, place.ada, proposal, "no")
    assert stands(sessions, proposal) == ("no", "lead", place.ada)
    check_counts(sessions, place)


def test_the_majority_s_newest_answer_is_what_the_dataset_remembers(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(3)
    says(sessions, place, place.ben, proposal, "yes")
    second = says(sessions, place, place.cyd, proposal, "yes")
    says(sessions, place, place.ada, proposal, "no")
    assert stands(sessions, proposal) == ("yes", "first", place.cyd)
    check_counts(sessions, place)
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    with sessions() as session:
        grown = session.scalars(select(Example).where(Example.round_id.is_not(None))).all()
        assert [example.decision_id for example in grown] == [second]
        assert session.scalars(select(HardNegative)).all() == []


def test_the_last_answer_is_undone_and_the_others_stay(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(3)
    first = says(sessions, place, place.ben, proposal, "yes")
    says(sessions, place, place.cyd, proposal, "yes")
    last = says(sessions, place, place.ada, proposal, "no")
    with pytest.raises(AnsweredSinceError):
        do(sessions, undo(place, place.ben, first))
    do(sessions, undo(place, place.ada, last))
    assert stands(sessions, proposal) == (None, "first", None)
    check_counts(sessions, place)
    do(sessions, release(place, place.ada))
    for user in (place.ben, place.cyd):
        assert proposal not in do(sessions, lease(place, user))  # type: ignore[operator]
        do(sessions, release(place, user))
    says(sessions, place, place.ada, proposal, "yes")
    assert stands(sessions, proposal) == ("yes", "first", place.ada)
    check_counts(sessions, place)


def test_when_nobody_is_left_what_was_said_has_to_do(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(5)
    for user, answer in ((place.ben, "no"), (place.cyd, "yes"), (place.ada, "no")):
        assert stands(sessions, proposal)[0] is None
        says(sessions, place, user, proposal, answer)
    assert stands(sessions, proposal) == ("no", "first", place.ada)


def test_an_unsure_among_votes_asks_another_and_does_not_count(
    sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    says(sessions, place, place.ben, proposal, "unsure")
    says(sessions, place, place.cyd, proposal, "yes")
    assert stands(sessions, proposal) == (None, "second", None)
    says(sessions, place, place.ada, proposal, "yes")
    assert stands(sessions, proposal) == ("yes", "second", place.ada)
    check_counts(sessions, place)


def test_two_votes_at_once_are_impossible(
    race: Race, sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    """Ben's lease ran out and Cyd has it: of two answers at once, the holder's counts."""
    proposal = ask(2)
    held = do(sessions, lease(place, place.ben))
    do(sessions, release(place, place.ben))
    theirs = do(sessions, lease(place, place.cyd))
    end = race.run(
        decide(place, place.cyd, theirs, proposal, "yes"),  # type: ignore[arg-type]
        decide(place, place.ben, held, proposal, "yes"),  # type: ignore[arg-type]
    )
    assert end.waited
    assert isinstance(end.second, LeaseLostError)
    assert stands(sessions, proposal)[0] is None
    check_counts(sessions, place)


def test_the_second_vote_waits_for_an_undo_of_the_first(
    race: Race, sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    first = says(sessions, place, place.ben, proposal, "yes")
    theirs = do(sessions, lease(place, place.cyd))
    vote = decide(place, place.cyd, theirs, proposal, "yes")  # type: ignore[arg-type]
    end = race.run(vote, undo(place, place.ben, first))
    assert end.waited
    assert isinstance(end.second, AnsweredSinceError)
    assert stands(sessions, proposal) == ("yes", "first", place.cyd)
    check_counts(sessions, place)


def test_a_vote_sent_twice_at_once_counts_once(
    race: Race, sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    leases = do(sessions, lease(place, place.ben))
    vote = decide(place, place.ben, leases, proposal, "yes")  # type: ignore[arg-type]
    end = race.run(vote, vote)
    assert end.waited
    assert end.second.replayed
    with sessions() as session:
        assert len(session.scalars(select(Decision)).all()) == 1
    assert stands(sessions, proposal)[0] is None
    check_counts(sessions, place)


def test_a_close_takes_what_has_a_majority_and_releases_the_rest(
    race: Race, sessions: Sessions, place: Place, ask: Callable[[int], int]
) -> None:
    proposal = ask(2)
    says(sessions, place, place.ben, proposal, "yes")
    theirs = do(sessions, lease(place, place.cyd))
    end = race.run(
        decide(place, place.cyd, theirs, proposal, "yes"),  # type: ignore[arg-type]
        lambda session: close_round(session, place.project, 1, database_now(session)),
    )
    assert end.waited
    with sessions() as session:
        grown = session.scalars(select(Example).where(Example.round_id.is_not(None))).all()
        assert [each.image_id for each in grown] == [session.get_one(Proposal, proposal).image_id]


@pytest.mark.parametrize(
    ("of", "wanted"), [(RedundancyFor.ALL, [3, 3, 3]), (RedundancyFor.RISK, [1, 3, 3])]
)
def test_a_scored_round_wants_several_where_it_should(
    sessions: Sessions, place: Place, of: RedundancyFor, wanted: list[int]
) -> None:
    sure, ambiguous = place.labeling.category_ids
    with transaction(sessions) as session:
        labeling = session.get_one(Round, place.labeling.round_id)
        labeling.redundancy, labeling.redundancy_for = 3, of
        rows = session.scalars(select(Proposal).order_by(Proposal.position)).all()
        for row in rows:
            row.confidence = 0.95 if row.category_id == sure else 0.65
        doubtful = next(row for row in rows if row.category_id == sure)
        doubtful.confidence = 0.55
        session.flush()
        _expect(session, labeling)
        _want_several(session, labeling)
        session.expire_all()
        assert {row.category_id for row in session.scalars(select(RoundCategory))} == {
            sure,
            ambiguous,
        }
        found = [
            next(row for row in rows if row.category_id == sure and row is not doubtful).wanted,
            doubtful.wanted,
            next(row for row in rows if row.category_id == ambiguous).wanted,
        ]
    assert found == wanted
