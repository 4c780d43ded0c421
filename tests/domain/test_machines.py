"""Every state meets every event, and the outcome is written down here a second time by hand."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from app.domain import batch, job, round, webhook  # noqa: A004 - the word for the thing
from app.domain.batch import BatchEvent, BatchState
from app.domain.errors import TransitionError
from app.domain.job import JobEvent, JobKind, JobState
from app.domain.round import UNFINISHED, RoundEvent, RoundState
from app.domain.webhook import DeliveryEvent, DeliveryState, WebhookEvent, WebhookState

ROUND = {
    "embedding": {"finish embedding": "training", "be cancelled": "cancelled", "fail": "failed"},
    "training": {"finish training": "scoring", "be cancelled": "cancelled", "fail": "failed"},
    "scoring": {"finish scoring": "labeling", "be cancelled": "cancelled", "fail": "failed"},
    "labeling": {"be closed": "closed", "be cancelled": "cancelled"},
    "closed": {},
    "cancelled": {},
    "failed": {},
}
JOB = {
    "queued": {"be claimed": "running", "fail": "failed", "be cancelled": "cancelled"},
    "running": {
        "finish": "done",
        "lapse": "queued",
        "give way": "queued",
        "fail": "failed",
        "be cancelled": "cancelled",
    },
    "done": {},
    "failed": {},
    "cancelled": {},
}

BATCH = {
    "open": {"finish": "done"},
    "queued": {"start": "running", "fail": "failed", "be cancelled": "cancelled"},
    "running": {
        "start": "running",
        "finish": "done",
        "fail": "failed",
        "be cancelled": "cancelled",
    },
    "done": {"be tried again": "queued"},
    "failed": {"be tried again": "queued"},
    "cancelled": {"be tried again": "queued"},
}
WEBHOOK = {
    "active": {"be paused": "paused", "be disabled": "disabled"},
    "paused": {"be resumed": "active", "be disabled": "disabled"},
    "disabled": {"be resumed": "active", "be disabled": "disabled"},
}
DELIVERY = {
    "waiting": {"be claimed": "sending", "be sent again": "waiting"},
    "sending": {
        "be claimed": "sending",
        "arrive": "delivered",
        "wait for another try": "waiting",
        "be given up": "failed",
    },
    "delivered": {"be sent again": "waiting"},
    "failed": {"be sent again": "waiting"},
}


@pytest.mark.parametrize("event", RoundEvent)
@pytest.mark.parametrize("state", RoundState)
def test_a_round_goes_only_where_the_table_says(state: RoundState, event: RoundEvent) -> None:
    _check(ROUND, round.next_state, state, event)


@pytest.mark.parametrize("event", JobEvent)
@pytest.mark.parametrize("state", JobState)
def test_a_job_goes_only_where_the_table_says(state: JobState, event: JobEvent) -> None:
    _check(JOB, job.next_state, state, event)


@pytest.mark.parametrize("event", BatchEvent)
@pytest.mark.parametrize("state", BatchState)
def test_a_batch_goes_only_where_the_table_says(state: BatchState, event: BatchEvent) -> None:
    _check(BATCH, batch.next_state, state, event)


@pytest.mark.parametrize("event", WebhookEvent)
@pytest.mark.parametrize("state", WebhookState)
def test_a_webhook_goes_only_where_the_table_says(state: WebhookState, event: WebhookEvent) -> None:
    _check(WEBHOOK, webhook.next_webhook_state, state, event)


@pytest.mark.parametrize("event", DeliveryEvent)
@pytest.mark.parametrize("state", DeliveryState)
def test_a_delivery_goes_only_where_the_table_says(
    state: DeliveryState, event: DeliveryEvent
) -> None:
    _check(DELIVERY, webhook.next_delivery_state, state, event)


def _check(expected: Mapping[str, Mapping[str, str]], step, state: StrEnum, event: StrEnum) -> None:  # noqa: ANN001
    wanted = expected[state].get(event)
    if wanted is not None:
        assert step(state, event) == wanted
        return
    with pytest.raises(TransitionError) as refused:
        step(state, event)
    assert (refused.value.state, refused.value.event) == (state.value, event.value)


def test_unfinished_rounds_are_those_with_a_way_on() -> None:
    assert set(UNFINISHED) == {state for state, ways in ROUND.items() if ways}


def test_every_unfinished_round_can_be_cancelled() -> None:
    for state in UNFINISHED:
        assert round.next_state(state, RoundEvent.CANCEL) is RoundState.CANCELLED


def test_every_kind_of_job_has_its_queue() -> None:
    assert set(job.QUEUE_OF) == set(job.OWNER_OF) == set(JobKind)


def test_a_lease_outlives_several_missed_beats() -> None:
    assert job.LEASE >= 3 * job.HEARTBEAT
