"""Who is told of rounds, and what they were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.webhook import DeliveryState, WebhookState

from .base import Table, created, one_of, row_id


class Webhook(Table):
    """An address that is told of the states of a project's rounds. The secret is sealed."""

    __tablename__ = "webhook"
    __table_args__ = (one_of("state", WebhookState),)
    id: Mapped[int] = row_id()
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    url: Mapped[str]
    states: Mapped[list[str]]
    secret: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=WebhookState.ACTIVE.value)
    # Why it was disabled, and since when nothing has arrived.
    reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    created_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[datetime] = created()


class Delivery(Table):
    """The outbox: written in the transaction of what it tells, delivered after it, at least once."""

    __tablename__ = "delivery"
    __table_args__ = (
        one_of("state", DeliveryState),
        Index("ix_delivery_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_delivery_due",
            "next_at",
            postgresql_where=text("state IN ('waiting', 'sending')"),
        ),
    )
    id: Mapped[int] = row_id()
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    # The same at each try: receivers know by it what they have seen.
    message_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    round: Mapped[int | None]
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default=DeliveryState.WAITING.value)
    # `tries` begins anew when it is sent again; `attempt` only grows: a try that was taken over
    # cannot tell its end.
    tries: Mapped[int] = mapped_column(server_default="0")
    attempt: Mapped[int] = mapped_column(server_default="0")
    # When it is tried next; while it is being sent, when its lease ends.
    next_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    trouble: Mapped[str | None]
    created_at: Mapped[datetime] = created()
