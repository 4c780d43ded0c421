"""Leads who start at once, workers who claim at once, attempts that come too late."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import database_now, transaction
from app.db.tables import Candidate, Job, Project, ProjectMember, Round
from app.domain.access import Role
from app.domain.errors import (
    InvalidError,
    RoundInProgressError,
    StaleAttemptError,
    TransitionError,
)
from app.domain.job import LEASE, MAX_ATTEMPTS, RESEND_AFTER, JobKind
from app.usecases.people import set_member
from app.usecases.rounds.end_round import cancel_round
from app.usecases.rounds.publish_round import Scored, publish_scored
from app.usecases.rounds.start_round import start_round
from app.usecases.run_jobs import (
    Claim,
    beat,
    claim_job,
    fail_job,
    finish_job,
    lock_claim,
    reap_jobs,
)
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race

Sessions = sessionmaker[Session]


@pytest.fixture
def job_id(sessions: Sessions, unstarted: Project) -> int:
    """The first job of a round that was just started."""
    with transaction(sessions) as session:
        return start_round(session, unstarted, unstarted.created_by)[1].id


def _claim(sessions: Sessions, job_id: int, worker: str = "one") -> Claim:
    with transaction(sessions) as session:
        claim = claim_job(session, job_id, worker, database_now(session))
    assert claim is not None
    return claim


def _job(sessions: Sessions, job_id: int) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def _round(sessions: Sessions) -> Round:
    with sessions() as session:
        return session.scalars(select(Round)).one()


def _reap(sessions: Sessions, later: timedelta) -> list[int]:
    """What the reaper sends again, as if it came `later`."""
    with transaction(sessions) as session:
        return [job.id for job in reap_jobs(session, database_now(session) + later)]


def test_two_leads_who_start_at_once_start_one_round(
    race: Race, sessions: Sessions, unstarted: Project
) -> None:
    start = lambda session: start_round(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(start, start)
    assert end.waited
    assert isinstance(end.second, RoundInProgressError)
    assert end.second.number == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_a_start_that_breaks_off_leaves_the_round_to_the_next(
    race: Race, sessions: Sessions, unstarted: Project
) -> None:
    start = lambda session: start_round(session, unstarted, unstarted.created_by)  # noqa: E731
    end = race.run(start, start, first_commits=False)
    assert end.second[0].number == 1
    assert _round(sessions).state == "embedding"


def test_two_leads_who_demote_each_other_leave_one_lead(
    race: Race, sessions: Sessions, place: Place
) -> None:
    with transaction(sessions) as session:
        set_member(session, place.project, "ben", Role.LEAD)
    end = race.run(
        lambda session: set_member(session, place.project, "ada", Role.LABELER),
        lambda session: set_member(session, place.project, "ben", Role.LABELER),
    )
    assert isinstance(end.second, InvalidError)
    with sessions() as session:
        leads = session.scalars(
            select(ProjectMember.user_id).where(ProjectMember.role == Role.LEAD)
        )
        assert list(leads) == [place.ben]


def test_two_workers_who_claim_at_once_get_one_job(
    race: Race, sessions: Sessions, job_id: int
) -> None:
    end = race.run(
        lambda session: claim_job(session, job_id, "one", database_now(session)),
        lambda session: claim_job(session, job_id, "two", database_now(session)),
    )
    assert end.waited
    assert (end.first.attempt, end.second) == (1, None)
    assert _job(sessions, job_id).worker == "one"


def test_a_message_that_comes_twice_claims_once(sessions: Sessions, job_id: int) -> None:
    _claim(sessions, job_id)
    with transaction(sessions) as session:
        assert claim_job(session, job_id, "two", database_now(session)) is None


def test_a_dead_workers_job_is_queued_again_and_sent_at_once(
    sessions: Sessions, job_id: int
) -> None:
    _claim(sessions, job_id)
    assert _reap(sessions, LEASE - timedelta(seconds=2)) == []
    assert _reap(sessions, LEASE) == [job_id]
    assert _job(sessions, job_id).state == "queued"
    assert _claim(sessions, job_id, "two").attempt == 2


def test_a_lost_message_is_sent_again_but_not_each_time(sessions: Sessions, job_id: int) -> None:
    assert _reap(sessions, timedelta()) == []
    assert _reap(sessions, RESEND_AFTER) == [job_id]
    assert _reap(sessions, RESEND_AFTER) == []
    assert _reap(sessions, 2 * RESEND_AFTER) == [job_id]


def test_a_stale_attempt_neither_beats_nor_publishes_nor_fails(
    sessions: Sessions, job_id: int
) -> None:
    stale = _claim(sessions, job_id)
    _reap(sessions, LEASE)
    living = _claim(sessions, job_id, "two")
    with transaction(sessions) as session:
        now = database_now(session)
        assert beat(session, stale, now, 1, 2) is False
        assert beat(session, living, now, 1, 2) is True
        with pytest.raises(StaleAttemptError):
            lock_claim(session, stale)
        with pytest.raises(StaleAttemptError):
            fail_job(session, stale, now, "I am late")
    assert _round(sessions).state == "embedding"


def test_a_worker_that_publishes_while_the_reaper_looks_is_left_alone(
    race: Race, sessions: Sessions, job_id: int
) -> None:
    claim = _claim(sessions, job_id)

    def publish(session: Session) -> None:
        _, job = lock_claim(session, claim)
        finish_job(job, database_now(session))
        session.flush()

    end = race.run(publish, lambda session: reap_jobs(session, database_now(session) + LEASE))
    assert end.waited
    assert end.second == []
    assert _job(sessions, job_id).state == "done"


def test_a_worker_that_publishes_after_the_reaper_came_is_refused(
    race: Race, sessions: Sessions, job_id: int
) -> None:
    claim = _claim(sessions, job_id)
    end = race.run(
        lambda session: reap_jobs(session, database_now(session) + LEASE),
        lambda session: lock_claim(session, claim),
    )
    assert end.waited
    assert isinstance(end.second, StaleAttemptError)
    assert _job(sessions, job_id).state == "queued"


def test_two_reapers_at_once_send_once(race: Race, sessions: Sessions, job_id: int) -> None:
    _claim(sessions, job_id)
    reap = lambda session: [job.id for job in reap_jobs(session, database_now(session) + LEASE)]  # noqa: E731
    end = race.run(reap, reap)
    assert (end.first, end.second) == ([job_id], [])


def test_a_round_cancelled_while_a_worker_computes_takes_nothing_from_it(
    sessions: Sessions, unstarted: Project, job_id: int
) -> None:
    claim = _claim(sessions, job_id)
    with transaction(sessions) as session:
        cancel_round(session, unstarted, 1, database_now(session))
    with transaction(sessions) as session:
        assert beat(session, claim, database_now(session), 1, 2) is False
        with pytest.raises(StaleAttemptError):
            lock_claim(session, claim)
    assert _job(sessions, job_id).state == _round(sessions).state == "cancelled"


def test_a_cancel_that_waits_for_a_publishing_worker_undoes_its_visit(
    race: Race, sessions: Sessions, unstarted: Project
) -> None:
    with transaction(sessions) as session:
        claim = factories.claim_step(session, unstarted, JobKind.SCORE_POOL)
        pool = session.scalars(select(Candidate.image_id)).all()

    def publish(session: Session) -> None:
        running, job = lock_claim(session, claim)
        publish_scored(session, running, Scored(pool, [], 0), database_now(session))
        finish_job(job, database_now(session))
        session.flush()

    end = race.run(
        publish, lambda session: cancel_round(session, unstarted, 1, database_now(session))
    )
    assert end.waited
    assert _round(sessions).state == "cancelled"
    with sessions() as session:
        assert set(session.scalars(select(Candidate.last_round))) == {None}


def test_a_worker_that_publishes_during_the_cancel_is_refused(
    race: Race, sessions: Sessions, unstarted: Project, job_id: int
) -> None:
    claim = _claim(sessions, job_id)
    end = race.run(
        lambda session: cancel_round(session, unstarted, 1, database_now(session)),
        lambda session: lock_claim(session, claim),
    )
    assert end.waited
    assert isinstance(end.second, StaleAttemptError)


def test_a_second_cancel_is_refused(sessions: Sessions, unstarted: Project, job_id: int) -> None:
    del job_id
    with transaction(sessions) as session:
        cancel_round(session, unstarted, 1, database_now(session))
        with pytest.raises(TransitionError):
            cancel_round(session, unstarted, 1, database_now(session))


def test_workers_that_die_too_often_fail_the_round_with_a_sentence(
    sessions: Sessions, job_id: int
) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert _claim(sessions, job_id).attempt == attempt
        sent = _reap(sessions, LEASE)
    assert sent == []
    assert (_job(sessions, job_id).state, _round(sessions).state) == ("failed", "failed")
    assert f"died {MAX_ATTEMPTS} times" in str(_round(sessions).error)
