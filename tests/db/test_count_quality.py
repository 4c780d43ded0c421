"""A round's figures are counted when they are no longer true, once by all workers together."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.session import Sessions, database_now, transaction
from app.db.tables import Proposal, RoundQuality
from app.usecases.quality.count_quality import (
    CLAIM,
    claim_count,
    count,
    keep_count,
    outdate,
    rounds_to_count,
)
from app.usecases.rounds.end_round import cancel_round, close_round
from tests.db.conftest import Place
from tests.db.racing import Race
from tests.db.test_redundancy import says
from workers.count_quality import count_once


def waiting(sessions: Sessions, later: timedelta = timedelta()) -> list[int]:
    with sessions() as session:
        return list(rounds_to_count(session, database_now(session) + later))


def kept(sessions: Sessions) -> RoundQuality:
    with sessions() as session:
        return session.scalars(select(RoundQuality)).one()


def test_it_is_counted_when_answers_come_and_once_more_at_the_end(
    sessions: Sessions, place: Place
) -> None:
    one, two, *_ = sorted(place.labeling.proposal_ids)
    assert count_once(sessions) == 1
    assert count_once(sessions) == 0
    says(sessions, place, place.ben, one, "yes")
    assert count_once(sessions) == 1
    assert kept(sessions).figures["labelers"][0]["yes"] == 1  # type: ignore[index]
    says(sessions, place, place.ben, two, "no")
    with transaction(sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    assert count_once(sessions) == 1
    assert count_once(sessions) == 0
    assert kept(sessions).figures["labelers"][0]["no"] == 1  # type: ignore[index]


def test_of_many_answers_a_few_new_ones_wait(sessions: Sessions, place: Place) -> None:
    count_once(sessions)
    with transaction(sessions) as session:
        session.scalars(select(RoundQuality)).one().answers = 1000
        session.flush()
        # 1000 fewer is as good a reason as 1000 more.
        assert rounds_to_count(session, database_now(session)) == [place.labeling.round_id]
        session.scalars(select(RoundQuality)).one().answers = 0
    one, two, *_ = sorted(place.labeling.proposal_ids)
    says(sessions, place, place.ben, one, "yes")
    says(sessions, place, place.ben, two, "yes")
    with transaction(sessions) as session:
        session.scalars(select(RoundQuality)).one().answers = 3
    assert waiting(sessions) == [place.labeling.round_id]
    with transaction(sessions) as session:
        session.scalars(select(RoundQuality)).one().answers = 2
    assert waiting(sessions) == []


@pytest.mark.parametrize("end", [close_round, cancel_round])
def test_what_ends_while_it_is_counted_is_counted_again(
    sessions: Sessions, place: Place, end: Callable[..., object]
) -> None:
    round_id = place.labeling.round_id
    with transaction(sessions) as session:
        attempt = claim_count(session, round_id, database_now(session))
    assert attempt == 1
    with transaction(sessions) as session:
        figures = count(session, round_id)
        end(session, place.project, 1, database_now(session))
    with transaction(sessions) as session:
        assert keep_count(session, round_id, attempt, figures, database_now(session))
    assert waiting(sessions) == [round_id]
    assert count_once(sessions) == 1
    assert waiting(sessions) == []


def test_of_two_workers_one_counts(race: Race, sessions: Sessions, place: Place) -> None:
    def claims(session: Session) -> int | None:
        return claim_count(session, place.labeling.round_id, database_now(session))

    end = race.run(claims, claims)
    assert end.waited
    assert (end.first, end.second) == (1, None)
    assert waiting(sessions) == []


def test_a_count_that_was_overtaken_is_not_kept(sessions: Sessions, place: Place) -> None:
    round_id = place.labeling.round_id
    times: list[datetime] = []
    with transaction(sessions) as session:
        times.append(database_now(session))
        assert claim_count(session, round_id, times[0]) == 1
    assert waiting(sessions) == []
    assert waiting(sessions, CLAIM) == [round_id]  # its worker died
    with transaction(sessions) as session:
        assert claim_count(session, round_id, times[0] + CLAIM) == 2
    with transaction(sessions) as session:
        assert not keep_count(session, round_id, 1, {}, times[0])
        assert keep_count(session, round_id, 2, count(session, round_id), times[0])
    with transaction(sessions) as session:
        outdate(session, round_id)
    assert waiting(sessions) == [round_id]


def test_everything_of_a_small_round_is_counted(sessions: Sessions, place: Place) -> None:
    with transaction(sessions) as session:
        for proposal_id in place.labeling.proposal_ids:
            session.get_one(Proposal, proposal_id).wanted = 2
    first = min(place.labeling.proposal_ids)
    says(sessions, place, place.ben, first, "yes")
    says(sessions, place, place.cyd, first, "no")
    count_once(sessions)
    figures = kept(sessions).figures
    assert figures is not None
    assert figures["questions"] == 1
    assert [(each["first"], each["second"]) for each in figures["pairs"]] == [
        (place.ben, place.cyd)
    ]
    assert [each["compared"] for each in figures["labelers"]] == [1, 1]
