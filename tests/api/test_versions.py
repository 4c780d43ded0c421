"""Going back to a dataset version, and the log of who did what."""

import csv
import io
import json

import pytest
from httpx import Response
from sqlalchemy import select, update

from app.api.dependencies import COOKIE
from app.db.tables import (
    BatchImage,
    Candidate,
    Category,
    DatasetVersion,
    Event,
    Example,
    HardNegative,
    Image,
    ModelVersion,
    Proposal,
    Round,
    User,
)
from app.domain.dataset import Split, lineage
from app.domain.round import Policy, RoundState, bucket_of
from app.usecases.dataset.freeze_dataset import freeze_dataset
from migrations.run import downgrade, upgrade
from tests import factories
from tests.api.service import Service, problem
from tests.moving import move_batches

PROJECT = "/projects/flowers"


def versions(service: Service) -> dict[int, dict]:
    return {
        each["number"]: each for each in service.call("lea", "GET", f"{PROJECT}/versions").json()
    }


def roll_back(service: Service, number: int) -> Response:
    return service.call("lea", "POST", f"{PROJECT}/versions/{number}/rollback")


def answer_and_close(service: Service, number: int = 1) -> None:
    """Yes to every second proposal, no to the others: the same whenever it is asked."""
    with service.transaction() as session:
        lea = session.scalars(select(User.id).where(User.login == "lea")).one()
        asked = session.scalars(
            select(Proposal)
            .join(Round, Round.id == Proposal.round_id)
            .where(Round.number == number)
            .order_by(Proposal.position)
        ).all()
        for place, proposal in enumerate(asked):
            factories.answer(session, proposal, lea, "no" if place % 2 else "yes")
    assert service.call("lea", "POST", f"{PROJECT}/rounds/{number}/close").status_code == 200


def ask_again(service: Service, number: int) -> None:
    """Another round about the same pictures, as the same model would propose them."""
    with service.transaction() as session:
        before = session.scalars(select(Round).where(Round.number == 1)).one()
        asked = session.scalars(select(Proposal).where(Proposal.round_id == before.id)).all()
        started = session.scalars(select(Round).where(Round.number == number)).one()
        started.state = RoundState.LABELING
        for each in asked:
            assert session.get(Candidate, each.image_id) is not None
            session.add(
                Proposal(
                    round_id=started.id,
                    image_id=each.image_id,
                    category_id=each.category_id,
                    confidence=each.confidence,
                    position=each.position,
                )
            )


def members(service: Service) -> tuple[set, set]:
    with service.sessions() as session:
        examples = session.execute(
            select(Example.image_id, Example.category_id, Example.split).where(
                Example.to_version.is_(None)
            )
        )
        negatives = session.execute(
            select(HardNegative.image_id, HardNegative.category_id).where(
                HardNegative.to_version.is_(None)
            )
        )
        return set(map(tuple, examples)), set(map(tuple, negatives))


def candidates(service: Service) -> dict[int, int | None]:
    with service.sessions() as session:
        rows = session.execute(select(Candidate.image_id, Candidate.last_round))
        return dict(map(tuple, rows))


def test_going_back_makes_a_new_version_and_the_pool_what_it_was(labeling: Service) -> None:
    before, pool = members(labeling), candidates(labeling)
    answer_and_close(labeling)
    grown = members(labeling)
    assert len(grown[0]) == len(before[0]) + 3
    effect = labeling.call("lea", "GET", f"{PROJECT}/versions/1/rollback").json()
    assert effect == {
        "version": 1,
        "examples_leave": 3,
        "examples_return": 0,
        "hard_negatives_leave": 3,
        "hard_negatives_return": 0,
        "to_pool": 3,
        "from_pool": 0,
    }
    made = roll_back(labeling, 1)
    assert made.status_code == 201, made.text
    assert (made.json()["number"], made.json()["restores"]) == (3, 1)
    assert members(labeling) == before
    assert candidates(labeling) == dict.fromkeys(pool, None)
    held = versions(labeling)
    assert held[3]["content_hash"] == held[1]["content_hash"] != held[2]["content_hash"]
    # And forward again: nothing was lost.
    assert roll_back(labeling, 2).json()["content_hash"] == held[2]["content_hash"]
    assert members(labeling) == grown
    assert set(candidates(labeling)) == set(pool) - {image for image, _, _ in grown[0]}


