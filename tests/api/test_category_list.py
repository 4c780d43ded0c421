"""Categories out of a list, over REST."""

from httpx import Response
from sqlalchemy import select

from app.db.tables import Category, Event, LookAlike
from app.usecases.projects import look_alikes
from tests.api.service import Service, problem

LIST = "/projects/flowers/categories/import"


def send(service: Service, content: bytes, who: str = "lea", **form: str) -> Response:
    return service.call(who, "POST", LIST, files={"file": ("list.csv", content)}, data=form)


def test_a_list_is_looked_at_and_then_saved_at_once(service: Service) -> None:
    content = (
        "\ufeffName;Scientific name;Definition;Look-alikes;Notes\r\n"
        'Spring gentian;Gentiana verna;"Five; **blue**";"Edelweiß; Aster"\r\n'
        "Edelweiß;;;\r\n"
        "=HYPERLINK(1);;<script>alert(1)</script>;\r\n"
        "Aster;;;spring GENTIAN\r\n"
    ).encode()
    told = send(service, content, dry_run="true").json()
    assert (told["saved"], told["created"], told["problems"]) == (False, 4, 0)
    assert told["ignored"] == ["Notes"]
    assert service.count(Category) == service.count(Event) == 0
    answer = send(service, content)
    assert answer.json() == told | {"saved": True}
    with service.sessions() as session:
        found = {row.name: row for row in session.scalars(select(Category))}
        named = look_alikes(session, service.project("flowers"))
        event = session.scalars(select(Event)).one()
    assert found["Spring gentian"].scientific_name == "Gentiana verna"
    assert found["=HYPERLINK(1)"].definition == "<script>alert(1)</script>"
    assert named == {
        found["Spring gentian"].id: ["Aster", "Edelweiß"],
        found["Aster"].id: ["Spring gentian"],
    }
    assert (event.verb, event.what) == ("import-categories", "4")
    assert event.details == {"created": 4, "changed": 0, "unchanged": 0}


def test_what_is_there_changes_only_where_the_list_says_something(service: Service) -> None:
    send(service, b"name,definition,look-alikes\nRose,Thorns,Aster\nAster,Yellow,")
    changed = send(service, b"name,scientific name,definition\nROSE,Rosa,\naster,,Yellow").json()
    assert [line["outcome"] for line in changed["lines"]] == ["changed", "unchanged"]
    assert changed["lines"][0]["changes"] == ["scientific_name"]
    with service.sessions() as session:
        rose = session.scalars(select(Category).where(Category.name == "Rose")).one()
        assert (rose.scientific_name, rose.definition) == ("Rosa", "Thorns")
        assert look_alikes(session, service.project("flowers"))[rose.id] == ["Aster"]
    # Look-alikes that are named take the place of those that were.
    send(service, b"name,look-alikes\nLily,\nRose,Lily")
    with service.sessions() as session:
        assert look_alikes(session, service.project("flowers"))[rose.id] == ["Lily"]


def test_one_problem_and_nothing_is_saved(service: Service) -> None:
    content = b"name,look-alikes\nRose,\nAster,Nobody\nROSE,"
    lines = send(service, content, dry_run="true").json()["lines"]
    assert [line["outcome"] for line in lines] == ["created", "problem", "problem"]
    assert [each["field"] for line in lines[1:] for each in line["problems"]] == [
        "look_alikes",
        "name",
    ]
    body = problem(send(service, content), 422, "invalid")
    assert "2 of 3 lines have a problem, the first of them line 3" in body["detail"]
    assert body["fields"][0]["field"] == "file"
    assert service.count(Category) == service.count(LookAlike) == service.count(Event) == 0


def test_problems_are_told_in_the_reader_s_language(service: Service) -> None:
    files = {"file": ("list.csv", b"name\nRose\nRose")}
    answer = service.call(
        "lea", "POST", LIST, files=files, data={"dry_run": "1"}, headers={"Accept-Language": "de"}
    )
    assert "in Zeile 2" in answer.json()["lines"][1]["problems"][0]["message"]


def test_hostile_lists_are_refused(service: Service) -> None:
    for content, said in (
        (b"name\nA\0B", "NUL"),
        ("name\nÄ".encode("latin-1"), "Line 2 is not text in UTF-8"),
        ("name\nA".encode("utf-16"), "UTF-8"),
        (b'name,definition\nA,"' + b"x" * 200_000, "quotes"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "UTF-8"),
    ):
        assert said in problem(send(service, content), 422, "invalid")["detail"]
    # The application of the tests takes less than 10 MB at all; the list's own limit is told, too.
    problem(send(service, b"name\n" + b"x" * 10_000_000), 413, "too-large")
    problem(service.call("lea", "POST", LIST, files={"file": ("a", b"")}), 422, "invalid")
    problem(service.call("lea", "POST", LIST, data={"dry_run": "1"}), 422, "invalid")
    assert service.count(Category) == 0


def test_five_thousand_lines_that_name_each_other(service: Service) -> None:
    rows = [f"Category {n:04},Planta {n},,Category {(n + 1) % 5000:04}" for n in range(5000)]
    content = "\n".join(["name,scientific name,definition,look-alikes", *rows]).encode()
    assert send(service, content).json()["created"] == 5000
    assert service.count(LookAlike) == 5000
    assert send(service, content).json()["unchanged"] == 5000


def test_only_leads_may(service: Service) -> None:
    problem(send(service, b"Rose", who="ben"), 403, "forbidden")
    problem(send(service, b"Rose", who="olga"), 404, "not-found")


def test_projects_do_not_see_each_other_s_names(service: Service) -> None:
    send(service, b"Rose")
    files = {"file": ("list.csv", b"name,look-alikes\nAster,Rose")}
    body = service.call("olga", "POST", LIST.replace("flowers", "birds"), files=files)
    problem(body, 422, "invalid")
