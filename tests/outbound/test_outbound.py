"""Calls go to the address that was checked, and to no other: a real server, resolvers that lie."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import pytest
import trustme

from app.domain.outbound import Address, PrivateHosts, Trouble
from app.outbound import Answer, Outbound, OutboundError, Patience, resolve_by_system
from tests.receiver import Receiver, Reply, receiving

HERE = PrivateHosts.of("127.0.0.0/8")
PUBLIC = "93.184.216.34"


class Names:
    """A resolver: each question about a name gets its next answer, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [*answers]
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[Address]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(each) for each in found]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def call(outbound: Outbound, url: str, **rest: Any) -> Answer:
    return asyncio.run(outbound.send("POST", url, **rest))


def trouble(outbound: Outbound, url: str) -> Trouble:
    with pytest.raises(OutboundError) as refused:
        call(outbound, url)
    return refused.value.trouble


def test_the_server_gets_what_is_sent_under_its_name(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, {"X-Answer": "yes"}, b"thanks")]
    names = Names(["127.0.0.1"])
    url = f"http://hooks.example:{receiver.port}/a?b=c"
    answer = call(
        Outbound(HERE, resolve=names), url, headers={"X-A": "1"}, content=b"body", most_bytes=100
    )
    assert (answer.status, answer.content, answer.cut) == (200, b"thanks", False)
    assert answer.headers["x-answer"] == "yes"
    (got,) = receiver.got
    assert (got.method, got.path, got.body) == ("POST", "/a?b=c", b"body")
    assert (got.headers["host"], got.headers["x-a"]) == (f"hooks.example:{receiver.port}", "1")
    assert names.asked == ["hooks.example"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "0", "[::ffff:7f00:1]"],
)  # fmt: skip
def test_this_machine_is_not_called_however_it_is_written(receiver: Receiver, host: str) -> None:
    refused = trouble(Outbound(PrivateHosts()), f"http://{host}:{receiver.port}/")
    assert refused is Trouble.REFUSED_ADDRESS
    assert not receiver.got


def test_a_name_that_leads_elsewhere_a_moment_later_is_asked_once(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    url = f"http://rebinding.example:{receiver.port}/"
    assert call(Outbound(PrivateHosts.of("127.0.0.1/32"), resolve=names), url).status == 204
    # The second call finds the other address, and is refused before anything is sent.
    outbound = Outbound(PrivateHosts.of("127.0.0.1/32"), resolve=names)
    assert trouble(outbound, url) is Trouble.REFUSED_ADDRESS
    assert names.asked == ["rebinding.example"] * 2
    assert len(receiver.got) == 1


def test_one_private_address_among_public_ones_is_enough(receiver: Receiver) -> None:
    names = Names([PUBLIC, "127.0.0.1"])
    url = f"http://mixed.example:{receiver.port}/"
    assert trouble(Outbound(PrivateHosts(), resolve=names), url) is Trouble.REFUSED_ADDRESS
    assert not receiver.got


def test_a_host_is_allowed_by_its_name(receiver: Receiver) -> None:
    private = PrivateHosts.of("hooks.intranet")
    outbound = Outbound(private, resolve=Names(["127.0.0.1"]))
    assert call(outbound, f"http://hooks.intranet:{receiver.port}/").status == 204
    refused = trouble(outbound, f"http://other.intranet:{receiver.port}/")
    assert refused is Trouble.REFUSED_ADDRESS


def test_the_next_address_is_tried_where_nobody_answers(receiver: Receiver) -> None:
    outbound = Outbound(HERE, resolve=Names(["127.0.0.9", "127.0.0.1"]))
    assert call(outbound, f"http://two.example:{receiver.port}/").status == 204


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.replies = [Reply(302, {"Location": receiver.url})]
    assert call(Outbound(HERE), receiver.url).status == 302
    assert len(receiver.got) == 1


def test_no_more_is_read_than_was_asked_for(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, {}, b"x" * 1_000_000)]
    answer = call(Outbound(HERE), receiver.url, most_bytes=1000)
    assert (len(answer.content), answer.cut) == (1000, True)
    assert call(Outbound(HERE), receiver.url).content == b""


def test_a_server_that_says_nothing_is_left(receiver: Receiver) -> None:
    receiver.replies = [Reply(hold=threading.Event())]
    for patience in (Patience(read=0.05), Patience(total=0.05)):
        assert trouble(Outbound(HERE, patience=patience), receiver.url) is Trouble.TIMEOUT


def test_other_troubles_are_told_apart() -> None:
    with receiving() as gone:
        pass
    assert trouble(Outbound(HERE), gone.url) is Trouble.UNREACHABLE
    nowhere = Outbound(HERE, resolve=Names([]))
    assert trouble(nowhere, "http://nowhere.example/") is Trouble.UNKNOWN_HOST
    unknown = trouble(Outbound(HERE), "http://no-such-host.invalid/")
    assert unknown is Trouble.UNKNOWN_HOST


def test_a_proxy_of_the_environment_is_not_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert call(Outbound(HERE), receiver.url).status == 204
        assert not proxy.got


def test_tls_proves_the_name_and_not_the_address() -> None:
    authority = trustme.CA()
    served, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example").configure_cert(served)
    authority.configure_trust(trusted)
    with receiving(served) as receiver:
        outbound = Outbound(HERE, resolve=Names(["127.0.0.1"]), tls=trusted)
        assert call(outbound, f"https://hooks.example:{receiver.port}/").status == 204
        other = trouble(outbound, f"https://other.example:{receiver.port}/")
        assert other is Trouble.CERTIFICATE
        strict = Outbound(HERE, resolve=Names(["127.0.0.1"]))
        untrusted = trouble(strict, f"https://hooks.example:{receiver.port}/")
        assert untrusted is Trouble.CERTIFICATE


def test_the_system_finds_this_machine() -> None:
    assert ip_address("127.0.0.1") in asyncio.run(resolve_by_system("127.0.0.1", 80))
