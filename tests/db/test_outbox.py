"""The outbox of webhooks: written with what it tells, claimed once, tried until it arrives."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from sqlalchemy import select

from app.db.session import Sessions, database_now, transaction
from app.db.tables import Delivery, Event, Project, Webhook
from app.domain.errors import TransitionError
from app.domain.job import JobKind
from app.domain.outbound import PrivateHosts
from app.domain.round import RoundState
from app.domain.webhook import LEASE, MOST_TRIES, WAITS, Try
from app.outbound import Outbound
from app.settings import Settings
from app.usecases.deliver import Parcel, claim_deliveries, finish_delivery
from app.usecases.rounds.end_round import cancel_round, close_round
from app.usecases.run_jobs import fail_job
from app.usecases.webhooks import (
    WebhookFacts,
    add_webhook,
    pause,
    replace_secret,
    resume,
    send_again,
    send_test,
    webhook_by_id,
)
from tests import factories
from tests.db.conftest import Place
from tests.db.racing import Race
from tests.receiver import Receiver, Reply, receiving
from workers.deliver_webhooks import deliver_once

KEY = "k" * 40
HERE = PrivateHosts.of("127.0.0.0/8")
EVERY = tuple(RoundState)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


class Post:
    """A project's webhook, and the worker that serves it, at a time that the test says."""

    def __init__(self, sessions: Sessions, project: Project, url: str, folder: Path) -> None:
        self.sessions, self.project = sessions, project
        self.now = datetime.now(UTC)
        self.outbound = Outbound(HERE)
        self.settings = Settings(
            database_url="postgresql://none",
            broker_url="redis://none",
            data_dir=folder,
            secret_key=KEY,
            public_url="https://vetted.example/",
        )
        with transaction(sessions) as session:
            facts = WebhookFacts(url, EVERY)
            made, self.secret = add_webhook(session, project, project.created_by, facts, HERE, KEY)
            self.id = made.id

    def test(self) -> int:
        with transaction(self.sessions) as session:
            to = webhook_by_id(session, self.project, self.id)
            return send_test(session, self.project, to, self.now).id

    def work(self, later: timedelta = timedelta()) -> int:
        self.now += later
        return deliver_once(self.sessions, self.outbound, self.settings, lambda _: self.now)

    def deliveries(self) -> list[Delivery]:
        with self.sessions() as session:
            return [*session.scalars(select(Delivery).order_by(Delivery.id))]

    def delivery(self) -> Delivery:
        return self.deliveries()[-1]

    def webhook(self) -> Webhook:
        with self.sessions() as session:
            return session.get_one(Webhook, self.id)

    def verify(self, receiver: Receiver) -> Any:
        """The newest message, as the published library reads it."""
        got = receiver.got[-1]
        return standardwebhooks.Webhook(self.secret).verify(got.body, got.headers)


@pytest.fixture
def post(sessions: Sessions, place: Place, receiver: Receiver, tmp_path: Path) -> Post:
    return Post(sessions, place.project, receiver.url, tmp_path)


def test_a_closed_round_is_told_with_its_numbers(
    post: Post, place: Place, receiver: Receiver
) -> None:
    with transaction(post.sessions) as session:
        close_round(session, place.project, 1, database_now(session))
    post.now = datetime.now(UTC)
    assert post.work() == 1
    body = post.verify(receiver)
    assert body["type"] == "round.closed"
    assert datetime.fromisoformat(body["timestamp"]).tzinfo
    assert body["data"] == {
        "project": "flowers", "round": 1, "state": "closed", "candidates": 24, "proposals": 8,
        "yes": 0, "no": 0, "unsure": 0, "top1": 0.625, "mean_class": 0.61, "version": 1,
        "error": None, "address": "https://vetted.example/api/v1/projects/flowers/rounds/1",
    }  # fmt: skip
    assert receiver.got[0].headers["content-type"] == "application/json"
    found = post.delivery()
    assert (found.state, found.status, found.tries) == ("delivered", 204, 1)
    assert post.work(timedelta(days=2)) == 0


def test_what_is_rolled_back_is_not_told(post: Post, place: Place) -> None:
    with post.sessions() as session:
        close_round(session, place.project, 1, database_now(session))
        session.rollback()
    assert post.deliveries() == []


def test_only_the_states_that_were_chosen_are_told(post: Post, place: Place) -> None:
    with transaction(post.sessions) as session:
        webhook_by_id(session, place.project, post.id).states = ["closed"]
        cancel_round(session, place.project, 1, database_now(session))
    assert post.deliveries() == []


def test_a_failure_is_told_with_its_reason(
    sessions: Sessions, unstarted: Project, receiver: Receiver, tmp_path: Path
) -> None:
    post = Post(sessions, unstarted, receiver.url, tmp_path)
    with transaction(sessions) as session:
        claim = factories.claim_step(session, unstarted, JobKind.TRAIN_ROUND)
        fail_job(session, claim, database_now(session), "Too little to train on.")
    told = [(each.kind, each.body["data"]["error"]) for each in post.deliveries()]
    assert told == [("round.embedding", None), ("round.failed", "Too little to train on.")]


