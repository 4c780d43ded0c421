"""The worker's own task, killed in the middle of a delivery."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.db.session import database_now
from app.db.tables import Delivery, Project
from app.domain.outbound import PrivateHosts
from app.domain.round import RoundState
from app.domain.webhook import LEASE
from app.outbound import Outbound
from app.usecases.webhooks import WebhookFacts, add_webhook, send_test
from tests.receiver import Reply, receiving
from tests.workers.factory import CODE, Factory, _environment
from workers.deliver_webhooks import deliver_once

HERE = PrivateHosts.of("127.0.0.1")
TASK = "from workers.celery import deliver_webhooks; deliver_webhooks()"


@pytest.mark.slow
def test_a_delivery_whose_worker_is_killed_arrives_under_the_same_id(alone: Factory) -> None:
    project_id = alone.project("hooked", seeds=[], pool=[])
    with receiving() as receiver:
        receiver.replies = [Reply(hold=threading.Event()), Reply(200)]
        held = receiver.replies[0].hold
        with alone.transaction() as session:
            project = session.get_one(Project, project_id)
            facts = WebhookFacts(receiver.url, (RoundState.CLOSED,))
            key = alone.settings.secret_key
            made, _ = add_webhook(session, project, alone.lead, facts, HERE, key)
            send_test(session, project, made, database_now(session))
        worker = subprocess.Popen(
            [sys.executable, "-c", TASK],
            cwd=CODE,
            env=os.environ | _environment(alone.settings) | {"VETTED_PRIVATE_HOSTS": "127.0.0.1"},
        )
        first = receiver.wait()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert held is not None
        held.set()
        outbound, sessions = Outbound(HERE), alone.sessions
        now = datetime.now(UTC)

        def deliver() -> int:
            return deliver_once(sessions, outbound, alone.settings, lambda _: now)

        assert deliver() == 0
        now += LEASE
        assert deliver() == 1
        again = receiver.wait()
    assert len(receiver.got) == 2
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.body == first.body
    with alone.sessions() as session:
        found = session.scalars(select(Delivery)).one()
        assert (found.state, found.tries) == ("delivered", 2)
