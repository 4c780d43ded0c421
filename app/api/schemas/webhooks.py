"""Webhooks and their deliveries."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.domain.outbound import MOST_URL, Trouble
from app.domain.round import RoundState
from app.domain.webhook import DEFAULT_STATES, DeliveryState, Reason, WebhookState

from .body import Body


class NewWebhook(Body):
    """Who is to be told of rounds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"url": "https://example.org/hooks/vetted", "states": ["closed", "failed"]}
            ]
        },
    )
    url: str = Field(
        max_length=2 * MOST_URL,
        description="http(s); private addresses only where the operator allows them",
    )
    states: list[RoundState] = Field(
        default_factory=lambda: [*DEFAULT_STATES],
        description="Of which states of a round it is told",
    )


class WebhookChanges(Body):
    """What changes; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paused": True}]})
    url: str | None = Field(default=None, max_length=2 * MOST_URL)
    states: list[RoundState] | None = None
    paused: bool | None = Field(
        default=None,
        description="True: nothing is sent and nothing new is noted down; false: what waited is "
        "sent, and a webhook that was disabled begins anew",
    )
    new_secret: bool = Field(default=False, description="Make another secret; the answer tells it")


class WebhookOut(BaseModel):
    """A webhook."""

    id: int
    url: str
    states: list[RoundState]
    state: WebhookState
    reason: Reason | None = Field(
        description="Why it is disabled: the receiver is `gone` (410), has been `failing` for days, or "
        "the secret was lost with the operator's key (`secret-lost`: make another)"
    )
    failing_since: datetime | None = Field(description="Null when the last try arrived")
    created_at: datetime


class WebhookWithSecret(WebhookOut):
    """A webhook, and its secret in the answer that made it."""

    secret: str | None = Field(
        description="`whsec_...` for a library of Standard Webhooks: told once, so keep it. Null "
        "where no new one was made"
    )


class DeliveryOut(BaseModel):
    """A message to a webhook, and how its last try ended."""

    id: int
    message_id: str = Field(description="`webhook-id`: the same at each try")
    type: str = Field(examples=["round.closed", "webhook.test"])
    round: int | None
    state: DeliveryState
    tries: int
    status: int | None = Field(description="That the last try was answered with")
    trouble: Trouble | None = Field(description="Why the last try was not answered")
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None


class DeliveryPage(BaseModel):
    """Deliveries, the newest first. Ask again with `before=next` for what is older."""

    deliveries: list[DeliveryOut]
    next: int | None
