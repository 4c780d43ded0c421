"""Which addresses are public, and which URLs are refused at once."""

from ipaddress import ip_address

import pytest

from app.domain.errors import InvalidError
from app.domain.outbound import PrivateHosts, check_url, is_public, may_call


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.1",
        "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "64:ff9b:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", "::7f00:1", "::a00:1", "fec0::1", "4000::1",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_what_is_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_the_operator_allows_names_and_networks() -> None:
    private = PrivateHosts.of(" Hooks.intranet, 10.1.0.0/16 ,fd00::/8,, 127.0.0.1")
    inside, outside = ip_address("10.1.2.3"), ip_address("10.2.0.1")
    assert may_call("any.example", inside, private)
    assert not may_call("any.example", outside, private)
    assert may_call("HOOKS.intranet.", outside, private)
    assert not may_call("evil.hooks.intranet", outside, private)
    assert may_call("any.example", ip_address("127.0.0.1"), private)
    assert not may_call("any.example", ip_address("127.0.0.2"), private)
    assert PrivateHosts.of("") == PrivateHosts()


@pytest.mark.parametrize("text", ["10.1.0.1/16", "a b", "http://a", "a..b", "*.intranet"])
def test_an_allowance_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither the name of a host nor a network"):
        PrivateHosts.of(text)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org", "file:///etc/passwd", "https://", "http:///a",
        "https://ada:secret@example.org/", "https://example.org/#a", "https://exa mple.org/",
        "https://example.org:port/", "https://[::1/", "https://example.org/\n", "javascript:alert(1)",
        "https://example.org/" + "a" * 2000, "http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1",
        "http://169.254.169.254/latest/meta-data", "http://example.org:25/", "http://example.org:0/",
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_refused_for_its_field(url: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_url(url, PrivateHosts())
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    "url",
    ["https://example.org/hook?a=b", "http://example.org:8080", "https://1.1.1.1/", "https://bücher.example/"],
)  # fmt: skip
def test_what_might_be_called_is_taken(url: str) -> None:
    assert check_url(url, PrivateHosts()) == url


def test_a_private_address_that_the_operator_allows_is_taken() -> None:
    url = "http://10.1.2.3/hook"
    assert check_url(url, PrivateHosts.of("10.1.0.0/16")) == url