def test_going_back_and_closing_again_gives_the_same_hash(labeling: Service) -> None:
    answer_and_close(labeling)
    roll_back(labeling, 1)
    assert labeling.call("lea", "POST", f"{PROJECT}/rounds").status_code == 201
    ask_again(labeling, 2)
    answer_and_close(labeling, 2)
    held = versions(labeling)
    assert held[4]["content_hash"] == held[2]["content_hash"]
    assert (held[4]["round"], held[4]["examples"]) == (2, held[2]["examples"])


def test_what_was_never_frozen_is_frozen_before_it_goes(labeling: Service) -> None:
    answer_and_close(labeling)
    extra = factories.paint(1, 400)
    labeling.upload("/examples", ("new.jpg", extra), category="Alpine aster", split="test")
    seeded = members(labeling)
    assert roll_back(labeling, 1).json()["number"] == 4
    held = versions(labeling)
    assert held[3]["examples"] == held[2]["examples"] + 1
    assert roll_back(labeling, 3).json()["content_hash"] == held[3]["content_hash"]
    assert members(labeling) == seeded
    assert any(split == Split.TEST for _, _, split in seeded[0])


def test_an_example_that_was_elsewhere_goes_back_there(service: Service) -> None:
    with service.transaction() as session:
        blobs, project = service.blobs, service.project("flowers")
        one, other = factories.make_pool(session, blobs, project, candidates=1)
        example = session.scalars(select(Example).where(Example.category_id == one.id)).one()
        image, category, other_id = example.image_id, one.id, other.id
    assert service.call("lea", "POST", f"{PROJECT}/rounds").status_code == 201
    service.call("lea", "POST", f"{PROJECT}/rounds/1/cancel")
    with service.transaction() as session:
        moved = session.scalars(select(Example).where(Example.image_id == image)).one()
        moved.to_version = 2
        session.flush()
        columns = {"project_id": moved.project_id, "image_id": image, "split": moved.split}
        session.add(Example(category_id=other_id, from_version=2, **columns))
    pool = candidates(service)
    effect = service.call("lea", "GET", f"{PROJECT}/versions/1/rollback").json()
    assert (effect["examples_leave"], effect["examples_return"], effect["to_pool"]) == (1, 1, 0)
    assert roll_back(service, 1).status_code == 201
    assert (image, category, "train") in members(service)[0]
    assert candidates(service) == pool


def test_no_way_back_during_a_round_nor_to_where_one_is(labeling: Service) -> None:
    problem(roll_back(labeling, 1), 409, "round-in-progress")
    labeling.call("lea", "POST", f"{PROJECT}/rounds/1/cancel")
    refused = problem(roll_back(labeling, 1), 422, "invalid")
    assert "nothing to roll back" in refused["detail"]
    problem(roll_back(labeling, 7), 404, "not-found")
    assert labeling.count(DatasetVersion) == 1


def test_a_round_that_was_rolled_back_visits_its_part_of_the_pool_again(service: Service) -> None:
    with service.transaction() as session:
        project = session.merge(service.project("flowers"))
        project.policy, project.subsets = Policy.DISJOINT, 4
        factories.make_pool(session, service.blobs, project, candidates=40)
    labels: list[int] = []
    for number, back in ((1, None), (2, 1), (3, None)):
        if back:
            assert roll_back(service, back).status_code == 201
        assert service.call("lea", "POST", f"{PROJECT}/rounds").status_code == 201
        with service.transaction() as session:
            started = session.scalars(select(Round).where(Round.number == number)).one()
            labels.append(started.buckets)
            started.state = RoundState.LABELING
            for each in session.scalars(select(Candidate).where(Candidate.bucket < 16384)):
                each.last_round = number
            first = session.scalars(select(Candidate.image_id).limit(1)).one()
            category = session.scalars(select(Example.category_id).limit(1)).one()
            session.add(
                Proposal(
                    round_id=started.id,
                    image_id=first,
                    category_id=category,
                    confidence=0.9,
                    position=0,
                )
            )
        answer_and_close(service, number)
        if number == 1:
            assert any(candidates(service).values())
    assert labels == [16384, 16384, 32768]


