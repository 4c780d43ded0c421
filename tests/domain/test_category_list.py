"""Reading lists of categories, and what each line comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.category_list import (
    MOST_BYTES,
    CategoryList,
    Judged,
    Listed,
    Outcome,
    Written,
    judge,
    key_of,
    read_category_list,
)
from app.domain.errors import InvalidError, TooLargeError


def read(text: str) -> CategoryList:
    return read_category_list(text.encode())


def judged(text: str, *written: Written) -> list[Judged]:
    return judge(read(text).lines, {key_of(each.name): each for each in written})


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidError) as found:
        read_category_list(content)
    assert found.value.field == "file"
    return str(found.value)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_with_columns_in_any_order(delimiter: str, mark: str, newline: str) -> None:
    rows = [
        ["Look-Alikes", "NAME", " Scientific Name ", "notes", "definition"],
        [
            '"Bavarian gentian; Edelweiß"',
            "Spring gentian",
            "Gentiana verna",
            "x",
            '"Five, **blue**"',
        ],
        ["", "Edelweiß"],
    ]
    listed = read(mark + newline.join(delimiter.join(row) for row in rows))
    assert listed.columns == ("look_alikes", "name", "scientific_name", "definition")
    assert listed.ignored == ("notes",)
    assert listed.lines == (
        Listed(
            2,
            "Spring gentian",
            "Gentiana verna",
            "Five, **blue**",
            ("Bavarian gentian", "Edelweiß"),
        ),
        Listed(3, "Edelweiß"),
    )


def test_a_plain_list_has_a_name_on_each_line() -> None:
    listed = read("Spring gentian\n\n  Rose, wild  \r\nÄngstliche\n=1+1")
    assert [(each.line, each.name) for each in listed.lines] == [
        (1, "Spring gentian"), (3, "Rose, wild"), (4, "Ängstliche"), (5, "=1+1"),
    ]  # fmt: skip
    assert listed.columns == ("name",)


def test_a_header_of_one_column_and_cells_in_quotes() -> None:
    listed = read('name\n"Rose, wild"\n"The ""Peace"" rose"\n')
    assert [each.name for each in listed.lines] == ["Rose, wild", 'The "Peace" rose']


def test_a_line_is_where_it_begins() -> None:
    listed = read('name,definition\nA,"one\ntwo\nthree"\n\nB,x')
    assert [each.line for each in listed.lines] == [2, 6]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The list is empty"),
        (b"\n \r\n", "The list is empty"),
        (b"name,definition\n", "The list is empty"),
        (b"A\nEdelwei\xdf", "Line 2 is not text in UTF-8"),
        ("name\nA".encode("utf-16"), "Line 1 is not text in UTF-8"),
        (b"A\0B", "NUL"),
        (b"name,Name\nA,B", "the column 'name' twice"),
        (b"definition,scientific name\nA,B", "no column 'name'"),
        (b'name,definition\nA,"never\nends', "The quotes from line 2 on"),
        (b'name,definition\n"A" rose,b', "The quotes from line 2 on"),
        (b"name" + b",x" * 100, "more than 100 columns"),
        (b"\n".join(b"%d" % n for n in range(5001)), "more than 5000 lines"),
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_a_list_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLargeError, match="2,000,000 bytes"):
        read_category_list(b"a" * (MOST_BYTES + 1))


def test_what_is_new_what_changes_and_what_stays() -> None:
    text = (
        "name;scientific name;definition;look-alikes\n"
        "New;;;Later\n"
        "SPRING  gentian;Gentiana verna;;\n"
        "Aster;;;\n"
        "Rose;Rosa;Thorns;aster\n"
        "Later;;;"
    )
    before = (
        Written("Spring gentian", "", "Blue", ("Aster",)),
        Written("Aster", "Aster", "Yellow"),
        Written("Rose", "Rosa", "Thorns", ("Aster",)),
    )
    lines = judged(text, *before)
    assert [(each.listed.name, each.outcome, each.changes) for each in lines] == [
        ("New", Outcome.CREATED, ()),
        ("Spring gentian", Outcome.CHANGED, ("scientific_name",)),
        ("Aster", Outcome.UNCHANGED, ()),
        ("Rose", Outcome.UNCHANGED, ()),
        ("Later", Outcome.CREATED, ()),
    ]


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        (",Rosa", "name", "Give a name"),
        ("x" * 201, "name", "Give a name"),
        ("a\x07b", "name", "Give a name"),
        (f"B,{'x' * 201}", "scientific_name", "Give a scientific_name"),
        (f"B,,{'x' * 20_001}", "definition", "20000"),
        ("B,,,Nobody", "look_alikes", "There is no category 'Nobody'"),
        ("B,,," + "A;" * 51, "look_alikes", "at most 50"),
        ("first", "name", "in line 2 already"),
        ("B,,,A,more", "name", "This line has 5 cells, the header has 4"),
    ],
)
def test_problems_name_the_line_and_the_field(line: str, field: str, said: str) -> None:
    header = "name,scientific name,definition,look-alikes\nFirst\nA\n"
    *others, last = judged(header + line)
    assert all(each.outcome is Outcome.CREATED for each in others)
    assert (last.listed.line, last.outcome) == (4, Outcome.PROBLEM)
    assert [problem.field for problem in last.problems] == [field]
    assert said in str(last.problems[0])


def test_a_category_is_no_look_alike_of_itself() -> None:
    lines = judged("name,look-alikes\nRose,rose", Written("Rose"))
    assert lines[0].outcome is Outcome.UNCHANGED


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        listed = read(text)
    except InvalidError:
        return
    lines = judge(listed.lines, {})
    assert len(lines) == len(listed.lines) > 0
    for each in lines:
        assert (each.outcome is Outcome.PROBLEM) == bool(each.problems)
