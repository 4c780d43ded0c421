"""Each route that changes something writes an event, or is named here with the reason why not."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select, update

from app.db.session import database_now
from app.db.tables import Batch, Candidate, Event, Example, Image, Proposal, User
from app.domain.batch import BatchKind, BatchState
from tests import factories
from tests.api.filters import put_filter, trainable
from tests.api.labeling import decide, lease_all
from tests.api.service import Service
from tests.api.test_contract import ROUTES
from tests.imports.packing import flowers, zipped
from tests.moving import move_batches

BASE = "/projects/flowers"
CHANGING = [route for route in ROUTES if route.methods & {"POST", "PUT", "PATCH", "DELETE"}]

UNLOGGED = {
    "setPreferences": "of the caller alone, in no project",
    "ingestImages": "each source of an image is a row with its time: the log of what was crawled",
    "createUpload": "it brings nothing yet: the batch that comes of it is logged",
    "deleteUpload": "as createUpload: what was unfinished never was in the project",
    "leaseProposals": "a lease ends by itself and changes no data",
    "releaseProposals": "as leaseProposals",
    "decideProposal": "decisions are their own log: append-only, with who and when",
    "decidePage": "as decideProposal",
    "undoDecision": "as decideProposal: an undo is another row",
    "previewSetAside": "it is taken back at once",
    "previewDefinition": "it only shows what is written",
    "changeImport": "until it is started, an import is a draft",
}

# What the route is called with, by Lea: the path and the rest of the request.
Call = tuple[str, dict[str, Any]]
Prepare = Callable[[Service], Call]


def json(path: str, **body: Any) -> Prepare:
    return lambda _: (path, {"json": body})


def with_category(**body: Any) -> Prepare:
    def prepare(service: Service) -> Call:
        made = service.call("lea", "POST", f"{BASE}/categories", json={"name": "Rose"}).json()
        return f"{BASE}/categories/{made['id']}", {"json": body} if body else {}

    return prepare


def renaming(service: Service) -> Call:
    made = service.call("lea", "POST", f"{BASE}/categories", json={"name": "Rose"}).json()
    body = {"kind": "rename", "category_id": made["id"], "name": "Dog rose"}
    return f"{BASE}/category-changes", {"json": body}


def undoing_a_change(service: Service) -> Call:
    path, rest = renaming(service)
    made = service.call("lea", "POST", path, **rest).json()["change"]
    return f"{path}/{made['id']}/undo", {}


def listing(_: Service) -> Call:
    return f"{BASE}/categories/import", {"files": {"file": ("list.csv", b"name\nRose\n")}}


def seeding(service: Service) -> Call:
    service.call("lea", "POST", f"{BASE}/categories", json={"name": "Rose"})
    files = [("files", ("a.jpg", factories.paint(0, 1)))]
    return f"{BASE}/examples", {"files": files, "data": {"category": "Rose"}}


def starting(service: Service) -> Call:
    with service.transaction() as session:
        factories.make_pool(session, service.blobs, service.project("flowers"), candidates=4)
    return f"{BASE}/rounds", {}


def ending(how: str) -> Prepare:
    def prepare(service: Service) -> Call:
        service.begin_labeling(proposals=1)
        return f"{BASE}/rounds/1/{how}", {}

    return prepare


def answer(service: Service, **words: str) -> int:
    """Each of them answers the same proposal; gives its id."""
    service.begin_labeling(proposals=1)
    with service.transaction() as session:
        session.execute(update(Proposal).values(wanted=len(words)))
    for who, word in words.items():
        (first, *_) = lease_all(service, who, count=1)["leases"]
        assert decide(service, first, word, who).status_code == 201
    return int(first["id"])


def importing(_: Service) -> Call:
    files = {"file": ("flowers.zip", zipped(flowers()))}
    return f"{BASE}/imports", {"files": files}


def imported(how: str) -> Prepare:
    def prepare(service: Service) -> Call:
        path, rest = importing(service)
        made = service.call("lea", "POST", path, data={"start": "false"}, **rest).json()
        return f"{path}/{made['id']}/{how}", {}

    return prepare


def of_batch(suffix: str, *, upload: bool) -> Prepare:
    """Something done to an upload, or to a batch that waits for a worker."""

    def prepare(service: Service) -> Call:
        with service.transaction() as session:
            batch = factories.make_batch(session, service.project("flowers"))
            if upload:
                batch.kind, batch.state = BatchKind.UPLOAD, BatchState.OPEN
            return f"{BASE}/batches/{batch.id}/{suffix}", {}

    return prepare


def withdrawing(service: Service) -> Call:
    path, _ = of_batch("withdraw", upload=True)(service)
    return path, {"json": {"members": "keep"}}


def restoring(service: Service) -> Call:
    path, rest = withdrawing(service)
    service.call("lea", "POST", path, **rest)
    move_batches(service.sessions)
    return path.replace("withdraw", "restore"), {}


def hook(service: Service) -> str:
    """Lea's webhook."""
    body = {"url": "https://example.org/hook"}
    made = service.call("lea", "POST", f"{BASE}/webhooks", json=body).json()
    return f"{BASE}/webhooks/{made['id']}"


