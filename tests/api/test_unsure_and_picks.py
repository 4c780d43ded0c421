"""Questions that go on to somebody else: unsure answers and picked categories."""

import pytest
from sqlalchemy import select, update

from app.db.tables import Candidate, Example, HardNegative, Proposal, Round, User
from tests import factories
from tests.api.labeling import decide, decided, lease_all, past, undo
from tests.api.service import Service, problem

OTHER = {"reason": "other-category"}


def first(service: Service, who: str = "ben", **more: object) -> dict:
    """The first proposal that the person gets; nothing else stays leased to them."""
    found = lease_all(service, who, 1, **more)["proposals"][0]
    assert isinstance(found, dict)
    return found


def leased_ids(service: Service, who: str) -> set[int]:
    found = {lease["id"] for lease in lease_all(service, who)["leases"]}
    service.call(who, "POST", "/projects/flowers/proposals/release", json={"client": "tab"})
    return found


def progress(service: Service, who: str) -> dict:
    found = lease_all(service, who, 1)["progress"]
    service.call(who, "POST", "/projects/flowers/proposals/release", json={"client": "tab"})
    assert isinstance(found, dict)
    return found


def close(service: Service) -> dict:
    answer = service.call("lea", "POST", "/projects/flowers/rounds/1/close")
    assert answer.status_code == 200, answer.text
    found: dict = answer.json()
    return found


def test_unsure_goes_to_another_labeler_and_then_to_the_lead(labeling: Service) -> None:
    asked = first(labeling)
    assert decided(labeling, asked, "unsure")["progress"] == {
        "round": 1, "decided": 0, "total": 6, "mine": 1, "others": 1,
    }  # fmt: skip
    assert asked["id"] not in leased_ids(labeling, "ben")
    again = first(labeling, "cyd")
    assert (again["id"], again["stage"], again["earlier"]) == (asked["id"], "second", [])
    decided(labeling, again, "unsure", "cyd")
    assert asked["id"] not in leased_ids(labeling, "cyd") | leased_ids(labeling, "ben")
    assert [progress(labeling, who)["others"] for who in ("ben", "cyd", "lea")] == [1, 1, 0]
    last = first(labeling, "lea")
    assert (last["id"], last["stage"]) == (asked["id"], "lead")
    assert decided(labeling, last, "unsure", "lea")["progress"]["decided"] == 1
    assert [progress(labeling, who)["others"] for who in ("ben", "cyd", "lea")] == [0, 0, 0]
    assert close(labeling)["unsure"] == 1
    with labeling.sessions() as session:
        image = session.get_one(Proposal, asked["id"]).image_id
        assert session.get_one(Candidate, image).last_round == 1


def test_a_second_labeler_settles_it(labeling: Service) -> None:
    asked = first(labeling)
    decided(labeling, asked, "unsure")
    answer = decided(labeling, first(labeling, "cyd"), "yes", "cyd")
    assert (answer["progress"]["decided"], answer["progress"]["others"]) == (1, 0)
    assert progress(labeling, "ben") == {
        "round": 1, "decided": 1, "total": 6, "mine": 1, "others": 0,
    }  # fmt: skip
    (mine,) = past(labeling)
    assert (mine["decision"]["answer"], mine["undoable"]) == ("unsure", False)
    problem(undo(labeling, mine["decision"]["id"]), 409, "answered-since")


def test_without_another_labeler_it_goes_straight_to_the_lead(labeling: Service) -> None:
    labeling.call("lea", "PUT", "/projects/flowers/members/cyd", json={"role": "lead"})
    asked = first(labeling)
    decided(labeling, asked, "unsure")
    assert first(labeling, "lea")["stage"] == "lead"


def test_a_disabled_labeler_is_nobody_to_ask(labeling: Service) -> None:
    with labeling.transaction() as session:
        session.execute(update(User).where(User.login == "cyd").values(disabled_at=User.created_at))
    asked = first(labeling)
    decided(labeling, asked, "unsure")
    assert first(labeling, "lea")["stage"] == "lead"


