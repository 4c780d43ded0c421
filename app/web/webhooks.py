"""What the page of webhooks shows, out of rows."""

from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.db.tables import Delivery, Project, Webhook
from app.domain.outbound import Trouble
from app.domain.round import RoundState
from app.domain.webhook import DEFAULT_STATES, DeliveryState, Reason, WebhookState
from app.usecases.webhooks import deliveries_of, webhooks_of
from app.web.lead_nav import WEBHOOKS, lead_nav
from app.web.pages.frame import Frame, Option
from app.web.pages.webhooks import DeliveryRow, WebhookCard, WebhooksPage
from app.web.words import NONE, STATES, Words, count, marked

SHOWN = 50

WEBHOOK_STATES = {
    WebhookState.ACTIVE: (marked("Active"), "done"),
    WebhookState.PAUSED: (marked("Paused"), "off"),
    WebhookState.DISABLED: (marked("Disabled"), "bad"),
}
REASONS = {
    Reason.GONE: marked(
        "The receiver said that it is gone (410). Mend its address, then resume it."
    ),
    Reason.FAILING: marked("Nothing has arrived for days. Mend the receiver, then resume it."),
    Reason.SECRET_LOST: marked(
        "Its secret was lost when the operator changed the server's key. Make a new secret, then "
        "resume it."
    ),
}
DELIVERY_STATES = {
    DeliveryState.WAITING: (marked("Waiting"), "open"),
    DeliveryState.SENDING: (marked("On its way"), "busy"),
    DeliveryState.DELIVERED: (marked("Arrived"), "done"),
    DeliveryState.FAILED: (marked("Given up"), "bad"),
}
TROUBLES = {
    Trouble.REFUSED_ADDRESS: marked("private address, not called"),
    Trouble.UNKNOWN_HOST: marked("unknown host"),
    Trouble.UNREACHABLE: marked("nobody answers there"),
    Trouble.CERTIFICATE: marked("its certificate is not valid"),
    Trouble.TIMEOUT: marked("no answer in time"),
    Trouble.BROKEN_ANSWER: marked("a broken answer"),
}


def webhooks_page(session: Session, project: Project, frame: Frame, words: Words) -> WebhooksPage:
    """All webhooks, and the newest deliveries to any of them."""
    found = webhooks_of(session, project)
    active = {each.id for each in found if each.state == WebhookState.ACTIVE}
    hosts = {each.id: urlsplit(each.url).hostname or "" for each in found}
    sent = deliveries_of(session, [*hosts], None, SHOWN)
    return WebhooksPage(
        frame=frame,
        nav=lead_nav(project.slug, WEBHOOKS, words),
        slug=project.slug,
        name=project.name,
        states=tuple(
            Option(state, words.t(label), state in DEFAULT_STATES)
            for state, label in STATES.items()
        ),
        webhooks=tuple(_card(each, words) for each in found),
        deliveries=tuple(
            _row(each, hosts[each.webhook_id], words, active=each.webhook_id in active)
            for each in sent
        ),
    )


def _card(of: Webhook, words: Words) -> WebhookCard:
    state = WebhookState(of.state)
    label, mark = WEBHOOK_STATES[state]
    since = of.failing_since
    why = words.t(REASONS[Reason(of.reason)]) if of.reason is not None else ""
    if state is WebhookState.ACTIVE and since is not None:
        why = words.t("Nothing has arrived since {moment}.", moment=words.moment(since))
    return WebhookCard(
        id=of.id,
        url=of.url,
        chosen=" ".join(of.states),
        told=", ".join(words.t(STATES[RoundState(each)]) for each in of.states),
        state=words.t(label),
        mark=mark,
        paused=state is not WebhookState.ACTIVE,
        active=state is WebhookState.ACTIVE,
        why=why,
    )


def _row(of: Delivery, host: str, words: Words, *, active: bool) -> DeliveryRow:
    state = DeliveryState(of.state)
    label, mark = DELIVERY_STATES[state]
    waiting = state is DeliveryState.WAITING and active
    return DeliveryRow(
        id=of.id,
        webhook_id=of.webhook_id,
        at=words.moment(of.created_at),
        what=_what(of, words),
        host=host,
        state=words.t(label),
        mark=mark,
        answer=_answer(of, words),
        tries=count(of.tries),
        next_try=words.moment(of.next_at) if waiting else NONE,
        pending=active and state in (DeliveryState.WAITING, DeliveryState.SENDING),
        resendable=active and state is not DeliveryState.SENDING,
    )


def _what(of: Delivery, words: Words) -> str:
    if of.round is None:
        return words.t("Test")
    state = words.t(STATES[RoundState(of.body["data"]["state"])])
    return words.t("Round {number}: {state}", number=of.round, state=state)


def _answer(of: Delivery, words: Words) -> str:
    if of.trouble is not None:
        return words.t(TROUBLES[Trouble(of.trouble)])
    return NONE if of.status is None else str(of.status)