def of_webhook(suffix: str = "", **body: Any) -> Prepare:
    return lambda service: (hook(service) + suffix, {"json": body} if body else {})


def sending_again(service: Service) -> Call:
    path = hook(service)
    sent = service.call("lea", "POST", f"{path}/test").json()
    return f"{path}/deliveries/{sent['id']}/redeliver", {}


def adjudicating(service: Service) -> Call:
    proposal = answer(service, ben="yes", cyd="no")
    rest = {"json": {"answer": "no"}, "headers": {"Idempotency-Key": "one"}}
    return f"{BASE}/adjudications/{proposal}", rest


def setting_aside(service: Service) -> Call:
    answer(service, ben="yes")
    return f"{BASE}/members/ben/set-aside", {}


def rolling_back(service: Service) -> Call:
    answer(service, ben="yes")
    service.call("lea", "POST", f"{BASE}/rounds/1/close")
    return f"{BASE}/versions/1/rollback", {}


def near_duplicate(how: str) -> Prepare:
    def prepare(service: Service) -> Call:
        with service.transaction() as session:
            factories.make_pool(session, service.blobs, service.project("flowers"), candidates=2)
            one, two = session.scalars(
                select(Image).join(Candidate, Candidate.image_id == Image.id).order_by(Image.id)
            )
            near = factories.make_near_duplicate(session, two, one)
            if how == "attach":
                near.detached_at = database_now(session)
            return f"{BASE}/near-duplicates/{two.sha256}/{how}", {}

    return prepare


def leak(how: str) -> Prepare:
    def prepare(service: Service) -> Call:
        with service.transaction() as session:
            factories.make_pool(session, service.blobs, service.project("flowers"), candidates=1)
            images = select(Image).order_by(Image.id)
            image = session.scalars(images.join(Candidate, Candidate.image_id == Image.id)).one()
            tested = session.scalars(
                images.join(Example, Example.image_id == Image.id).limit(1)
            ).one()
            made = factories.make_leak(session, image, tested)
            if how == "quarantine":
                made.released_at = database_now(session)
            return f"{BASE}/leaks/{image.sha256}/{how}", {}

    return prepare


def choosing_exemplars(service: Service) -> Call:
    made = service.begin_labeling(proposals=1)
    with service.sessions() as session:
        shown = session.scalars(
            select(Image.sha256)
            .join(Example, Example.image_id == Image.id)
            .where(Example.category_id == made.category_ids[0])
        ).all()
    path = f"{BASE}/categories/{made.category_ids[0]}/exemplars"
    return path, {"json": {"exemplars": shown}}


def resetting_exemplars(service: Service) -> Call:
    path, rest = choosing_exemplars(service)
    service.call("lea", "PUT", path, **rest)
    return path, {}


def sending(service: Service) -> Call:
    announced = {"Tus-Resumable": "1.0.0", "Upload-Length": "3"}
    made = service.call("lea", "POST", f"{BASE}/uploads", headers=announced).json()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    return f"{BASE}/uploads/{made['id']}", {"headers": headers, "content": b"PK!"}


def lifting(service: Service) -> Call:
    body = {"what": "https://example.org/a.jpg", "reason": "a request"}
    made = service.call("lea", "POST", f"{BASE}/takedowns", json=body).json()
    return f"{BASE}/takedowns/{made['id']}/lift", {}


def sending_addresses(_: Service) -> Call:
    files = {"file": ("list.csv", b"url\nhttps://example.org/a.jpg\n")}
    return f"{BASE}/addresses", {"files": files}


def fetching_again(service: Service) -> Call:
    path, rest = sending_addresses(service)
    made = service.call("lea", "POST", path, **rest).json()
    with service.transaction() as session:
        session.execute(update(Batch).values(state="failed"))
    return f"{BASE}/batches/{made['batch_id']}/fetch-again", {"json": {}}


def giving_negatives(_: Service) -> Call:
    return f"{BASE}/negatives", {"files": [("files", ("a.jpg", factories.paint(0, 1)))]}