@pytest.mark.parametrize(
    ("restores", "kept"),
    [
        ({}, set()),
        ({1: None}, {1}),
        ({1: None, 2: None, 3: 1}, {1, 3}),
        ({1: None, 2: None, 3: None, 4: 1, 5: 3}, {1, 2, 3, 5}),
        ({1: None, 2: None, 3: 1, 4: None, 5: 3}, {1, 3, 5}),
    ],
)
def test_lineage(restores: dict[int, int | None], kept: set[int]) -> None:
    assert lineage(restores) == kept


def test_pictures_return_to_their_place_in_the_pool(labeling: Service) -> None:
    answer_and_close(labeling)
    roll_back(labeling, 1)
    with labeling.sessions() as session:
        for each in session.scalars(select(Candidate)):
            assert each.bucket == bucket_of(session.get_one(Image, each.image_id).sha256)


# The log


def events(service: Service, query: str = "") -> list[dict]:
    found: list[dict] = service.call("lea", "GET", f"{PROJECT}/events{query}").json()["events"]
    return found


def do_everything(service: Service) -> None:
    """All that is written down, each once."""
    call = service.call
    body = {"name": "Edelweiss"}
    assert call("lea", "POST", "/projects", json={"slug": "trees", "name": "Trees"}).is_success
    assert call("lea", "PATCH", PROJECT, json={"threshold": 0.7}).is_success
    assert call("lea", "PUT", f"{PROJECT}/members/ben", json={"role": "lead"}).is_success
    made = call("lea", "POST", f"{PROJECT}/categories", json=body).json()["id"]
    body = {"name": "Edelweiß"}
    assert call("lea", "PUT", f"{PROJECT}/categories/{made}", json=body).is_success
    assert call("lea", "DELETE", f"{PROJECT}/categories/{made}").is_success
    seed = service.upload("/examples", ("a.jpg", factories.paint(0, 99)), category="Alpine aster")
    assert seed.is_success
    answer_and_close(service)
    assert call("lea", "POST", f"{PROJECT}/rounds").is_success
    assert call("lea", "POST", f"{PROJECT}/rounds/2/cancel").is_success
    assert roll_back(service, 1).is_success
    assert call("lea", "GET", f"{PROJECT}/export?format=csv&split=train").is_success
    assert call("lea", "GET", f"{PROJECT}/rounds/1/model").status_code == 404
    with service.sessions() as session:
        service.blobs.put(session.scalars(select(ModelVersion.blob_key)).one(), b"checkpoint")
    assert call("lea", "GET", f"{PROJECT}/rounds/1/model").is_success


def test_each_act_is_written_down_with_who_and_when(labeling: Service) -> None:
    do_everything(labeling)
    found = events(labeling)
    assert [each["verb"] for each in reversed(found)] == [
        "change-project", "set-member", "create-category", "change-category", "delete-category",
        "seed-examples", "close-round", "start-round", "cancel-round", "roll-back",
        "export-dataset", "export-model",
    ]  # fmt: skip
    assert {each["login"] for each in found} == {"lea"}
    told = {each["verb"]: (each["what"], each["details"]) for each in found}
    assert told["change-project"] == ("flowers", {"threshold": 0.7})
    assert told["set-member"] == ("ben", {"role": "lead"})
    assert told["change-category"] == ("Edelweiss", {"name": "Edelweiß"})
    assert told["close-round"] == ("1", {"version": 2, "yes": 3, "no": 3})
    assert told["roll-back"][1]["examples_leave"] == 4
    assert told["export-dataset"] == ("3", {"format": "csv", "split": ["train"]})
    other = labeling.call("lea", "GET", "/projects/trees/events").json()["events"]
    assert [each["verb"] for each in other] == ["create-project"]


def test_what_is_refused_is_not_written_down(labeling: Service) -> None:
    problem(roll_back(labeling, 1), 409, "round-in-progress")
    problem(labeling.call("lea", "POST", f"{PROJECT}/rounds"), 409, "round-in-progress")
    assert labeling.count(Event) == 0


