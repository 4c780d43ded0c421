"""One picture from a stranger's server: what is refused, where nobody follows, what is cut off."""

import asyncio
import gzip
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from app.domain.fetching import Validators
from app.domain.outbound import Address, PrivateHosts
from app.outbound import Outbound, Patience
from tests.factories import paint
from tests.picture_host import Page, PictureHost, drip, endless, picture_host, to
from workers.fetching import Failed, Fetcher, Got, Unchanged

PICTURE = paint(1, 1)
HERE = PrivateHosts.of("127.0.0.1/32")
PUBLIC = "93.184.216.34"


class Names:
    """A resolver that lies: each question about a name gets its next answer, the last for ever."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = {name: [*given] for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[Address]:
        self.asked.append(host)
        given = self.answers.get(host.partition(".")[0], ["127.0.0.1"])
        return [ip_address(given.pop(0) if len(given) > 1 else given[0])]


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with picture_host() as made:
        yield made


def fetcher(**changes: Any) -> Fetcher:
    async def at_once(_: str, __: timedelta) -> bool:
        return True

    async def open_to_all(_: str) -> bool:
        return False

    private = changes.pop("private", HERE)
    patience = Patience(connect=2, read=1, total=changes.pop("total", 2))
    resolve = changes.pop("resolve", Names())
    outbound = Outbound(private, resolve=resolve, patience=patience)
    options = {
        "turn": at_once, "is_shut": open_to_all, "pause": timedelta(0),
        "most_bytes": 100_000, "opt_outs": True,
    }  # fmt: skip
    return Fetcher(outbound=outbound, private=private, **(options | changes))


def fetch(url: str, *, asking: Validators | None = None, **changes: Any) -> Any:
    async def go() -> Any:
        return await fetcher(**changes).fetch(url, asking or Validators())

    return asyncio.run(go())


def reason(url: str, **changes: Any) -> str:
    found = fetch(url, **changes)
    assert isinstance(found, Failed), found
    return found.reason


def test_a_picture_comes_whole_with_what_to_ask_by(host: PictureHost) -> None:
    host.pages["/a.jpg"] = Page(PICTURE, headers={"ETag": '"one"', "Last-Modified": "yesterday"})
    found = fetch(host.url("/a.jpg"))
    assert found == Got(PICTURE, Validators('"one"', "yesterday"))
    asked = host.asked[-1].headers
    assert (asked["accept-encoding"], asked["user-agent"]) == ("identity", "Vetted/1")
    host.pages["/a.jpg"] = Page(status=304)
    assert isinstance(fetch(host.url("/a.jpg"), asking=found.validators), Unchanged)
    asked = host.asked[-1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"one"', "yesterday")
    # Of something that nobody asked for, 304 says nothing.
    assert reason(host.url("/a.jpg")) == "unexpected_answer"


REFUSED = {
    "not_found": Page(status=404),
    "gone": Page(status=410),
    "forbidden": Page(status=403),
    "too_many_requests": Page(status=429),
    "unavailable": Page(status=503),
    "server_error": Page(status=500),
    "unexpected_answer": Page(PICTURE, status=206),
    "not_an_image": Page(b"<html>hello</html>", headers={"Content-Type": "text/html"}),
    "too_large": Page(PICTURE, headers={"Content-Length": "10000000000"}),
    "opted_out": Page(PICTURE, headers={"X-Robots-Tag": "otherbot: noindex, noai"}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_answer_is_refused_by_its_head(host: PictureHost, why: str) -> None:
    host.pages["/a.jpg"] = REFUSED[why]
    assert reason(host.url("/a.jpg")) == why


def test_how_long_to_wait_is_heard(host: PictureHost) -> None:
    host.pages["/a.jpg"] = Page(status=429, headers={"Retry-After": "120"})
    found = fetch(host.url("/a.jpg"))
    assert (found.asked, found.detail) == (timedelta(minutes=2), "HTTP 429")
    assert found.host == f"127.0.0.1:{host.port}"


def test_a_web_page_under_a_pictures_type_is_left_after_its_first_bytes(host: PictureHost) -> None:
    host.pages["/a.jpg"] = Page(b"<html>" + b" " * 90_000, headers={"Content-Length": "95000"})
    # The end never comes: nobody waits for it.
    assert reason(host.url("/a.jpg")) == "not_an_image"


def test_a_compressed_answer_is_not_opened(host: PictureHost) -> None:
    bomb = gzip.compress(b"\xff\xd8\xff" + b"\0" * 50_000_000)
    host.pages["/a.jpg"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    assert reason(host.url("/a.jpg")) == "not_an_image"
    host.pages["/a.jpg"] = Page(bomb, headers={"Content-Type": "application/gzip"})
    assert reason(host.url("/a.jpg")) == "not_an_image"


def test_bodies_that_lie_about_their_length_or_have_no_end(host: PictureHost) -> None:
    host.pages["/short.jpg"] = Page(PICTURE, headers={"Content-Length": str(len(PICTURE) + 9)})
    assert reason(host.url("/short.jpg")) == "broken_answer"
    host.pages["/long.jpg"] = Page(PICTURE, headers={"Content-Length": "50"})
    assert fetch(host.url("/long.jpg")) == Got(PICTURE[:50], Validators())
    host.pages["/endless.jpg"] = endless
    assert reason(host.url("/endless.jpg")) == "too_large"


@pytest.mark.parametrize(
    "piece", [b"H", b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff"]
)
def test_slow_heads_and_slow_bodies_are_cut_off(host: PictureHost, piece: bytes) -> None:
    host.pages["/slow.jpg"] = drip(piece, 0.1, host)
    began = time.monotonic()
    # The first is cut by the time in all; so is the second, whose pieces are an answer at first.
    assert reason(host.url("/slow.jpg"), total=0.6, opt_outs=False) == "timed_out"
    assert time.monotonic() - began < 5


def test_heads_without_end_are_cut_off(host: PictureHost) -> None:
    host.pages["/a.jpg"] = drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 65536, 0.001, host)
    assert reason(host.url("/a.jpg")) == "broken_answer"


# Where nobody goes


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://[::1]/",
        "http://[::ffff:169.254.169.254]/", "http://10.0.0.1/", "http://0/", "http://2130706434/",
        "file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://127.0.0.1/", "data:image/png,a",
        "http://user:secret@127.0.0.1/", "http://127.0.0.1:25/", "//[", "http://inside.example/",
    ],
)  # fmt: skip
def test_a_redirect_is_checked_as_the_first_address(host: PictureHost, target: str) -> None:
    host.pages["/a.jpg"] = to(target)
    names = Names(inside=["10.1.2.3"], localhost=["127.0.0.2"])

    async def resolve(name: str, port: int) -> Sequence[Address]:
        # As the system's resolver reads numbers.
        known = {"0": "127.0.0.2", "2130706434": "127.0.0.2"}
        try:
            return [ip_address(known.get(name, name))]
        except ValueError:
            return await names(name, port)

    assert reason(host.url("/a.jpg"), resolve=resolve) == "address_refused"
    assert host.paths() == ["/a.jpg"]


def test_a_name_that_leads_inside_at_the_next_hop(host: PictureHost) -> None:
    # Once for robots.txt, once for the picture; then the name is pointed elsewhere.
    names = Names(rebinding=["127.0.0.1", "127.0.0.1", "127.0.0.2"])
    url = host.url("/a.jpg", "rebinding.example")
    host.pages |= {"/a.jpg": to("/b.jpg"), "/b.jpg": Page(PICTURE)}
    assert reason(url, resolve=names) == "address_refused"
    assert names.asked == ["rebinding.example"] * 3
    assert host.paths() == ["/a.jpg"]


def test_a_name_that_changes_after_the_check_is_not_asked_again(host: PictureHost) -> None:
    names = Names(rebinding=["127.0.0.1", "169.254.169.254"])
    host.pages["/a.jpg"] = Page(PICTURE)
    url = host.url("/a.jpg", "rebinding.example")
    assert isinstance(fetch(url, resolve=names, opt_outs=False), Got)
    assert names.asked == ["rebinding.example"]


def test_without_the_operators_word_nothing_inside_is_fetched(host: PictureHost) -> None:
    host.pages["/a.jpg"] = Page(PICTURE)
    for name in ("pictures.example", "127.0.0.1"):
        url = host.url("/a.jpg", name)
        assert reason(url, private=PrivateHosts()) == "address_refused"
    assert host.asked == []
    allowed = PrivateHosts.of("pictures.example")
    assert isinstance(fetch(host.url("/a.jpg", "pictures.example"), private=allowed), Got)


def test_redirects_are_followed_five_times(host: PictureHost) -> None:
    host.pages |= {f"/{n}": to(f"/{n + 1}") for n in range(5)}
    host.pages["/5"] = Page(PICTURE)
    assert isinstance(fetch(host.url("/0")), Got)
    host.pages |= {"/5": to("/6"), "/6": Page(status=404), "/loop": to("/loop", 308)}
    assert reason(host.url("/0")) == "redirects"
    assert fetch(host.url("/4")).detail == f"HTTP 404 {host.url('/6')}"
    assert reason(host.url("/loop")) == "redirects"
    assert host.paths().count("/loop") == 6


# robots.txt


def test_robots_are_obeyed_unless_the_operator_says_otherwise(host: PictureHost) -> None:
    rules = (
        b"User-agent: *\nDisallow: /private/*.jpg$\nCrawl-delay: 3\n\nUser-agent: vetted\nAllow: /"
    )
    host.pages |= {"/private/a.jpg": Page(PICTURE), "/robots.txt": Page(rules)}
    assert isinstance(fetch(host.url("/private/a.jpg")), Got)
    host.pages["/robots.txt"] = Page(rules.partition(b"\n\n")[0])
    assert reason(host.url("/private/a.jpg")) == "opted_out"
    assert isinstance(fetch(host.url("/private/a.jpg"), opt_outs=False), Got)

    async def pauses() -> list[timedelta]:
        asked = fetcher()
        found = [await asked.pause_of(host.url("/private/a.jpg")) for _ in range(2)]
        assert len(host.asked) == before + 1
        return found

    before = len(host.asked)
    assert asyncio.run(pauses()) == [timedelta(seconds=3)] * 2


def test_a_host_that_cannot_tell_its_robots_is_left_for_later(host: PictureHost) -> None:
    host.pages |= {"/a.jpg": Page(PICTURE), "/robots.txt": Page(status=500)}
    assert reason(host.url("/a.jpg")) == "unavailable"
    host.pages["/robots.txt"] = Page(b"\xff\xfe\0 not rules at all")
    assert isinstance(fetch(host.url("/a.jpg")), Got)
