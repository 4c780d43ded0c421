"""Access, answers, names, and what a crawler may say about a picture."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.access import Right, Role, Scope, allowed
from app.domain.decision import Answer, Outcome, Tally, outcome
from app.domain.errors import InvalidError
from app.domain.ingestion import SourceFacts, check_source
from app.domain.names import check_login, check_name, check_password, check_slug

SESSION = frozenset(Scope)

# (right, role) -> the scopes of which one is enough; what is not here is refused.
ALLOWED = {
    (Right.READ, Role.LEAD): {"ingest", "label", "lead"},
    (Right.READ, Role.LABELER): {"ingest", "label", "lead"},
    (Right.LABEL, Role.LEAD): {"label"},
    (Right.LABEL, Role.LABELER): {"label"},
    (Right.INGEST, Role.LEAD): {"ingest", "lead"},
    (Right.LEAD, Role.LEAD): {"lead"},
}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_role_and_scope_must_both_allow_it(right: Right, role: Role, scope: Scope) -> None:
    expected = scope in ALLOWED.get((right, role), set())
    assert allowed(right, role, frozenset({scope})) is expected


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_without_a_scope_nothing_is_allowed(right: Right, role: Role) -> None:
    assert not allowed(right, role, frozenset())


def test_a_browser_session_of_a_lead_may_do_everything() -> None:
    assert all(allowed(right, Role.LEAD, SESSION) for right in Right)


def test_a_browser_session_of_a_labeler_may_read_and_label() -> None:
    assert {r for r in Right if allowed(r, Role.LABELER, SESSION)} == {Right.READ, Right.LABEL}


@pytest.mark.parametrize(
    ("answer", "came_to"),
    [
        (None, Outcome.UNDECIDED),
        (Answer.YES, Outcome.TRUE_POSITIVE),
        (Answer.NO, Outcome.FALSE_POSITIVE),
        (Answer.UNSURE, Outcome.UNDECIDED),
        (Answer.UNDO, Outcome.UNDECIDED),
    ],
)
def test_what_an_answer_comes_to(answer: Answer | None, came_to: Outcome) -> None:
    assert outcome(answer) is came_to


def test_precision_is_yes_over_yes_and_no() -> None:
    assert Tally(yes=3, no=1, unsure=7).precision == 0.75
    assert Tally(yes=3, no=1, unsure=7).decided == 11


@pytest.mark.parametrize("tally", [Tally(), Tally(unsure=4)])
def test_precision_is_not_invented(tally: Tally) -> None:
    assert tally.precision is None


@pytest.mark.parametrize("slug", ["a", "alpine-flowers", "a1", "1-2", "a" * 63])
def test_good_slugs(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "a/b", "ä", "a\n", "a" * 64, "a_b"])
def test_bad_slugs(slug: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_slug(slug)
    assert refused.value.field == "slug"


@pytest.mark.parametrize(("login", "kept"), [(" Ada ", "ada"), ("a.b+c@d-e_f", "a.b+c@d-e_f")])
def test_a_login_is_kept_in_lower_case(login: str, kept: str) -> None:
    assert check_login(login) == kept


@pytest.mark.parametrize("login", ["", " ", ".ada", "ada b", "a\x00", "a" * 101, "a/b"])
def test_bad_logins(login: str) -> None:
    with pytest.raises(InvalidError):
        check_login(login)


def test_a_name_is_tidied() -> None:
    assert check_name("name", "  Spring \t gentian\n") == "Spring gentian"


@pytest.mark.parametrize("name", ["", " \n ", "a\x00b", "a\x1bb", "\u202eabc", "x" * 201])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_name("name", name)
    assert refused.value.field == "name"


@pytest.mark.parametrize("length", [10, 1000])
def test_good_passwords(length: int) -> None:
    assert check_password("x" * length) == "x" * length


@pytest.mark.parametrize("length", [0, 9, 1001])
def test_bad_passwords(length: int) -> None:
    with pytest.raises(InvalidError):
        check_password("x" * length)


@pytest.mark.parametrize(
    "facts",
    [
        SourceFacts(),
        SourceFacts(url="https://example.org/a.jpg?b=1", tags=("alps",) * 100, author="Ä. Bö"),
        SourceFacts(crawled_at=datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_good_sources_stay_as_they_are(facts: SourceFacts) -> None:
    assert check_source(facts) is facts


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (SourceFacts(url="javascript:alert(1)"), "url"),
        (SourceFacts(url="ftp://example.org/a"), "url"),
        (SourceFacts(url="https://"), "url"),
        (SourceFacts(url="http://["), "url"),
        (SourceFacts(url="https://example.org/\n"), "url"),
        (SourceFacts(url="https://example.org/" + "a" * 2000), "url"),
        (SourceFacts(author=""), "author"),
        (SourceFacts(author="a\x00"), "author"),
        (SourceFacts(licence=" "), "licence"),
        (SourceFacts(licence="x" * 2001), "licence"),
        (SourceFacts(tags=("a",) * 101), "tags"),
        (SourceFacts(tags=("a", "")), "tags"),
        (SourceFacts(crawled_at=datetime(2026, 1, 31)), "crawled_at"),  # noqa: DTZ001 - that is it
        # PostgreSQL would keep these as years 10000 and -1, and nobody could read the row again.
        (
            SourceFacts(
                crawled_at=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=9)))
            ),
            "crawled_at",
        ),
        (
            SourceFacts(crawled_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))),
            "crawled_at",
        ),
    ],
)
def test_bad_sources_are_named(facts: SourceFacts, field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_source(facts)
    assert refused.value.field == field


def test_nothing_said_is_empty() -> None:
    assert SourceFacts().is_empty
    assert not SourceFacts(licence="CC0").is_empty
