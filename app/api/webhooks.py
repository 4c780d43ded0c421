"""Webhooks: who is told of the states of rounds."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Response

from app.context import Context, Unit
from app.db.session import database_now
from app.db.tables import Delivery, Webhook
from app.domain.errors import InvalidError, TransitionError
from app.domain.event import Verb
from app.domain.outbound import PrivateHosts, Trouble
from app.domain.round import RoundState
from app.domain.webhook import DeliveryState, Reason, WebhookState
from app.usecases import webhooks
from app.usecases.events import record
from app.usecases.people import Access
from app.usecases.webhooks import WebhookFacts

from .dependencies import ContextDep, Lead, UnitDep
from .one_thread import OneThreadRoute
from .problems import responses
from .schemas.webhooks import (
    DeliveryOut,
    DeliveryPage,
    NewWebhook,
    WebhookChanges,
    WebhookOut,
    WebhookWithSecret,
)

router = APIRouter(tags=["webhooks"], route_class=OneThreadRoute)

_ONE = "/projects/{project}/webhooks/{webhook_id}"


@router.get("/projects/{project}/webhooks", operation_id="listWebhooks", responses=responses())
def list_webhooks(unit: UnitDep, access: Lead) -> list[WebhookOut]:
    """Who is told of the project's rounds."""
    found = webhooks.webhooks_of(unit.session, access.project)
    return [WebhookOut(**_facts(each)) for each in found]


@router.post(
    "/projects/{project}/webhooks",
    operation_id="createWebhook",
    status_code=201,
    responses=responses(InvalidError),
)
def create_webhook(
    body: NewWebhook, unit: UnitDep, context: ContextDep, access: Lead
) -> WebhookWithSecret:
    """Tell an address of rounds. The answer holds the secret that messages are signed with, once.

    Messages follow Standard Webhooks: verify `webhook-signature` with one of its libraries.
    """
    made, secret = webhooks.add_webhook(
        unit.session,
        access.project,
        access.principal.user_id,
        WebhookFacts(body.url.strip(), _states(body.states)),
        _private(context),
        context.settings.secret_key,
    )
    _log(unit, access, Verb.CREATE_WEBHOOK, made, host=_host(made), states=made.states)
    return WebhookWithSecret(**_facts(made), secret=secret)


@router.patch(_ONE, operation_id="editWebhook", responses=responses(InvalidError, TransitionError))
def edit_webhook(
    webhook_id: int, body: WebhookChanges, unit: UnitDep, context: ContextDep, access: Lead
) -> WebhookWithSecret:
    """Change, pause or resume a webhook, or make another secret."""
    of = webhooks.webhook_by_id(unit.session, access.project, webhook_id)
    changed: dict[str, Any] = {}
    if body.url is not None or body.states is not None:
        states = [RoundState(state) for state in of.states] if body.states is None else body.states
        url = of.url if body.url is None else body.url.strip()
        webhooks.change_webhook(of, WebhookFacts(url, _states(states)), _private(context))
        changed |= {"host": _host(of), "states": of.states}
    if body.paused is not None:
        (webhooks.pause if body.paused else webhooks.resume)(of)
        changed["paused"] = body.paused
    secret = None
    if body.new_secret:
        secret = webhooks.replace_secret(of, context.settings.secret_key)
        changed["new_secret"] = True
    unit.session.flush()
    if changed:
        _log(unit, access, Verb.CHANGE_WEBHOOK, of, **changed)
    return WebhookWithSecret(**_facts(of), secret=secret)


@router.delete(_ONE, operation_id="deleteWebhook", status_code=204, responses=responses())
def delete_webhook(webhook_id: int, unit: UnitDep, access: Lead) -> Response:
    """Delete a webhook with its deliveries; what waits is not sent."""
    of = webhooks.webhook_by_id(unit.session, access.project, webhook_id)
    unit.session.delete(of)
    _log(unit, access, Verb.DELETE_WEBHOOK, of, host=_host(of))
    return Response(status_code=204)


@router.post(
    f"{_ONE}/test",
    operation_id="testWebhook",
    status_code=202,
    responses=responses(TransitionError),
)
def try_webhook(webhook_id: int, unit: UnitDep, access: Lead) -> DeliveryOut:
    """Send a message of the type `webhook.test`; look at its delivery for what became of it."""
    of = webhooks.webhook_by_id(unit.session, access.project, webhook_id)
    made = webhooks.send_test(unit.session, access.project, of, database_now(unit.session))
    _log(unit, access, Verb.TEST_WEBHOOK, of, message_id=made.message_id)
    return _delivery(made)


@router.get(f"{_ONE}/deliveries", operation_id="listDeliveries", responses=responses())
def list_deliveries(
    webhook_id: int,
    unit: UnitDep,
    access: Lead,
    before: Annotated[int | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> DeliveryPage:
    """What was sent to a webhook, and what waits for another try."""
    of = webhooks.webhook_by_id(unit.session, access.project, webhook_id, lock=False)
    found = webhooks.deliveries_of(unit.session, [of.id], before, limit)
    return DeliveryPage(
        deliveries=[_delivery(each) for each in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.post(
    f"{_ONE}/deliveries/{{delivery_id}}/redeliver",
    operation_id="redeliver",
    status_code=202,
    responses=responses(TransitionError),
)
def redeliver(webhook_id: int, delivery_id: int, unit: UnitDep, access: Lead) -> DeliveryOut:
    """Send a message again, under the same `webhook-id`."""
    of = webhooks.webhook_by_id(unit.session, access.project, webhook_id)
    again = webhooks.send_again(unit.session, of, delivery_id, database_now(unit.session))
    _log(unit, access, Verb.SEND_AGAIN, of, message_id=again.message_id)
    return _delivery(again)


def _private(context: Context) -> PrivateHosts:
    return PrivateHosts.of(context.settings.private_hosts or "")


def _states(chosen: list[RoundState]) -> tuple[RoundState, ...]:
    """In the order of a round's life, each once."""
    return tuple(state for state in RoundState if state in chosen)


def _host(of: Webhook) -> str:
    # Of a URL, the path may be somebody's key: the log is read by more people than the page.
    return urlsplit(of.url).hostname or ""


def _facts(of: Webhook) -> dict[str, Any]:
    return {
        "id": of.id,
        "url": of.url,
        "states": [RoundState(state) for state in of.states],
        "state": WebhookState(of.state),
        "reason": None if of.reason is None else Reason(of.reason),
        "failing_since": of.failing_since,
        "created_at": of.created_at,
    }


def _delivery(of: Delivery) -> DeliveryOut:
    state = DeliveryState(of.state)
    return DeliveryOut(
        id=of.id,
        message_id=of.message_id,
        type=of.kind,
        round=of.round,
        state=state,
        tries=of.tries,
        status=of.status,
        trouble=None if of.trouble is None else Trouble(of.trouble),
        created_at=of.created_at,
        tried_at=of.tried_at,
        next_try_at=of.next_at if state is DeliveryState.WAITING else None,
    )


def _log(unit: Unit, access: Access, verb: Verb, of: Webhook, **details: Any) -> None:
    record(unit.session, access.project.id, access.principal.user_id, verb, of.id, **details)
