"""Who is told of rounds."""

from dataclasses import dataclass
from typing import ClassVar

from .frame import Frame, NavLink, Option


@dataclass(frozen=True)
class WebhookCard:
    """A webhook. `chosen` has the values of its states, for the form; `told` says them."""

    id: int
    url: str
    chosen: str
    told: str
    state: str
    mark: str
    paused: bool
    active: bool
    why: str


@dataclass(frozen=True)
class DeliveryRow:
    """What was sent, and how its last try ended. `pending`: it may change by itself."""

    id: int
    webhook_id: int
    at: str
    what: str
    host: str
    state: str
    mark: str
    answer: str
    tries: str
    next_try: str
    pending: bool
    resendable: bool


@dataclass(frozen=True)
class WebhooksPage:
    """The webhooks of a project, and the newest of what they were sent."""

    template: ClassVar[str] = "webhooks.html"
    frame: Frame
    nav: tuple[NavLink, ...]
    slug: str
    name: str
    states: tuple[Option, ...]
    webhooks: tuple[WebhookCard, ...]
    deliveries: tuple[DeliveryRow, ...]