def test_a_lead_may_answer_at_every_stage(labeling: Service) -> None:
    asked = first(labeling)
    decided(labeling, asked, "unsure")
    second = first(labeling, "lea")
    assert (second["id"], second["stage"]) == (asked["id"], "second")
    assert decided(labeling, second, "no", "lea")["progress"]["decided"] == 1


def test_what_others_answered_is_told_only_where_the_lead_shows_it(labeling: Service) -> None:
    labeling.call("lea", "PATCH", "/projects/flowers", json={"show_others": True})
    decided(labeling, first(labeling), "unsure")
    assert first(labeling, "cyd")["earlier"] == [{"answer": "unsure", "reason": None}]


def test_an_unsure_that_moved_on_can_be_taken_back_from_who_looks_at_it(labeling: Service) -> None:
    asked = first(labeling)
    decision = decided(labeling, asked, "unsure")["decision"]["id"]
    theirs = first(labeling, "cyd")
    assert theirs["id"] == asked["id"]
    assert past(labeling)[0]["undoable"] is True
    back = undo(labeling, decision).json()
    assert (back["proposal"]["id"], back["proposal"]["stage"]) == (asked["id"], "first")
    assert set(back["images"]) >= {back["proposal"]["image"]}
    assert (back["progress"]["mine"], back["progress"]["others"]) == (0, 0)
    problem(decide(labeling, theirs, "yes", "cyd"), 409, "lease-lost")
    decided(labeling, back["proposal"], "no")


def pick(service: Service, asked: dict, who: str = "ben", **more: object) -> dict:
    """Say no and pick the project's other category."""
    assert service.labeling is not None
    (other,) = set(service.labeling.category_ids) - {asked["category_id"]}
    return decided(service, asked, "no", who, **OTHER, category_id=other, **more)


def of_image(service: Service, proposal_id: int) -> list[Proposal]:
    with service.sessions() as session:
        image = session.get_one(Proposal, proposal_id).image_id
        return list(
            session.scalars(
                select(Proposal).where(Proposal.image_id == image).order_by(Proposal.id)
            )
        )


def test_a_picked_category_is_asked_another_labeler(labeling: Service) -> None:
    asked = first(labeling)
    answer = pick(labeling, asked)
    assert answer["decision"]["picked"]["name"] in {"Spring gentian", "Alpine aster"}
    assert answer["progress"] == {"round": 1, "decided": 1, "total": 7, "mine": 1, "others": 1}
    _, made = of_image(labeling, asked["id"])
    assert (made.category_id, made.confidence) != (asked["category_id"], 0)
    assert made.id not in leased_ids(labeling, "ben")
    theirs = next(p for p in lease_all(labeling, "cyd")["proposals"] if p["id"] == made.id)
    assert theirs["image"] == asked["image"]
    assert decided(labeling, theirs, "yes", "cyd")["progress"]["others"] == 0
    mine = past(labeling)[0]
    assert (mine["undoable"], mine["decision"]["picked"]) == (False, answer["decision"]["picked"])
    problem(undo(labeling, mine["decision"]["id"]), 409, "pick-answered")
    assert close(labeling)["proposals"] == 7
    with labeling.sessions() as session:
        grown = session.scalars(select(Example).where(Example.round_id.is_not(None))).one()
        rejected = session.scalars(select(HardNegative)).one()
    assert grown.image_id == rejected.image_id
    assert (grown.category_id, rejected.category_id) == (made.category_id, asked["category_id"])


