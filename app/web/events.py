"""What the page of the event log shows, out of rows."""

from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.db.event_queries import EventFilter, event_page, event_people
from app.db.tables import Event, Project
from app.domain.event import Actor, Verb, actor_of
from app.web.lead_nav import EVENTS, lead_nav
from app.web.pages.events import EventRow, EventsPage
from app.web.pages.frame import Frame, Option
from app.web.words import Words, marked

PAGE = 100
# What was done, as a choice.
VERBS = {
    Verb.CREATE_PROJECT: marked("Project created"),
    Verb.SYNC_LOCATION: marked("Location synced"),
    Verb.CHANGE_PROJECT: marked("Settings changed"),
    Verb.SET_MEMBER: marked("Member set"),
    Verb.CREATE_CATEGORY: marked("Category created"),
    Verb.CHANGE_CATEGORY: marked("Category changed"),
    Verb.DELETE_CATEGORY: marked("Category deleted"),
    Verb.IMPORT_CATEGORIES: marked("Categories imported"),
    Verb.RENAME_CATEGORY: marked("Category renamed"),
    Verb.MERGE_CATEGORIES: marked("Categories merged"),
    Verb.SPLIT_CATEGORY: marked("Category split"),
    Verb.RETIRE_CATEGORY: marked("Category retired"),
    Verb.UNDO_CATEGORY_CHANGE: marked("Change of a category undone"),
    Verb.SEED_EXAMPLES: marked("Examples seeded"),
    Verb.START_ROUND: marked("Round started"),
    Verb.CLOSE_ROUND: marked("Round closed"),
    Verb.CANCEL_ROUND: marked("Round cancelled"),
    Verb.ADVANCE_ROUND: marked("Round goes on"),
    Verb.OPEN_ROUND: marked("Round opened for labeling"),
    Verb.FAIL_ROUND: marked("Round failed"),
    Verb.CREATE_WEBHOOK: marked("Webhook added"),
    Verb.CHANGE_WEBHOOK: marked("Webhook changed"),
    Verb.DELETE_WEBHOOK: marked("Webhook deleted"),
    Verb.TEST_WEBHOOK: marked("Webhook tested"),
    Verb.SEND_AGAIN: marked("Delivery sent again"),
    Verb.DISABLE_WEBHOOK: marked("Webhook disabled"),
    Verb.DETACH_NEAR_DUPLICATE: marked("Near-duplicate taken out of its group"),
    Verb.ATTACH_NEAR_DUPLICATE: marked("Near-duplicate put back into its group"),
    Verb.RELEASE_LEAK: marked("Released from quarantine"),
    Verb.QUARANTINE_LEAK: marked("Put back into quarantine"),
    Verb.ROLL_BACK: marked("Rolled back to a version"),
    Verb.EXPORT_DATASET: marked("Dataset exported"),
    Verb.EXPORT_MODEL: marked("Model exported"),
    Verb.SET_ASIDE: marked("Decisions set aside"),
    Verb.ADJUDICATE: marked("Proposal adjudicated"),
    Verb.IMPORT_IMAGES: marked("Pictures imported"),
    Verb.CANCEL_IMPORT: marked("Import cancelled"),
    Verb.SEND_ARCHIVE: marked("Archive sent"),
    Verb.TAKE_DOWN: marked("Pictures taken down"),
    Verb.LIFT_TAKEDOWN: marked("Takedown lifted"),
    Verb.CREATE_BATCH: marked("Batch opened"),
    Verb.FINISH_BATCH: marked("Batch finished"),
    Verb.CANCEL_BATCH: marked("Batch cancelled"),
    Verb.WITHDRAW_BATCH: marked("Batch withdrawn"),
    Verb.RESTORE_BATCH: marked("Batch brought back"),
    Verb.FETCH_ADDRESSES: marked("Addresses sent to be fetched"),
    Verb.FETCH_AGAIN: marked("Addresses fetched again"),
    Verb.ADD_NEGATIVES: marked("Negatives added"),
    Verb.REMOVE_NEGATIVE: marked("Negative taken back"),
    Verb.TRAIN_FILTER: marked("Coarse filter trained"),
    Verb.UPLOAD_FILTER: marked("Coarse filter uploaded"),
    Verb.CANCEL_FILTER: marked("Work on a coarse filter stopped"),
    Verb.MOVE_THRESHOLD: marked("Domain threshold moved"),
}


def events_page(
    session: Session,
    project: Project,
    frame: Frame,
    words: Words,
    wanted: EventFilter,
    before: int,
) -> EventsPage:
    """A page of the log, the newest first."""
    rows = event_page(session, project.id, wanted, before, PAGE)
    chosen = {"verb": wanted.verb or "", "login": wanted.login or ""}
    kept = {name: value for name, value in chosen.items() if value}
    address = f"/api/v1/projects/{project.slug}/events/export?"
    return EventsPage(
        frame=frame,
        nav=lead_nav(project.slug, EVENTS, words),
        slug=project.slug,
        name=project.name,
        verbs=tuple(
            Option(verb, words.t(label), verb is wanted.verb) for verb, label in VERBS.items()
        ),
        people=tuple(
            Option(login, name, login == wanted.login)
            for login, name in event_people(session, project.id)
        ),
        events=tuple(_event(event, name, words) for event, _, name in rows),
        as_csv=address + urlencode({**kept, "format": "csv"}),
        as_lines=address + urlencode({**kept, "format": "jsonl"}),
        older=f"?{urlencode({**chosen, 'before': rows[-1][0].id})}" if len(rows) == PAGE else None,
    )


def _event(event: Event, name: str | None, words: Words) -> EventRow:
    system = actor_of(Verb(event.verb), event.user_id) is Actor.SYSTEM
    return EventRow(
        at=words.moment(event.created_at),
        who=name or (words.t("the system") if system else words.t("the operator")),
        did=f"{words.t(VERBS[Verb(event.verb)])}: {event.what}",
        # Names of fields as REST has them: who looks this closely reads the log by program, too.
        details=" · ".join(f"{key}: {_value(value)}" for key, value in event.details.items()),
    )


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
