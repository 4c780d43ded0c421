"""Whatever brings a round to a new state writes it down."""

import ast
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

import app
from app.db.session import database_now, transaction
from app.db.tables import Event, Job, Project, Round
from app.domain.event import Actor, Verb, actor_of
from app.domain.job import LEASE, MAX_ATTEMPTS, JobKind
from app.usecases.rounds.publish_round import (
    Scored,
    Trained,
    publish_embedded,
    publish_scored,
    publish_trained,
)
from app.usecases.run_jobs import fail_job, reap_jobs
from tests import factories

Sessions = sessionmaker[Session]
PACKAGES = ("app", "workers", "vetted")


def written(sessions: Sessions) -> list[tuple[str, str, dict[str, object]]]:
    with sessions() as session:
        events = session.scalars(select(Event).order_by(Event.id)).all()
        assert {actor_of(Verb(event.verb), event.user_id) for event in events} == {Actor.SYSTEM}
        return [(event.verb, event.what, event.details) for event in events]


def test_what_workers_publish_is_written_down(sessions: Sessions, unstarted: Project) -> None:
    with transaction(sessions) as session:
        claim = factories.claim_step(session, unstarted, JobKind.EMBED_POOL)
        running = session.get_one(Round, claim.round_id)
        publish_embedded(session, running)
        trained = Trained("model", "0" * 64, "test", {}, {}, None, {})
        publish_trained(session, running, trained)
        publish_scored(session, running, Scored([], [], 0), database_now(session))
    assert written(sessions) == [
        ("advance-round", "1", {"state": "training"}),
        ("advance-round", "1", {"state": "scoring"}),
        ("open-round", "1", {"candidates": 0, "proposals": 0, "gold": 0}),
    ]


def test_a_failure_is_written_down(sessions: Sessions, unstarted: Project) -> None:
    with transaction(sessions) as session:
        claim = factories.claim_step(session, unstarted, JobKind.TRAIN_ROUND)
        fail_job(session, claim, database_now(session), "Too little to train on.")
    assert written(sessions) == [("fail-round", "1", {"error": "Too little to train on."})]


def test_a_round_whose_workers_die_is_written_down_by_the_reaper(
    sessions: Sessions, unstarted: Project
) -> None:
    with transaction(sessions) as session:
        claim = factories.claim_step(session, unstarted, JobKind.TRAIN_ROUND)
        session.get_one(Job, claim.job_id).lapses = MAX_ATTEMPTS - 1
    with transaction(sessions) as session:
        reap_jobs(session, database_now(session) + 2 * LEASE)
    ((verb, number, details),) = written(sessions)
    assert (verb, number) == ("fail-round", "1")
    assert "died 5 times" in str(details["error"])


def test_no_function_changes_the_state_of_a_round_in_silence() -> None:
    changing = [each for package in PACKAGES for each in functions(package) if changes_round(each)]
    assert len(changing) >= 7
    assert [each.name for each in changing if not tells(each)] == []


def functions(package: str) -> list[ast.FunctionDef]:
    root = Path(app.__file__).parents[1] / package
    trees = [ast.parse(path.read_text()) for path in root.rglob("*.py")]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def changes_round(function: ast.FunctionDef) -> bool:
    """Whether it gives a state of rounds to a row's `state`, or makes a round."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            if node.targets[0].attr == "state" and "Round" in ast.unparse(node.value):
                return True
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Round":
            return True
    return False


def tells(function: ast.FunctionDef) -> bool:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) == "tell_round" for call in calls)
