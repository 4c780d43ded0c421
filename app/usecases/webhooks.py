"""A lead's webhooks: made, changed, tried out, and what they have sent."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Delivery, Project, Webhook
from app.domain.errors import InvalidError, NotFoundError, TransitionError
from app.domain.outbound import PrivateHosts, check_url
from app.domain.round import RoundState
from app.domain.webhook import (
    MOST_WEBHOOKS,
    SECRET_BYTES,
    SEND,
    TEST,
    DeliveryEvent,
    DeliveryState,
    WebhookEvent,
    WebhookState,
    as_secret,
    next_delivery_state,
    next_webhook_state,
)
from app.secrets import seal


@dataclass(frozen=True)
class WebhookFacts:
    """What a lead says about a webhook."""

    url: str
    states: tuple[RoundState, ...]


def webhooks_of(session: Session, project: Project) -> Sequence[Webhook]:
    """The webhooks of a project, in the order in which they were made."""
    query = select(Webhook).where(Webhook.project_id == project.id).order_by(Webhook.id)
    return session.scalars(query).all()


def webhook_by_id(
    session: Session, project: Project, webhook_id: int, *, lock: bool = True
) -> Webhook:
    """A webhook of this project; with `lock` for update.

    Raises:
        NotFoundError: when the project has no such webhook.
    """
    query = select(Webhook).where(Webhook.id == webhook_id, Webhook.project_id == project.id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFoundError("webhook", webhook_id)
    return found


def add_webhook(
    session: Session,
    project: Project,
    user_id: int,
    facts: WebhookFacts,
    private: PrivateHosts,
    secret_key: str,
) -> tuple[Webhook, str]:
    """A new webhook, and its secret, which is told now and never again.

    Raises:
        InvalidError: for a URL that is not called, no state, or one webhook too many.
    """
    _check(facts, private)
    # Two leads at once: neither makes the one that is too many.
    session.execute(select(Project.id).where(Project.id == project.id).with_for_update())
    number = select(func.count()).where(Webhook.project_id == project.id)
    if session.scalars(number).one() >= MOST_WEBHOOKS:
        raise InvalidError(
            "url",
            "A project has at most {most} webhooks. Delete one that is not needed.",
            most=MOST_WEBHOOKS,
        )
    secret = new_secret()
    made = Webhook(
        project_id=project.id,
        url=facts.url,
        states=[state.value for state in facts.states],
        secret=seal(secret_key, secret),
        state=WebhookState.ACTIVE,
        created_by=user_id,
    )
    session.add(made)
    session.flush()
    return made, secret


def change_webhook(of: Webhook, facts: WebhookFacts, private: PrivateHosts) -> None:
    """Send to another URL, or other states.

    Raises:
        InvalidError: for a URL that is not called, or no state.
    """
    _check(facts, private)
    of.url, of.states = facts.url, [state.value for state in facts.states]


def replace_secret(of: Webhook, secret_key: str) -> str:
    """Sign with a new secret from now on; it is told now and never again."""
    secret = new_secret()
    of.secret = seal(secret_key, secret)
    return secret


def new_secret() -> str:
    """256 random bits, as the standard writes them."""
    return as_secret(secrets.token_bytes(SECRET_BYTES))


def pause(of: Webhook) -> None:
    """Send nothing and note nothing down until it is resumed; what waits, waits on.

    Raises:
        TransitionError: unless it is active.
    """
    of.state = next_webhook_state(WebhookState(of.state), WebhookEvent.PAUSE)


def resume(of: Webhook) -> None:
    """Send again, what waits first.

    Raises:
        TransitionError: when it is active.
    """
    of.state = next_webhook_state(WebhookState(of.state), WebhookEvent.RESUME)
    of.reason = of.failing_since = None


def _check(facts: WebhookFacts, private: PrivateHosts) -> None:
    check_url(facts.url, private)
    if not facts.states:
        raise InvalidError("states", "Choose at least one state.")


def send_test(session: Session, project: Project, to: Webhook, now: datetime) -> Delivery:
    """Put a message that tells of no round into the outbox.

    Raises:
        TransitionError: unless the webhook is active.
    """
    _need_active(to)
    body = {
        "type": TEST,
        "timestamp": now.isoformat(),
        "data": {"project": project.slug, "address": f"/api/v1/projects/{project.slug}"},
    }
    made = Delivery(
        webhook_id=to.id,
        message_id=new_message_id(),
        kind=TEST,
        body=body,
        state=DeliveryState.WAITING,
        next_at=now,
    )
    session.add(made)
    session.flush()
    return made


def send_again(session: Session, to: Webhook, delivery_id: int, now: datetime) -> Delivery:
    """Try a delivery anew, from the first try, under the id that it has.

    Raises:
        NotFoundError: when the webhook has no such delivery.
        TransitionError: while it is being sent, or unless the webhook is active.
    """
    found = session.scalar(
        select(Delivery)
        .where(Delivery.id == delivery_id, Delivery.webhook_id == to.id)
        .with_for_update()
    )
    if found is None:
        raise NotFoundError("delivery", delivery_id)
    _need_active(to)
    found.state = next_delivery_state(DeliveryState(found.state), DeliveryEvent.SEND_AGAIN)
    found.tries, found.next_at = 0, now
    return found


def _need_active(to: Webhook) -> None:
    if to.state != WebhookState.ACTIVE:
        raise TransitionError("webhook", to.state, SEND)


def new_message_id() -> str:
    """What receivers know a message by."""
    return f"msg_{uuid4().hex}"


def deliveries_of(
    session: Session, webhook_ids: Sequence[int], before: int | None, limit: int
) -> Sequence[Delivery]:
    """Deliveries to these webhooks with an id below `before`, the newest first."""
    query = select(Delivery).where(Delivery.webhook_id.in_(webhook_ids))
    if before is not None:
        query = query.where(Delivery.id < before)
    return session.scalars(query.order_by(Delivery.id.desc()).limit(limit)).all()