def test_the_same_labeler_may_answer_it_at_once(labeling: Service) -> None:
    labeling.call("lea", "PATCH", "/projects/flowers", json={"picked": "same"})
    asked = first(labeling)
    answer = pick(labeling, asked)
    assert answer["progress"] == {"round": 1, "decided": 2, "total": 7, "mine": 2, "others": 0}
    _, made = of_image(labeling, asked["id"])
    assert made.answer == "yes"
    # A retry finds the first answer, and writes nothing.
    assert labeling.labeling is not None
    again = decide(
        labeling, asked, "no", **OTHER, category_id=answer["decision"]["picked"]["category_id"]
    )
    assert again.status_code == 200
    assert len(of_image(labeling, asked["id"])) == 2
    # One entry of one's past, which takes both back.
    (mine,) = past(labeling)
    assert mine["undoable"]
    back = undo(labeling, mine["decision"]["id"]).json()
    assert back["progress"] == {"round": 1, "decided": 0, "total": 6, "mine": 0, "others": 0}
    assert of_image(labeling, asked["id"])[1].answer == "withdrawn"
    pick(labeling, back["proposal"], key="again")
    assert of_image(labeling, asked["id"])[1].answer == "yes"
    assert close(labeling)["yes"] == 1


def test_the_yes_of_a_pick_is_not_taken_back_alone(labeling: Service) -> None:
    labeling.call("lea", "PATCH", "/projects/flowers", json={"picked": "same"})
    asked = first(labeling)
    no = pick(labeling, asked)["decision"]["id"]
    problem(undo(labeling, no + 0, key="k1", who="cyd"), 404, "not-found")
    _, made = of_image(labeling, asked["id"])
    with labeling.sessions() as session:
        yes = session.scalars(
            select(factories.Decision.id).where(factories.Decision.proposal_id == made.id)
        ).one()
    problem(undo(labeling, yes), 409, "part-of-pick")


def test_a_pick_that_is_taken_back_is_asked_no_more(labeling: Service) -> None:
    asked = first(labeling)
    decision = pick(labeling, asked)["decision"]["id"]
    _, made = of_image(labeling, asked["id"])
    theirs = next(p for p in lease_all(labeling, "cyd")["proposals"] if p["id"] == made.id)
    assert undo(labeling, decision).status_code == 200
    problem(decide(labeling, theirs, "yes", "cyd"), 409, "already-decided")
    assert made.id not in leased_ids(labeling, "cyd")


def test_a_pick_that_makes_a_labeler_unsure_stays(labeling: Service) -> None:
    asked = first(labeling)
    decision = pick(labeling, asked)["decision"]["id"]
    _, made = of_image(labeling, asked["id"])
    theirs = next(p for p in lease_all(labeling, "cyd")["proposals"] if p["id"] == made.id)
    assert decided(labeling, theirs, "unsure", "cyd")["progress"]["others"] == 1
    # Nobody but the picker and the unsure one labels here: the lead is left.
    problem(undo(labeling, decision), 409, "pick-answered")
    assert any(p["id"] == made.id for p in lease_all(labeling, "lea")["proposals"])


@pytest.mark.parametrize("before", ["rejected", "asked"])
def test_a_pair_is_asked_once(labeling: Service, before: str) -> None:
    assert labeling.labeling is not None
    asked = first(labeling)
    (other,) = set(labeling.labeling.category_ids) - {asked["category_id"]}
    with labeling.transaction() as session:
        proposal = session.get_one(Proposal, asked["id"])
        if before == "asked":
            session.add(
                Proposal(
                    round_id=proposal.round_id, image_id=proposal.image_id, category_id=other,
                    confidence=0.6, position=99,
                )
            )  # fmt: skip
        else:
            decision = factories.answer(
                session, session.get_one(Proposal, labeling.labeling.proposal_ids[-1]),
                session.scalars(select(User.id).where(User.login == "cyd")).one(), "no",
            )  # fmt: skip
            session.add(
                HardNegative(
                    project_id=labeling.labeling.project_id, image_id=proposal.image_id,
                    category_id=other, round_id=proposal.round_id, decision_id=decision.id,
                    from_version=1,
                )
            )  # fmt: skip
    answer = pick(labeling, asked)
    assert answer["decision"]["picked"]["category_id"] == other
    assert answer["progress"]["total"] == 6
    assert len(of_image(labeling, asked["id"])) == (2 if before == "asked" else 1)
    assert undo(labeling, answer["decision"]["id"]).status_code == 200


