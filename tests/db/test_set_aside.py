"""A labeler's answers are taken back as a whole; a lead settles what waits and mends what was wrong."""

from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import Candidate, Decision, Example, HardNegative, Project, Proposal, Round
from app.domain.decision import Answer
from app.domain.errors import (
    AlreadyDecidedError,
    InvalidError,
    KeyReusedError,
    NotFoundError,
    NotUndoableError,
    NotWaitingError,
    RoundClosedError,
)
from app.usecases.dataset.freeze_dataset import freeze_dataset
from app.usecases.label.set_aside import Aside, effect_of_setting_aside, set_aside
from app.usecases.quality.adjudicate import Adjudicated, adjudicate
from app.usecases.rounds.end_round import close_round
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race
from tests.db.test_redundancy import says, stands
from tests.db.test_seat_races import (
    _walk,
    check_counts,
    decide,
    do,
    lease,
    other_category,
    release,
    undo,
)

Sessions = sessionmaker[Session]


def aside(place: Place, user: int) -> Callable[[Session], Aside]:
    return lambda session: set_aside(session, place.project, user, by=place.ada)


def settle(
    place: Place, proposal: int, answer: str, key: str = "k"
) -> Callable[[Session], Adjudicated]:
    return lambda session: adjudicate(
        session, place.project, place.ada, proposal, Answer(answer), key
    )


def wants(sessions: Sessions, place: Place, wanted: int) -> int:
    proposal_id = min(place.labeling.proposal_ids)
    with transaction(sessions) as session:
        session.get_one(Proposal, proposal_id).wanted = wanted
    return proposal_id


def test_what_one_answered_is_open_again_for_others(sessions: Sessions, place: Place) -> None:
    one, two, three, *_ = sorted(place.labeling.proposal_ids)
    made = says(sessions, place, place.ben, one, "yes")
    says(sessions, place, place.ben, two, "unsure")
    says(sessions, place, place.cyd, two, "no")
    says(sessions, place, place.cyd, three, "no")
    expected = Aside(decisions=2, reopened=1, kept=1, examples=1)
    with sessions() as session:
        assert effect_of_setting_aside(session, place.project, place.ben) == expected
        session.commit()
    assert stands(sessions, one)[0] == "yes"
    assert do(sessions, aside(place, place.ben)) == expected
    assert stands(sessions, one) == (None, "first", None)
    assert stands(sessions, two)[0] == "no"
    assert stands(sessions, three)[0] == "no"
    check_counts(sessions, place)
    assert one not in do(sessions, lease(place, place.ben))  # type: ignore[operator]
    do(sessions, release(place, place.ben))
    with pytest.raises(NotUndoableError):
        do(sessions, undo(place, place.ben, made))
    assert do(sessions, aside(place, place.ben)) == Aside()
    says(sessions, place, place.cyd, one, "no")
    with sessions() as session:
        log = session.scalars(
            select(Decision.answer).where(Decision.proposal_id == one).order_by(Decision.ordinal)
        ).all()
    assert list(log) == ["yes", "undo", "no"]
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    with sessions() as session:
        # The answer after the unsure is still the one that taught it.
        taught = {row.image_id for row in session.scalars(select(HardNegative))}
        assert taught == {session.get_one(Proposal, each).image_id for each in (one, two, three)}


def test_of_several_answers_those_of_the_others_count(sessions: Sessions, place: Place) -> None:
    proposal = wants(sessions, place, 2)
    says(sessions, place, place.ben, proposal, "yes")
    says(sessions, place, place.cyd, proposal, "no")
    assert stands(sessions, proposal)[1] == "lead"
    do(sessions, aside(place, place.ben))
    # Ada may still answer, so that one no is not enough.
    assert stands(sessions, proposal) == (None, "first", None)
    check_counts(sessions, place)
    says(sessions, place, place.ada, proposal, "no")
    assert stands(sessions, proposal) == ("no", "first", place.ada)
    do(sessions, aside(place, place.ada))
    # Nobody is left to ask.
    assert stands(sessions, proposal) == ("no", "first", place.cyd)
    check_counts(sessions, place)


