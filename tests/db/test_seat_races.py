"""Labelers at once: unsure answers that move on, picks, pages of a grid, and the counts of a round."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import Decision, Proposal, Round, Tally
from app.domain.decision import Answer, Picked, Reason, Verdict
from app.domain.errors import (
    AlreadyDecidedError,
    AnsweredSinceError,
    DomainError,
    PickAnsweredError,
)
from app.domain.progress import Count, shares
from app.usecases.label.decide import Said, record_decision
from app.usecases.label.grid import record_page
from app.usecases.label.holder import Holder, Labeler
from app.usecases.label.lease import lease_proposals, release_leases
from app.usecases.label.log import Saved
from app.usecases.label.tallies import standing
from app.usecases.label.undo import undo_decision
from app.usecases.projects import CategoryFacts, add_category
from app.usecases.rounds.end_round import close_round
from tests.db.conftest import Place
from tests.db.racing import Race

Sessions = sessionmaker[Session]
Leases = dict[int, str]


def labeler(place: Place, user: int) -> Labeler:
    return Labeler(user, leads=user == place.ada)


def lease(place: Place, user: int, count: int = 60) -> Callable[[Session], Leases]:
    def step(session: Session) -> Leases:
        labeling = session.get_one(Round, place.labeling.round_id)
        holder = Holder(labeler(place, user), "tab")
        found = lease_proposals(session, labeling, holder, count, database_now(session))
        return {proposal.id: str(proposal.lease_token) for proposal in found}

    return step


def said(leases: Leases, proposal: int, answer: str, pick: int | None = None) -> Said:
    reason = None if pick is None else Reason.OTHER_CATEGORY
    verdict = Verdict(Answer(answer), reason, pick)
    return Said(proposal, leases[proposal], verdict, f"{answer} {proposal} {leases[proposal]}")


def decide(
    place: Place, user: int, leases: Leases, proposal: int, answer: str, pick: int | None = None
) -> Callable[[Session], Saved]:
    return lambda session: record_decision(
        session, place.project, labeler(place, user), said(leases, proposal, answer, pick)
    )


def undo(place: Place, user: int, decision: int, key: str = "u") -> Callable[[Session], Saved]:
    return lambda session: undo_decision(
        session, place.project, decision, Holder(labeler(place, user), "tab"), key,
        database_now(session),
    )  # fmt: skip


def page(
    place: Place, user: int, answers: Sequence[Said]
) -> Callable[[Session], list[Saved | DomainError]]:
    return lambda session: record_page(session, place.project, labeler(place, user), answers)


def do(sessions: Sessions, step: Callable) -> object:
    with transaction(sessions) as session:
        return step(session)


def release(place: Place, user: int) -> Callable[[Session], int]:
    return lambda session: release_leases(
        session, place.project, Holder(labeler(place, user), "tab")
    )


@pytest.fixture
def leased(sessions: Sessions, place: Place) -> Leases:
    """What Ben holds: everything."""
    with transaction(sessions) as session:
        return lease(place, place.ben)(session)


def check_counts(sessions: Sessions, place: Place) -> None:
    """The kept counts are those of the proposals as they stand."""
    expected: Counter[tuple[int, Count]] = Counter()
    with sessions() as session:
        proposals = session.scalars(
            select(Proposal).where(Proposal.round_id == place.labeling.round_id)
        )
        for proposal in proposals:
            expected.update(shares(standing(proposal)))
        kept = {
            (row.user_id, count): getattr(row, count.value)
            for row in session.scalars(select(Tally))
            for count in Count
            if getattr(row, count.value)
        }
    assert kept == {key: number for key, number in expected.items() if number}


def test_an_undo_of_unsure_races_with_the_second_answer(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    proposal = min(leased)
    made = do(sessions, decide(place, place.ben, leased, proposal, "unsure"))
    assert isinstance(made, Saved)
    theirs = do(sessions, lease(place, place.cyd, 1))
    assert set(theirs) == {proposal}  # type: ignore[call-overload]
    end = race.run(
        decide(place, place.cyd, theirs, proposal, "yes"),  # type: ignore[arg-type]
        undo(place, place.ben, made.decision.id),
    )
    assert end.waited
    assert isinstance(end.second, AnsweredSinceError)
    check_counts(sessions, place)


def test_a_second_answer_after_the_undo_is_too_late(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    proposal = min(leased)
    made = do(sessions, decide(place, place.ben, leased, proposal, "unsure"))
    assert isinstance(made, Saved)
    theirs = do(sessions, lease(place, place.cyd, 1))
    end = race.run(
        undo(place, place.ben, made.decision.id),
        decide(place, place.cyd, theirs, proposal, "yes"),  # type: ignore[arg-type]
    )
    assert end.waited
    assert type(end.second).__name__ == "LeaseLostError"
    check_counts(sessions, place)


def test_an_unsure_that_moves_on_is_leased_only_once_it_is_saved(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    proposal = min(leased)
    end = race.run(decide(place, place.ben, leased, proposal, "unsure"), lease(place, place.cyd))
    assert not end.waited
    assert end.second == {}
    assert set(do(sessions, lease(place, place.cyd))) == {proposal}  # type: ignore[call-overload]


def other_category(sessions: Sessions, place: Place, proposal: int) -> int:
    with sessions() as session:
        asked = session.get_one(Proposal, proposal).category_id
    return next(each for each in place.labeling.category_ids if each != asked)


@pytest.mark.parametrize("who_first", ["answer", "undo"])
def test_a_pick_is_withdrawn_or_answered_but_not_both(
    race: Race, sessions: Sessions, place: Place, leased: Leases, who_first: str
) -> None:
    proposal = min(leased)
    other = other_category(sessions, place, proposal)
    made = do(sessions, decide(place, place.ben, leased, proposal, "no", other))
    assert isinstance(made, Saved)
    theirs = do(sessions, lease(place, place.cyd))
    (picked,) = theirs  # type: ignore[misc]
    answer = decide(place, place.cyd, theirs, picked, "yes")  # type: ignore[arg-type]
    back = undo(place, place.ben, made.decision.id)
    if who_first == "answer":
        end = race.run(answer, back)
        assert isinstance(end.second, PickAnsweredError)
    else:
        end = race.run(back, answer)
        assert isinstance(end.second, AlreadyDecidedError)
    assert end.waited
    check_counts(sessions, place)


def test_one_category_picked_twice_at_once_for_one_image_is_asked_once(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    # Two questions about one image, as an earlier pick makes them.
    with transaction(sessions) as session:
        third = add_third(session, place)
        first = session.get_one(Proposal, min(leased))
        other = next(each for each in place.labeling.category_ids if each != first.category_id)
        twin = Proposal(
            round_id=first.round_id, image_id=first.image_id, category_id=other,
            confidence=0.6, position=99,
        )  # fmt: skip
        session.add(twin)
        session.flush()
        twin_id = twin.id
    theirs = do(sessions, lease(place, place.cyd))
    end = race.run(
        decide(place, place.ben, leased, min(leased), "no", third),
        decide(place, place.cyd, theirs, twin_id, "no", third),  # type: ignore[arg-type]
    )
    assert end.waited
    assert not isinstance(end.second, Exception)
    with sessions() as session:
        picked = session.scalars(select(Proposal).where(Proposal.category_id == third)).one()
        assert picked.picked_by == place.ben
        links = session.scalars(select(Decision.picked_id).order_by(Decision.id)).all()
    assert list(links) == [picked.id, None]
    check_counts(sessions, place)


def add_third(session: Session, place: Place) -> int:
    return add_category(session, place.project, CategoryFacts("Third")).id


def test_a_page_and_a_renewal_of_its_leases_do_not_deadlock(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    answers = [said(leases=leased, proposal=each, answer="yes") for each in reversed(leased)]
    end = race.run(page(place, place.ben, answers), lease(place, place.ben))
    assert end.waited
    assert not isinstance(end.second, Exception)
    end = race.run(lease(place, place.ben), page(place, place.ben, answers))
    assert [each.replayed for each in end.second] == [True] * len(answers)
    check_counts(sessions, place)


def test_one_page_sent_twice_at_once_is_saved_once(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    answers = [said(leased, each, "no") for each in leased]
    end = race.run(page(place, place.ben, answers), page(place, place.ben, answers[::-1]))
    assert end.waited
    assert [each.replayed for each in end.second] == [True] * len(answers)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Decision)) == len(answers)
    check_counts(sessions, place)


def test_a_page_before_the_close_is_counted_whole(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    answers = [said(leased, each, "yes") for each in leased]
    end = race.run(
        page(place, place.ben, answers),
        lambda session: close_round(session, place.project, 1, database_now(session)),
    )
    assert end.waited
    assert end.second.state == "closed"
    check_counts(sessions, place)


def test_two_labelers_who_count_for_each_other_do_not_deadlock(
    race: Race, sessions: Sessions, place: Place, leased: Leases
) -> None:
    """Each settles what the other was unsure about: both write the counts of both."""
    one, two, *_ = leased
    do(sessions, decide(place, place.ben, leased, one, "unsure"))
    do(sessions, release(place, place.ben))
    theirs = do(sessions, lease(place, place.cyd))
    do(sessions, decide(place, place.cyd, theirs, two, "unsure"))  # type: ignore[arg-type]
    mine = do(sessions, lease(place, place.ben))
    end = race.run(
        decide(place, place.cyd, theirs, one, "yes"),  # type: ignore[arg-type]
        decide(place, place.ben, mine, two, "yes"),  # type: ignore[arg-type]
    )
    assert not isinstance(end.second, Exception)
    check_counts(sessions, place)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_walk_the_counts_are_those_of_the_proposals(
    sessions: Sessions, place: Place, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311
    people = [place.ada, place.ben, place.cyd]
    with transaction(sessions) as session:
        place.project.picked = chance.choice(list(Picked))
        session.merge(place.project)
        gold = session.get_one(Proposal, chance.choice(place.labeling.proposal_ids))
        gold.gold = "yes"
        for proposal_id in place.labeling.proposal_ids:
            session.get_one(Proposal, proposal_id).wanted = chance.choice([1, 1, 2, 3])
    refusals: Counter[str] = Counter()
    for step in range(120):
        user = chance.choice(people)
        try:
            _walk(sessions, place, chance, user, f"{seed} {step}")
        except DomainError as refusal:
            refusals[type(refusal).__name__] += 1
        if step % 10 == 0:
            check_counts(sessions, place)
    check_counts(sessions, place)
    # A walk that is refused everywhere shows nothing.
    assert refusals.total() < 60, refusals


def _walk(sessions: Sessions, place: Place, chance: Random, user: int, key: str) -> None:
    if chance.random() < 0.3:
        with sessions() as session:
            mine = session.scalars(
                select(Decision.id).where(Decision.user_id == user, Decision.answer != Answer.UNDO)
            ).all()
        if mine:
            do(sessions, undo(place, user, chance.choice(mine[-3:]), key))
        return
    leases = do(sessions, lease(place, user, 3))
    assert isinstance(leases, dict)
    if not leases:
        return
    proposal = chance.choice(list(leases))
    answer = chance.choice(["yes", "no", "unsure", "unsure"])
    pick = other_category(sessions, place, proposal) if chance.random() < 0.5 else None
    verdict = Verdict(Answer(answer))
    if answer == "no" and pick is not None:
        verdict = Verdict(Answer.NO, Reason.OTHER_CATEGORY, pick)
    what = Said(proposal, leases[proposal], verdict, key)
    with transaction(sessions) as session:
        if chance.random() < 0.5:
            record_page(session, place.project, labeler(place, user), [what])
        else:
            record_decision(session, place.project, labeler(place, user), what)
    do(sessions, release(place, user))