def test_the_log_comes_in_pages_and_filtered(labeling: Service) -> None:
    for login in ("ben", "cyd", "ben"):
        labeling.call("lea", "PUT", f"{PROJECT}/members/{login}", json={"role": "lead"})
    labeling.call("ben", "PATCH", PROJECT, json={"threshold": 0.6})
    first = labeling.call("lea", "GET", f"{PROJECT}/events?limit=3").json()
    rest = labeling.call("lea", "GET", f"{PROJECT}/events?limit=3&before={first['next']}").json()
    assert [each["what"] for each in first["events"]] == ["flowers", "ben", "cyd"]
    assert [each["what"] for each in rest["events"]] == ["ben"]
    assert rest["next"] is None
    assert [each["what"] for each in events(labeling, "?login=ben")] == ["flowers"]
    assert len(events(labeling, "?verb=set-member")) == 3
    assert events(labeling, "?verb=set-member&login=ben") == []


def test_the_log_is_taken_away(labeling: Service) -> None:
    labeling.call("lea", "POST", f"{PROJECT}/categories", json={"name": "=1+1"})
    labeling.call("lea", "PUT", f"{PROJECT}/members/ben", json={"role": "lead"})
    lines = labeling.call("lea", "GET", f"{PROJECT}/events/export?format=jsonl").text.splitlines()
    assert [json.loads(line) for line in lines] == events(labeling)
    answer = labeling.call("lea", "GET", f"{PROJECT}/events/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="flowers-events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["what"] for row in rows] == ["ben", "'=1+1"]
    assert json.loads(rows[0]["details"]) == {"role": "lead"}


# What is in a version


def test_a_diff_tells_what_differs_and_how(labeling: Service) -> None:
    answer_and_close(labeling)
    told = labeling.call("lea", "GET", f"{PROJECT}/versions/2/diff?since=1").json()
    by_change: dict[str, int] = {}
    for each in told["counts"]:
        by_change[each["change"]] = by_change.get(each["change"], 0) + each["number"]
    assert by_change == {"added": 3, "hard-negative-added": 3}
    assert len(told["pictures"]) == 6
    assert told["next"] is None
    back = labeling.call("lea", "GET", f"{PROJECT}/versions/1/diff?since=2").json()
    assert {each["change"] for each in back["pictures"]} == {"removed", "hard-negative-removed"}
    some = labeling.call(
        "lea",
        "GET",
        f"{PROJECT}/versions/2/diff",
        params={"since": 1, "change": "added", "category": "alpine aster", "limit": 1},
    ).json()
    assert [each["category"] for each in some["pictures"]] == ["Alpine aster"]
    assert some["next"] == 1
    same = labeling.call("lea", "GET", f"{PROJECT}/versions/2/diff?since=2").json()
    assert same == {"counts": [], "pictures": [], "next": None}
    roll_back(labeling, 1)
    same = labeling.call("lea", "GET", f"{PROJECT}/versions/3/diff?since=1").json()
    assert same["pictures"] == []
    problem(labeling.call("lea", "GET", f"{PROJECT}/versions/2/diff?since=9"), 404, "not-found")


def test_a_moved_picture_is_neither_added_nor_removed(labeling: Service) -> None:
    answer_and_close(labeling)
    with labeling.transaction() as session:
        moved = session.scalars(select(Example).where(Example.from_version == 2)).first()
        assert moved is not None
        moved.to_version = 3
        session.flush()
        columns = {"project_id": moved.project_id, "image_id": moved.image_id}
        other = Example(category_id=moved.category_id, split="test", from_version=3, **columns)
        session.add(other)
        project = session.merge(labeling.project("flowers"))
        freeze_dataset(session, project)
    told = labeling.call("lea", "GET", f"{PROJECT}/versions/3/diff?since=2").json()
    (one,) = told["pictures"]
    assert (one["change"], one["was_split"], one["split"]) == ("moved", "train", "test")
    assert one["was_category"] == one["category"]