def test_what_picks_made_goes_unless_others_answered_it(sessions: Sessions, place: Place) -> None:
    one, two, *_ = sorted(place.labeling.proposal_ids)
    other = other_category(sessions, place, one)
    leases = do(sessions, lease(place, place.ben))
    do(sessions, decide(place, place.ben, leases, one, "no", other))  # type: ignore[arg-type]
    do(sessions, decide(place, place.ben, leases, two, "no", other))  # type: ignore[arg-type]
    do(sessions, release(place, place.ben))
    with sessions() as session:
        first, second = session.scalars(
            select(Proposal.id).where(Proposal.picked_by == place.ben).order_by(Proposal.id)
        ).all()
    says(sessions, place, place.cyd, second, "yes")
    done = do(sessions, aside(place, place.ben))
    assert done == Aside(decisions=2, reopened=2, kept=1, withdrawn=1, hard_negatives=2)
    assert stands(sessions, first)[0] == "withdrawn"
    assert stands(sessions, second)[0] == "yes"
    check_counts(sessions, place)


def test_an_answer_that_is_being_written_is_waited_for(
    race: Race, sessions: Sessions, place: Place
) -> None:
    leases = do(sessions, lease(place, place.ben))
    proposal = min(place.labeling.proposal_ids)
    end = race.run(
        decide(place, place.ben, leases, proposal, "yes"),  # type: ignore[arg-type]
        aside(place, place.ben),
    )
    assert end.waited
    assert end.second.decisions == 1
    check_counts(sessions, place)


def test_two_leads_at_once_take_each_answer_back_once(
    race: Race, sessions: Sessions, place: Place
) -> None:
    says(sessions, place, place.ben, min(place.labeling.proposal_ids), "yes")
    end = race.run(aside(place, place.ben), aside(place, place.ben))
    assert end.waited
    assert (end.first.decisions, end.second.decisions) == (1, 0)
    check_counts(sessions, place)


def test_nothing_is_set_aside_between_rounds(sessions: Sessions, place: Place) -> None:
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    with pytest.raises(NotFoundError):
        do(sessions, aside(place, place.ben))


