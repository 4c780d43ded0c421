"""The outbox of webhooks: written with what it tells, claimed by a worker, tried until it arrives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import queries
from app.db.session import database_now
from app.db.tables import Delivery, Project, Round, Webhook
from app.domain.event import Verb
from app.domain.round import RoundState
from app.domain.webhook import (
    LEASE,
    MOST_TRIES,
    DeliveryEvent,
    DeliveryState,
    Reason,
    Try,
    Verdict,
    WebhookEvent,
    WebhookState,
    event_type,
    judge,
    next_delivery_state,
    next_webhook_state,
    reason_to_disable,
    wait_after,
)
from app.secrets import SealBrokenError, unseal
from app.usecases.events import record
from app.usecases.webhooks import new_message_id


def announce(session: Session, of: Round) -> None:
    """Put the round's state into the outbox of each active webhook that wants to know it."""
    wanted = session.scalars(
        select(Webhook.id)
        .where(
            Webhook.project_id == of.project_id,
            Webhook.state == WebhookState.ACTIVE,
            Webhook.states.any_() == of.state,
        )
        .order_by(Webhook.id)
    ).all()
    if not wanted:
        return
    now = database_now(session)
    body = _body(session, of, now)
    session.add_all(
        Delivery(
            webhook_id=webhook_id,
            message_id=new_message_id(),
            kind=body["type"],
            round=of.number,
            body=body,
            state=DeliveryState.WAITING,
            next_at=now,
        )
        for webhook_id in wanted
    )
    session.flush()


def _body(session: Session, of: Round, now: datetime) -> dict[str, Any]:
    session.flush()
    slug = session.scalars(select(Project.slug).where(Project.id == of.project_id)).one()
    (summary,) = queries.rounds(session, of.project_id, of.number)
    return {
        "type": event_type(RoundState(of.state)),
        "timestamp": now.isoformat(),
        "data": {
            "project": slug,
            "round": of.number,
            "state": of.state,
            "candidates": of.candidates,
            "proposals": of.proposals,
            "yes": summary.tally.yes,
            "no": summary.tally.no,
            "unsure": summary.tally.unsure,
            "top1": summary.metrics.get("top1"),
            "mean_class": summary.metrics.get("mean_class"),
            "version": of.made_version,
            "error": of.error,
            "address": f"/api/v1/projects/{slug}/rounds/{of.number}",
        },
    }


@dataclass(frozen=True)
class Parcel:
    """A delivery in a worker's hands. `secret` is None where it cannot be read any more."""

    delivery_id: int
    attempt: int
    message_id: str
    url: str
    secret: str | None
    body: dict[str, Any]

    def content(self, public_url: str | None) -> bytes:
        """What is sent: the same bytes at each try."""
        data = self.body["data"]
        whole = data | {"address": (public_url or "").rstrip("/") + data["address"]}
        return json.dumps(self.body | {"data": whole}, separators=(",", ":")).encode()


def claim_deliveries(
    session: Session, secret_key: str, now: datetime, limit: int
) -> Sequence[Parcel]:
    """Take what is due, the longest waiting first. A lease that has run out is due, too.

    What another worker is claiming at this moment is passed over.
    """
    rows = session.execute(
        select(Delivery, Webhook.url, Webhook.secret)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(
            Delivery.state.in_((DeliveryState.WAITING, DeliveryState.SENDING)),
            Delivery.next_at <= now,
            Webhook.state == WebhookState.ACTIVE,
        )
        .order_by(Delivery.next_at, Delivery.id)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
    ).all()
    parcels = []
    for delivery, url, sealed in rows:
        delivery.state = next_delivery_state(DeliveryState(delivery.state), DeliveryEvent.CLAIM)
        delivery.tries += 1
        delivery.attempt += 1
        delivery.next_at = now + LEASE
        delivery.tried_at = now
        parcels.append(
            Parcel(
                delivery.id,
                delivery.attempt,
                delivery.message_id,
                url,
                _secret(secret_key, sealed),
                delivery.body,
            )
        )
    return parcels


def _secret(secret_key: str, sealed: str) -> str | None:
    try:
        return unseal(secret_key, sealed)
    except SealBrokenError:
        return None


def finish_delivery(
    session: Session, parcel: Parcel, ended: Try, now: datetime, chance: float
) -> Verdict | None:
    """Write down how a try ended; None when another attempt has taken the delivery over.

    Args:
        session: The transaction.
        parcel: What was tried.
        ended: How.
        now: When.
        chance: From 0 to 1, for the wait before the next try.
    """
    to = session.scalar(
        select(Webhook)
        .join(Delivery, Delivery.webhook_id == Webhook.id)
        .where(Delivery.id == parcel.delivery_id)
        .with_for_update(of=Webhook)
    )
    of = session.get(Delivery, parcel.delivery_id, with_for_update=True, populate_existing=True)
    if to is None or of is None:
        return None  # deleted meanwhile
    if of.attempt != parcel.attempt or of.state != DeliveryState.SENDING:
        return None
    # Without its secret nothing can be signed, however often it is tried.
    verdict = Verdict.GIVE_UP if parcel.secret is None else judge(ended.status, of.tries)
    _end_try(of, verdict, ended, now, chance)
    _judge_webhook(session, to, verdict, now, lost=parcel.secret is None)
    return verdict


def _end_try(of: Delivery, verdict: Verdict, ended: Try, now: datetime, chance: float) -> None:
    of.status, of.trouble = ended.status, ended.trouble
    of.next_at = now
    event = DeliveryEvent.GIVE_UP
    if verdict is Verdict.ARRIVED:
        event = DeliveryEvent.ARRIVE
    elif verdict is Verdict.TRY_AGAIN:
        event = DeliveryEvent.WAIT
        of.next_at = now + wait_after(min(of.tries, MOST_TRIES - 1), chance, ended.asked)
    of.state = next_delivery_state(DeliveryState(of.state), event)


def _judge_webhook(
    session: Session, to: Webhook, verdict: Verdict, now: datetime, *, lost: bool
) -> None:
    if verdict is Verdict.ARRIVED:
        to.failing_since = None
        return
    to.failing_since = to.failing_since or now
    reason = Reason.SECRET_LOST if lost else reason_to_disable(verdict, to.failing_since, now)
    if reason is not None:
        to.state = next_webhook_state(WebhookState(to.state), WebhookEvent.DISABLE)
        to.reason = reason.value
        record(session, to.project_id, None, Verb.DISABLE_WEBHOOK, to.id, reason=reason.value)