def test_an_image_never_becomes_an_example_of_two_categories(labeling: Service) -> None:
    assert labeling.labeling is not None
    asked, sure = lease_all(labeling, count=2)["proposals"]
    (other,) = set(labeling.labeling.category_ids) - {asked["category_id"]}
    with labeling.transaction() as session:
        proposal = session.get_one(Proposal, asked["id"])
        second = Proposal(
            round_id=proposal.round_id, image_id=proposal.image_id, category_id=other,
            confidence=0.6, position=99,
        )  # fmt: skip
        session.add(second)
        session.flush()
        lea = session.scalars(select(User.id).where(User.login == "lea")).one()
        factories.answer(session, second, lea, "yes")
    decided(labeling, asked, "yes")
    decided(labeling, sure, "yes")
    close(labeling)
    with labeling.sessions() as session:
        grown = session.scalars(select(Example).where(Example.round_id.is_not(None))).all()
        sure_image = session.get_one(Proposal, sure["id"]).image_id
        assert [example.image_id for example in grown] == [sure_image]
        # It is a candidate still, and the next round may ask about it.
        assert session.get_one(Candidate, second.image_id).last_round is None


def test_gold_looks_like_any_other_question_and_teaches_nothing(labeling: Service) -> None:
    labeling.call("lea", "PATCH", "/projects/flowers", json={"show_gold": True})
    with labeling.transaction() as session:
        session.execute(update(Round).values(proposals=4, gold=2))
        ids = sorted(labeling.labeling.proposal_ids)[:2]  # type: ignore[union-attr]
        session.execute(update(Proposal).where(Proposal.id == ids[0]).values(gold="yes"))
        session.execute(update(Proposal).where(Proposal.id == ids[1]).values(gold="no"))
    known, wrong, other = lease_all(labeling, count=3)["proposals"]
    assert set(known) == set(other)
    assert decided(labeling, known, "yes")["progress"]["decided"] == 1
    decided(labeling, wrong, "yes")
    last = decided(labeling, other, "no")
    assert last["progress"] == {"round": 1, "decided": 3, "total": 6, "mine": 3, "others": 0}
    day = labeling.call("ben", "GET", "/projects/flowers/session?since=2026-01-01T00:00:00Z").json()
    assert (day["today"], day["last_hour"], day["gold"]) == (3, 3, {"answered": 2, "right": 1})
    closed = close(labeling)
    assert [closed[name] for name in ("proposals", "yes", "no", "precision")] == [4, 0, 1, 0.0]
    assert labeling.count(Example, Example.round_id.is_not(None)) == 0
    assert labeling.count(HardNegative) == 1


def test_a_pick_on_gold_makes_no_proposal(labeling: Service) -> None:
    asked = first(labeling)
    with labeling.transaction() as session:
        session.execute(update(Proposal).where(Proposal.id == asked["id"]).values(gold="no"))
    answer = pick(labeling, asked)
    assert answer["decision"]["picked"]
    assert len(of_image(labeling, asked["id"])) == 1


def test_a_day_counts_what_stands(labeling: Service) -> None:
    url = "/projects/flowers/session?since=2026-01-01T00:00:00Z"
    empty = {"today": 0, "last_hour": 0, "seconds_per_decision": None, "gold": None}
    assert labeling.call("ben", "GET", url).json() == empty
    proposals = lease_all(labeling, count=4)["proposals"]
    made = [
        decided(labeling, proposal, seconds=seconds)["decision"]["id"]
        for proposal, seconds in zip(proposals, (1, 2, 9, 50), strict=True)
    ]
    undo(labeling, made[-1])
    day = labeling.call("ben", "GET", url).json()
    assert day == {"today": 3, "last_hour": 3, "seconds_per_decision": 2, "gold": None}
    assert labeling.call("cyd", "GET", url).json() == empty
    later = "/projects/flowers/session?since=2100-01-01T00:00:00Z"
    assert labeling.call("ben", "GET", later).json()["today"] == 0
    naive = "/projects/flowers/session?since=2026-01-01T00:00:00"
    problem(labeling.call("ben", "GET", naive), 422, "invalid")
    problem(labeling.call("ben", "GET", "/projects/flowers/session"), 422, "invalid")