@pytest.mark.parametrize("seed", range(3))
def test_after_a_walk_with_people_set_aside_the_counts_hold(
    sessions: Sessions, place: Place, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311
    with transaction(sessions) as session:
        for proposal_id in place.labeling.proposal_ids:
            session.get_one(Proposal, proposal_id).wanted = chance.choice([1, 2, 3])
    for step in range(60):
        user = chance.choice([place.ada, place.ben, place.cyd])
        try:
            _walk(sessions, place, chance, user, f"{seed} {step}")
        except Exception as refusal:  # noqa: BLE001 - which refusals there are is tested elsewhere
            assert type(refusal).__module__ == "app.domain.errors"  # noqa: PT017
        if step % 20 == 19:
            do(sessions, aside(place, chance.choice([place.ben, place.cyd])))
            check_counts(sessions, place)


def test_a_lead_settles_a_tie_without_a_lease_exactly_once(
    race: Race, sessions: Sessions, place: Place
) -> None:
    proposal = wants(sessions, place, 2)
    with pytest.raises(NotWaitingError):
        do(sessions, settle(place, proposal, "yes"))
    says(sessions, place, place.ben, proposal, "yes")
    says(sessions, place, place.cyd, proposal, "no")
    end = race.run(settle(place, proposal, "no"), settle(place, proposal, "no"))
    assert end.waited
    assert (end.first.replayed, end.second.replayed) == (False, True)
    assert stands(sessions, proposal) == ("no", "lead", place.ada)
    check_counts(sessions, place)
    with pytest.raises(AlreadyDecidedError):
        do(sessions, settle(place, proposal, "yes", "other"))
    with pytest.raises(KeyReusedError):
        do(sessions, settle(place, proposal, "yes"))


def test_a_tie_of_an_ended_round_is_settled_no_more(sessions: Sessions, place: Place) -> None:
    proposal = wants(sessions, place, 2)
    says(sessions, place, place.ben, proposal, "yes")
    says(sessions, place, place.cyd, proposal, "no")
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    with pytest.raises(RoundClosedError):
        do(sessions, settle(place, proposal, "yes"))


@pytest.fixture
def audited(sessions: Sessions, place: Place) -> dict[str, int]:
    """A second round that asks again about one accepted and one refused picture; ids by answer."""
    one, two, *_ = sorted(place.labeling.proposal_ids)
    with transaction(sessions) as session:
        earlier = {
            answer: factories.answer(session, session.get_one(Proposal, each), place.ben, answer)
            for each, answer in ((one, "yes"), (two, "no"))
        }
        first = close_round(session, place.project, 1, database_now(session))
        again = Round(
            **{
                name: getattr(first, name)
                for name in ("project_id", "policy", "threshold", "backbone", "image_size", "seed",
                             "buckets", "started_by", "candidates", "proposals", "withheld")
            },
            number=2, state="labeling", trained_on=2,
        )  # fmt: skip
        session.add(again)
        session.flush()
        found = {}
        for answer, decision in earlier.items():
            asked = session.get_one(Proposal, decision.proposal_id)
            audit = Proposal(
                round_id=again.id, image_id=asked.image_id, category_id=asked.category_id,
                confidence=0.8, position=0, gold=answer, audits=decision.id,
            )  # fmt: skip
            session.add(audit)
            session.flush()
            contrary = "no" if answer == "yes" else "yes"
            factories.answer(session, audit, place.cyd, contrary)
            found[answer] = audit.id
        return found


def members(sessions: Sessions, proposal: int) -> tuple[int, int, int]:
    """(examples, hard negatives, candidates) in force of a proposal's image."""
    with sessions() as session:
        image = session.get_one(Proposal, proposal).image_id
        return tuple(  # type: ignore[return-value]
            session.scalars(select(func.count()).select_from(table).where(*conditions)).one()
            for table, conditions in (
                (Example, (Example.image_id == image, Example.to_version.is_(None))),
                (HardNegative, (HardNegative.image_id == image, HardNegative.to_version.is_(None))),
                (Candidate, (Candidate.image_id == image,)),
            )
        )


def test_a_wrong_acceptance_leaves_the_dataset_in_its_next_version(
    sessions: Sessions, place: Place, audited: dict[str, int]
) -> None:
    proposal = audited["yes"]
    assert members(sessions, proposal) == (1, 0, 0)
    done = do(sessions, settle(place, proposal, "no"))
    assert isinstance(done, Adjudicated)
    assert done.mended
    assert members(sessions, proposal) == (0, 1, 1)
    with transaction(sessions) as session:
        project = session.get_one(Project, place.project.id)
        ended = session.scalars(select(Example).where(Example.to_version.is_not(None))).one()
        assert ended.to_version == 3
        assert freeze_dataset(session, project).number == 3
    with pytest.raises(InvalidError, match="dataset version"):
        do(sessions, undo(place, place.ada, done.decision.id))
    with pytest.raises(AlreadyDecidedError):
        do(sessions, settle(place, proposal, "yes", "again"))


def test_a_missed_one_joins_the_dataset(
    sessions: Sessions, place: Place, audited: dict[str, int]
) -> None:
    proposal = audited["no"]
    assert members(sessions, proposal) == (0, 1, 1)
    end = do(sessions, settle(place, proposal, "yes"))
    assert isinstance(end, Adjudicated)
    assert end.mended
    assert members(sessions, proposal) == (1, 0, 0)


@pytest.mark.parametrize("answer", ["yes", "unsure"])
def test_where_the_earlier_answer_was_right_nothing_changes(
    sessions: Sessions, place: Place, audited: dict[str, int], answer: str
) -> None:
    proposal = audited["yes"]
    done = do(sessions, settle(place, proposal, answer))
    assert isinstance(done, Adjudicated)
    assert not done.mended
    assert members(sessions, proposal) == (1, 0, 0)


def test_a_contradiction_is_settled_after_its_round_too_and_once(
    race: Race, sessions: Sessions, place: Place, audited: dict[str, int]
) -> None:
    with transaction(sessions) as session:
        close_round(session, place.project, 2, database_now(session))
    end = race.run(
        settle(place, audited["yes"], "no"), settle(place, audited["yes"], "no", "other")
    )
    assert end.waited
    assert isinstance(end.second, AlreadyDecidedError)
    assert members(sessions, audited["yes"]) == (0, 1, 1)
