"""Whatever is sent as a list of addresses: rows that can be kept, rows with a reason, or a refusal."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidError
from app.domain.fetching import host_of, key_of
from app.domain.outbound import PrivateHosts
from app.imports.addresses import BadRow, read_addresses

WORDS = st.text(max_size=30) | st.sampled_from(
    [
        "https://example.org/",
        "http://[::1",
        "http://a:99999/",
        "\ud800",
        "\0",
        '"',
        "[1]",
        "2026-01-31",
    ]
)
VALUES = WORDS | st.none() | st.integers() | st.lists(WORDS | st.integers(), max_size=3)
ROWS = st.dictionaries(
    st.sampled_from(["url", "tags", "author", "licence", "crawled_at", "other"]), VALUES
)


def check(content: bytes) -> None:
    try:
        rows = list(read_addresses(io.BytesIO(content), PrivateHosts()))
    except InvalidError:
        return
    for row in rows:
        if isinstance(row, BadRow):
            assert row.reason
            assert row.detail
            assert row.shown.isprintable()
            continue
        said = row.source
        # What PostgreSQL keeps: no NUL, no halves of characters.
        for text in (row.url, host_of(row.url), said.author, said.licence, *said.tags):
            assert text is None or "\0" not in text
            assert text is None or text.encode()
        assert key_of(row.url) == key_of(row.url)


@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    check(content)


@given(st.lists(st.lists(WORDS, max_size=5), max_size=4))
def test_any_cells(rows: list[list[str]]) -> None:
    lines = ["url,tags,author,licence,crawled_at", *(",".join(row) for row in rows)]
    check("\n".join(lines).encode("utf-8", "surrogatepass"))


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_any_objects(rows: list[dict[str, object]]) -> None:
    check("\n".join(json.dumps(row) for row in rows).encode())