def test_a_receiver_that_fails_twice_gets_the_same_message_again(
    post: Post, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500), Reply(503, {"Retry-After": "600"}), Reply(200)]
    post.test()
    assert post.work() == 1
    assert (post.delivery().state, post.delivery().status) == ("waiting", 500)
    assert post.webhook().failing_since == post.now
    assert post.work(0.7 * WAITS[0]) == 0
    assert post.work(0.6 * WAITS[0]) == 1
    assert post.delivery().next_at - post.now == timedelta(seconds=600)
    assert post.work(timedelta(seconds=599)) == 0
    assert post.work(timedelta(seconds=1)) == 1
    assert (post.delivery().state, post.delivery().tries) == ("delivered", 3)
    assert post.webhook().failing_since is None
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert len(receiver.got) == 3


def test_it_is_given_up_after_ten_tries_and_may_be_sent_again(
    post: Post, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500)]
    number = post.test()
    while post.work(timedelta(days=1)):
        pass
    assert len(receiver.got) == MOST_TRIES
    assert (post.delivery().state, post.delivery().tries) == ("failed", MOST_TRIES)
    # Nothing has arrived for ten days of this test.
    assert (post.webhook().state, post.webhook().reason) == ("disabled", "failing")
    with post.sessions() as session:
        event = session.scalars(select(Event)).one()
        assert (event.verb, event.user_id) == ("disable-webhook", None)
    receiver.replies = [Reply(204)]
    with transaction(post.sessions) as session:
        to = webhook_by_id(session, post.project, post.id)
        with pytest.raises(TransitionError):
            send_again(session, to, number, post.now)
        resume(to)
        send_again(session, to, number, post.now)
    post.work()
    assert (post.delivery().state, post.delivery().tries) == ("delivered", 1)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


def test_a_receiver_that_is_gone_is_disabled_at_once(post: Post, receiver: Receiver) -> None:
    receiver.replies = [Reply(410)]
    post.test()
    post.work()
    assert post.delivery().state == "failed"
    assert (post.webhook().state, post.webhook().reason) == ("disabled", "gone")


def test_nothing_is_sent_or_noted_while_it_is_paused(
    post: Post, place: Place, receiver: Receiver
) -> None:
    post.test()
    with transaction(post.sessions) as session:
        pause(webhook_by_id(session, place.project, post.id))
        close_round(session, place.project, 1, database_now(session))
    assert post.work(timedelta(days=1)) == 0
    with transaction(post.sessions) as session:
        resume(webhook_by_id(session, place.project, post.id))
    assert post.work() == 1
    assert json.loads(receiver.got[0].body)["type"] == "webhook.test"


def test_a_private_address_is_not_called(post: Post, receiver: Receiver) -> None:
    post.outbound = Outbound(PrivateHosts())
    post.test()
    post.work()
    assert (post.delivery().state, post.delivery().trouble) == ("waiting", "refused-address")
    assert not receiver.got


def test_a_secret_that_the_operators_key_no_longer_opens_is_told(
    post: Post, receiver: Receiver
) -> None:
    post.settings = post.settings.model_copy(update={"secret_key": "other" * 10})
    post.test()
    post.work()
    assert (post.webhook().state, post.webhook().reason) == ("disabled", "secret-lost")
    assert not receiver.got
    with transaction(post.sessions) as session:
        to = webhook_by_id(session, post.project, post.id)
        post.secret = replace_secret(to, post.settings.secret_key)
        resume(to)
    post.test()
    post.work()
    assert post.verify(receiver)["type"] == "webhook.test"


def test_the_secret_is_not_in_the_database(post: Post) -> None:
    assert post.secret not in post.webhook().secret


# Races


def claim(post: Post) -> Any:
    return lambda session: claim_deliveries(session, KEY, post.now, 10)


def test_two_workers_never_claim_the_same_delivery(post: Post, race: Race) -> None:
    numbers = [post.test(), post.test()]
    end = race.run(claim(post), claim(post))
    assert not end.waited
    assert [parcel.delivery_id for parcel in end.first] == numbers
    assert end.second == []


def test_a_claim_that_was_never_ended_is_made_again_when_its_lease_is_over(
    post: Post, race: Race
) -> None:
    post.test()
    (lost,) = race.run(claim(post), claim(post)).first
    post.now += LEASE - timedelta(seconds=1)
    assert race.run(claim(post), claim(post)).first == []
    post.now += timedelta(seconds=1)
    (taken,) = race.run(claim(post), claim(post)).first
    assert (taken.message_id, taken.attempt) == (lost.message_id, lost.attempt + 1)
    with transaction(post.sessions) as session:
        assert finish(session, post, lost, Try(500)) is None
        assert finish(session, post, taken, Try(200)) == "arrived"
    assert post.delivery().state == "delivered"


def finish(session: Any, post: Post, parcel: Parcel, ended: Try) -> Any:
    return finish_delivery(session, parcel, ended, post.now, 0.5)


def test_a_delivery_that_ends_while_its_webhook_is_deleted(post: Post, race: Race) -> None:
    post.test()
    (parcel,) = race.run(claim(post), claim(post)).first
    end = race.run(
        lambda session: (
            session.delete(webhook_by_id(session, post.project, post.id)) or session.flush()
        ),
        lambda session: finish(session, post, parcel, Try(200)),
    )
    assert end.waited
    assert end.second is None
    assert post.deliveries() == []
