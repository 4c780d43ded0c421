"""Changing categories over REST: told before, done, logged, taken back."""

from sqlalchemy import select

from app.db.tables import Category, Event, Round
from app.domain.round import RoundState
from tests import factories
from tests.api.service import Service, problem

CHANGES = "/projects/flowers/category-changes"


def ids(service: Service) -> dict[str, int]:
    with service.sessions() as session:
        return dict(session.execute(select(Category.name, Category.id)).all())


def names(service: Service) -> list[str]:
    listed = service.call("ben", "GET", "/projects/flowers/categories").json()
    return [each["name"] for each in listed]


def test_a_merge_is_told_done_listed_logged_and_undone(ready: Service) -> None:
    zero, one = ids(ready).values()
    body = {"kind": "merge", "category_id": zero, "into_id": one}
    told = ready.call("lea", "POST", f"{CHANGES}?dry_run=true", json=body)
    assert told.status_code == 200, told.text
    effect = told.json()["effect"]
    assert (effect["examples_move"], effect["examples_stay"]) == (1, 1)
    assert told.json()["change"] is None
    assert names(ready) == ["Species 0", "Species 1"]

    done = ready.call("lea", "POST", CHANGES, json=body)
    assert done.status_code == 201, done.text
    change = done.json()["change"]
    assert (change["name"], change["into"], change["holds"]) == ("Species 0", "Species 1", True)
    assert change["effect"] == effect
    # Whoever labels, seeds, edits or looks for it by name finds it no more.
    assert names(ready) == ["Species 1"]
    again = ready.call("lea", "POST", CHANGES, json=body)
    problem(again, 409, "category-retired")
    seeded = ready.upload("/examples", ("a.jpg", factories.paint(5, 5)), category="Species 0")
    problem(seeded, 404, "not-found")
    path = f"/projects/flowers/categories/{zero}"
    problem(ready.call("lea", "PUT", path, json={"name": "New"}), 409, "category-retired")
    problem(ready.call("lea", "DELETE", path), 409, "category-in-use")

    undo = f"{CHANGES}/{change['id']}/undo"
    assert ready.call("lea", "POST", f"{undo}?dry_run=true").json()["change"]["holds"]
    undone = ready.call("lea", "POST", undo).json()["change"]
    assert (undone["holds"], undone["undone_by"]) == (False, "Lea")
    assert names(ready) == ["Species 0", "Species 1"]
    problem(ready.call("lea", "POST", undo), 409, "change-stands")

    page = ready.call("lea", "GET", CHANGES).json()
    assert [each["id"] for each in page["changes"]] == [change["id"]]
    with ready.sessions() as session:
        logged = session.scalars(select(Event).order_by(Event.id)).all()
        assert [each.verb for each in logged] == ["merge-categories", "undo-category-change"]
        assert logged[0].details["into"] == "Species 1"
        assert logged[0].details["examples_move"] == 1


def test_a_rename_is_kept_by_whichever_way_it_comes(labeling: Service) -> None:
    aster = ids(labeling)["Alpine aster"]
    body = {"kind": "rename", "category_id": aster, "name": "Aster"}
    assert labeling.call("lea", "POST", f"{CHANGES}?dry_run=true", json=body).status_code == 200
    # A round is being labeled: a name may change all the same.
    assert labeling.call("lea", "POST", CHANGES, json=body).status_code == 201
    path = f"/projects/flowers/categories/{aster}"
    assert labeling.call("lea", "PUT", path, json={"name": "Star"}).status_code == 200
    listed = labeling.call("lea", "GET", CHANGES).json()["changes"]
    assert [(each["name"], each["renamed_to"]) for each in listed] == [
        ("Aster", "Star"),
        ("Alpine aster", "Aster"),
    ]
    newer, older = (f"{CHANGES}/{each['id']}/undo" for each in listed)
    problem(labeling.call("lea", "POST", older), 409, "change-stands")
    assert labeling.call("lea", "POST", newer).status_code == 200
    assert labeling.call("lea", "POST", older).status_code == 200
    assert names(labeling) == ["Alpine aster", "Spring gentian"]
    same = body | {"name": "Alpine aster"}
    refused = labeling.call("lea", "POST", f"{CHANGES}?dry_run=true", json=same)
    problem(refused, 422, "invalid")
    taken = labeling.call("lea", "POST", CHANGES, json=body | {"name": "spring GENTIAN"})
    problem(taken, 409, "taken")


def test_others_wait_for_the_end_of_a_round_and_are_told_all_the_same(labeling: Service) -> None:
    aster, gentian = (ids(labeling)[name] for name in ("Alpine aster", "Spring gentian"))
    merge = {"kind": "merge", "category_id": aster, "into_id": gentian}
    told = labeling.call("lea", "POST", f"{CHANGES}?dry_run=true", json=merge).json()
    assert (told["round"], told["open_questions"]) == (1, 3)
    for body in (merge, {"kind": "retire", "category_id": aster}):
        refused = problem(labeling.call("lea", "POST", CHANGES, json=body), 409, "round-at-work")
        assert "Round 1" in refused["detail"]
    assert labeling.call("lea", "POST", "/projects/flowers/rounds/1/close").status_code == 200
    assert labeling.call("lea", "POST", CHANGES, json=merge).status_code == 201
    # The open questions went back to the pool; the next round needs two categories.
    refused = labeling.call("lea", "POST", "/projects/flowers/rounds")
    assert "two categories" in problem(refused, 409, "round-not-ready")["detail"]


def test_a_split_names_its_pictures(ready: Service) -> None:
    with ready.transaction() as session:
        started = factories.make_round(session, session.merge(ready.project("flowers")), 0)
        started.state = RoundState.CLOSED
        started.made_version = started.trained_on
        assert session.scalars(select(Round)).one() is started
    extra = ready.upload("/examples", ("b.jpg", factories.paint(0, 99)), category="Species 0")
    picture = extra.json()["images"][0]["sha256"]
    body = {
        "kind": "split",
        "category_id": ids(ready)["Species 0"],
        "parts": [{"name": "Other species", "pictures": [picture]}],
    }
    told = ready.call("lea", "POST", f"{CHANGES}?dry_run=true", json=body).json()["effect"]
    assert (told["examples_move"], told["examples_stay"], told["to_pool"]) == (1, 1, 0)
    asked = body | {"rest": "ask"}
    told = ready.call("lea", "POST", f"{CHANGES}?dry_run=true", json=asked).json()["effect"]
    assert (told["examples_move"], told["examples_stay"], told["to_pool"]) == (1, 0, 1)
    done = ready.call("lea", "POST", CHANGES, json=asked).json()["change"]
    assert done["parts"] == ["Other species"]
    assert names(ready) == ["Other species", "Species 1"]


def test_a_change_of_another_project_is_not_found(ready: Service) -> None:
    zero, one = ids(ready).values()
    merge = {"kind": "merge", "category_id": zero, "into_id": one}
    done = ready.call("lea", "POST", CHANGES, json=merge).json()["change"]["id"]
    foreign = "/projects/birds/category-changes"
    problem(ready.call("olga", "POST", foreign, json=merge), 404, "not-found")
    problem(ready.call("olga", "POST", f"{foreign}/{done}/undo"), 404, "not-found")
    problem(ready.call("ben", "POST", CHANGES, json=merge), 403, "forbidden")
