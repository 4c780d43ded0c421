"""What lies beside a picture and says where it came from."""

import json

import pytest

from app.domain.ingestion import SourceFacts
from app.imports.sidecars import SidecarError, is_beside, key_of, sidecars_of, source_of

OTHERWISE = SourceFacts(licence="CC0", tags=("crawl",))


@pytest.mark.parametrize(
    ("name", "key"),
    [("a/b/0001.jpg", "a/b/0001"), ("0001.image.json", "0001"), ("a.d/x", "a.d/x"), (".a.b", ".a")],
)
def test_the_key_ends_at_the_first_dot_of_the_file(name: str, key: str) -> None:
    assert key_of(name) == key


def test_the_closest_sidecars_are_a_pictures_own() -> None:
    names = {"a.b.jpg", "a.b.json", "a.json", "a.b.jpg.txt", "a.txt", "b.json"}
    assert sidecars_of("a.b.jpg", names) == ["a.b.json", "a.b.jpg.txt"]
    assert sidecars_of("a.c.jpg", names) == ["a.json", "a.txt"]
    assert sidecars_of("c.jpg", names) == []
    assert [is_beside(name) for name in ("a.json", "a.CLS", "a.jpg", "a")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_json_and_text_say_together_what_they_know() -> None:
    told = {"URL": "https://a.example/1", "license": "CC BY", "keywords": "alps, blue", "n": 1}
    text = "Photographer: A. B.\nurl: https://b.example\nin the morning\n\ntags: wild | late"
    assert source_of(
        [("a.json", json.dumps(told).encode()), ("a.txt", text.encode())], OTHERWISE
    ) == SourceFacts("https://a.example/1", ("alps", "blue"), "A. B.", "CC BY")
    assert source_of([("a.txt", text.encode())], OTHERWISE) == SourceFacts(
        "https://b.example", ("in the morning", "wild", "late"), "A. B.", "CC0"
    )
    assert source_of([("a.txt", b"https://c.example/2")], SourceFacts()).url == (
        "https://c.example/2"
    )


def test_what_cannot_be_kept_is_left_out_and_the_rest_is_filled() -> None:
    told = {"url": "javascript:1", "author": 5, "tags": {"a": 1}, "crawled_at": "yesterday"}
    assert source_of([("a.json", json.dumps(told).encode())], OTHERWISE) == OTHERWISE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("a.json", b"[1]"),
        ("a.json", b"[" * 200_000),
        ("a.txt", b"\xff"),
        ("a.txt", b"x" * 1_000_001),
    ],
)
def test_a_broken_sidecar_is_told(name: str, content: bytes) -> None:
    with pytest.raises(SidecarError, match=name):
        source_of([(name, content)], OTHERWISE)