def test_a_datasheet_counts_what_a_version_holds(labeling: Service) -> None:
    licence = [{"url": "https://Flickr.example:80/a.jpg", "licence": "CC BY 4.0"}]
    picture = ("a.jpg", factories.paint(0, 99))
    labeling.upload("/examples", picture, category="Alpine aster", split="test", sources=licence)
    answer_and_close(labeling)
    with labeling.transaction() as session:
        for category in session.scalars(select(Category)):
            category.name = f"Renamed {category.name}"
    told = labeling.call("ben", "GET", f"{PROJECT}/versions/2").json()
    assert told["version"]["number"] == 2
    assert told["categories"] == [
        {"name": "Alpine aster", "scientific_name": "Aster alpinus", "train": 4, "test": 1,
         "hard_negatives": 2},
        {"name": "Spring gentian", "scientific_name": "Gentiana verna", "train": 5, "test": 0,
         "hard_negatives": 1},
    ]  # fmt: skip
    assert told["origins"] == [
        {"round": None, "examples": 7, "hard_negatives": 0},
        {"round": 1, "examples": 3, "hard_negatives": 3},
    ]
    assert told["licences"] == [
        {"name": "", "pictures": 12},
        {"name": "CC BY 4.0", "pictures": 1},
    ]
    assert told["hosts"][1] == {"name": "flickr.example", "pictures": 1}
    limits = {"untested": 1, "scarce": 2, "imbalance": 1.25, "unlicensed": 12, "unsourced": 12}
    assert told["limits"] == limits
    problem(labeling.call("ben", "GET", f"{PROJECT}/versions/9"), 404, "not-found")


def test_each_version_tells_what_made_it_also_after_an_update(labeling: Service) -> None:
    answer_and_close(labeling)

    def do(method: str, path: str, **rest: object) -> dict:
        answered = labeling.call("lea", method, f"{PROJECT}{path}", **rest)
        assert answered.is_success, answered.text
        return answered.json()

    with labeling.transaction() as session:
        found = select(Example.image_id).where(Example.round_id.is_not(None))
        image_id = session.scalars(found.order_by(Example.id).limit(1)).one()
        batch = factories.make_batch(session, labeling.project("flowers"), state="done").id
        session.add(BatchImage(batch_id=batch, image_id=image_id, outcome="stored"))
        sha256 = session.get_one(Image, image_id).sha256
        one, two = session.scalars(select(Category.id).order_by(Category.id)).all()
    do("POST", f"/batches/{batch}/withdraw", json={"members": "end"})
    move_batches(labeling.sessions)
    do("POST", f"/batches/{batch}/restore")
    move_batches(labeling.sessions)
    merge = {"kind": "merge", "category_id": one, "into_id": two}
    change = do("POST", "/category-changes", json=merge)["change"]["id"]
    do("POST", f"/category-changes/{change}/undo")
    do("POST", "/takedowns", json={"what": sha256, "reason": "a request"})
    roll_back(labeling, 1)
    do("PUT", f"/categories/{one}", json={"name": "Edelweiss"})
    do("POST", "/rounds")

    told = {
        1: "seeds", 2: "round", 3: "withdrawal", 4: "restore", 5: "category-change",
        6: "category-undo", 7: "takedown", 8: "roll-back", 9: "edits",
    }  # fmt: skip
    held = versions(labeling)
    assert {number: each["cause"] for number, each in held.items()} == told
    assert {number for number, each in held.items() if each["round"]} == {2}
    assert {number for number, each in held.items() if each["restores"]} == {8}
    exported = labeling.call("lea", "GET", f"{PROJECT}/export?version=3&format=coco").json()
    assert exported["info"]["made_by"] == "withdrawal"
    cookie = {"Cookie": f"{COOKIE}={labeling.cookie('lea')[0]}"}
    page = labeling.client.get(f"{PROJECT}/versions", headers=cookie).text
    for says in ("seeds", "round 1", "withdrawing a batch", "undoing a change of categories"):
        assert f"<td>{says}</td>" in page
    # What can be told is told of versions from before this was kept. A batch moved at once then.
    with labeling.transaction() as session:
        for verb, number in (("withdraw-batch", 3), ("restore-batch", 4)):
            made = select(DatasetVersion.created_at).where(DatasetVersion.number == number)
            at = {"created_at": made.scalar_subquery()}
            session.execute(update(Event).where(Event.verb == verb).values(at))
    url = labeling.sessions.kw["bind"].url.render_as_string(hide_password=False)
    downgrade(url, to="0029")
    upgrade(url)
    again = {number: each["cause"] for number, each in versions(labeling).items()}
    assert again == {**told, 9: "unknown"}
    assert {n: each["content_hash"] for n, each in versions(labeling).items()} == {
        n: each["content_hash"] for n, each in held.items()
    }