def of_a_stranger(service: Service) -> Call:
    (sha256,) = put_filter(service, [0.5])
    return f"{BASE}/negatives/marked", {"json": {"sha256": sha256}}


def taking_back(service: Service) -> Call:
    path, rest = of_a_stranger(service)
    service.call("lea", "POST", path, **rest)
    return f"{BASE}/negatives/{rest['json']['sha256']}", {}


def cancelling_a_filter(service: Service) -> Call:
    path, rest = training_a_filter(service)
    assert service.call("lea", "POST", path, **rest).is_success
    return f"{BASE}/filter/cancel", {}


def training_a_filter(service: Service) -> Call:
    trainable(service)
    return f"{BASE}/filter/train", {}


def giving_a_filter(_: Service) -> Call:
    return f"{BASE}/filter/file", {"files": {"file": ("f.safetensors", factories.filter_file())}}


def syncing(service: Service) -> Call:
    settings = service.app.state.context.settings
    allowed = settings.model_copy(update={"sync_locations": f"crawls={service.data_dir}"})
    context = dataclasses.replace(service.app.state.context, settings=allowed)
    service.app.state.context = context
    return f"{BASE}/syncs", {"json": {"location": "crawls"}}


CALLS: dict[str, Prepare] = {
    "addNegatives": giving_negatives,
    "markNegative": of_a_stranger,
    "removeNegative": taking_back,
    "trainFilter": training_a_filter,
    "uploadFilter": giving_a_filter,
    "cancelFilter": cancelling_a_filter,
    "moveThreshold": json(f"{BASE}/filter/threshold", threshold=0.4),
    "sendUpload": sending,
    "createProject": json("/projects", slug="trees", name="Trees"),
    "editProject": json(BASE, threshold=0.7),
    "setMember": json(f"{BASE}/members/cyd", role="lead"),
    "createCategory": json(f"{BASE}/categories", name="Rose"),
    "editCategory": with_category(name="Dog rose"),
    "deleteCategory": with_category(),
    "setExemplars": choosing_exemplars,
    "detachNearDuplicate": near_duplicate("detach"),
    "attachNearDuplicate": near_duplicate("attach"),
    "releaseLeak": leak("release"),
    "quarantineLeak": leak("quarantine"),
    "resetExemplars": resetting_exemplars,
    "importCategories": listing,
    "changeCategory": renaming,
    "undoCategoryChange": undoing_a_change,
    "seedExamples": seeding,
    "createImport": importing,
    "startImport": imported("start"),
    "cancelImport": imported("cancel"),
    "createBatch": json(f"{BASE}/batches", name="alps"),
    "finishBatch": of_batch("finish", upload=True),
    "cancelBatch": of_batch("cancel", upload=False),
    "sendAddresses": sending_addresses,
    "fetchAgain": fetching_again,
    "withdrawBatch": withdrawing,
    "restoreBatch": restoring,
    "startRound": starting,
    "startSync": syncing,
    "closeRound": ending("close"),
    "cancelRound": ending("cancel"),
    "createWebhook": json(f"{BASE}/webhooks", url="https://example.org/hook"),
    "editWebhook": of_webhook(paused=True),
    "deleteWebhook": of_webhook(),
    "testWebhook": of_webhook("/test"),
    "redeliver": sending_again,
    "takeDown": json(f"{BASE}/takedowns", what="https://example.org/a.jpg", reason="a request"),
    "takeDownImage": json(f"{BASE}/images/{'0' * 64}/takedown", reason="a request"),
    "liftTakedown": lifting,
    "adjudicate": adjudicating,
    "setAside": setting_aside,
    "rollBack": rolling_back,
}


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.operation_id)
def test_a_change_is_written_down_with_who_made_it(service: Service, route: APIRoute) -> None:
    name = str(route.operation_id)
    if name in UNLOGGED:
        return
    assert name in CALLS, "say how it is called, so that its event is seen, or why it writes none"
    path, rest = CALLS[name](service)
    before = service.count(Event)
    (method,) = route.methods
    answered = service.call("lea", method, path, **rest)
    assert answered.is_success, answered.text
    with service.sessions() as session:
        written = session.scalars(select(Event).order_by(Event.id).offset(before)).all()
    assert {event.user_id for event in written} == {lea(service)}


def lea(service: Service) -> int:
    with service.sessions() as session:
        return session.scalars(select(User.id).where(User.login == "lea")).one()


def test_each_route_that_changes_something_is_named_once() -> None:
    assert not set(UNLOGGED) & set(CALLS)
    assert set(UNLOGGED) | set(CALLS) == {route.operation_id for route in CHANGING}
