"""How often an answer asks the database, and that many callers do not block one another."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx2
import pytest
from sqlalchemy import event, update

from app.db.session import make_engine, make_sessions
from app.db.tables import Proposal
from app.domain.decision import Stage
from tests.api.service import Service
from tests.api.test_rounds_and_labels import decide, lease

CALLER = 1  # who calls, and what may they do here
LEASE = 14
DECISION = 9
ADJUDICATIONS = 9


@contextmanager
def statements(service: Service) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, without BEGIN and COMMIT."""
    sent: list[str] = []
    engine = service.sessions.kw["bind"]

    def note(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def proposals(labeling: Service) -> list[dict[str, object]]:
    return lease(labeling, count=6)


def test_a_lease_asks_as_much_for_many_as_for_one(labeling: Service) -> None:
    numbers = []
    for count in (1, 6, 6):
        with statements(labeling) as sent:
            lease(labeling, count=count)
        numbers.append(len(sent))
    assert max(numbers) <= CALLER + LEASE, sent


def test_a_decision_asks_few_questions(
    labeling: Service, proposals: list[dict[str, object]]
) -> None:
    for proposal in proposals:
        with statements(labeling) as sent:
            assert decide(labeling, proposal, key=f"k{proposal['id']}").status_code == 201
        assert len(sent) <= CALLER + DECISION, sent


def test_what_waits_asks_as_much_for_many_as_for_one(
    labeling: Service, proposals: list[dict[str, object]]
) -> None:
    numbers = []
    for many in (proposals[:1], proposals):
        with labeling.transaction() as session:
            ids = [each["id"] for each in many]
            session.execute(update(Proposal).where(Proposal.id.in_(ids)).values(stage=Stage.LEAD))
        with statements(labeling) as sent:
            queue = labeling.call("lea", "GET", "/projects/flowers/adjudications").json()
        assert queue["waiting"] == len(many)
        numbers.append(len(sent))
    assert max(numbers) == min(numbers) <= CALLER + ADJUDICATIONS, sent


def test_a_picture_asks_two_questions(
    labeling: Service, proposals: list[dict[str, object]]
) -> None:
    address = f"/projects/flowers/images/{proposals[0]['image']}/screen"
    with statements(labeling) as sent:
        assert labeling.call("ben", "GET", address).status_code == 200
    assert len(sent) == CALLER + 1, sent


def test_many_callers_at_few_connections_do_not_block_one_another(labeling: Service) -> None:
    # More callers than threads, and more threads than connections: whoever held a connection while
    # waiting for a thread would wait for those who hold the threads and wait for a connection.
    engine = make_engine(_url_of(labeling), connections=2)
    context = labeling.app.state.context
    labeling.app.state.context = dataclasses.replace(context, sessions=make_sessions(engine))
    try:
        answers = anyio.run(_crowd, labeling)
    finally:
        labeling.app.state.context = context
        engine.dispose()
    assert [answer.status_code for answer in answers] == [200] * CROWD


CROWD = 120


def _url_of(service: Service) -> str:
    return str(service.sessions.kw["bind"].url.render_as_string(hide_password=False))


async def _crowd(service: Service) -> list[httpx2.Response]:
    answers: list[httpx2.Response] = []
    headers = {"Authorization": f"Bearer {service.tokens['ben']}"}
    transport = httpx2.ASGITransport(app=service.app)
    base = "http://test/api/v1/projects/flowers"

    async with (
        httpx2.AsyncClient(transport=transport, headers=headers, timeout=60) as client,
        anyio.create_task_group() as group,
    ):

        async def one(number: int) -> None:
            if number % 2:
                answers.append(await client.get(f"{base}/decisions"))
            else:
                body = {"client": f"tab {number % 6}", "count": 1}
                answers.append(await client.post(f"{base}/proposals/lease", json=body))

        for number in range(CROWD):
            group.start_soon(one, number)
    return answers
