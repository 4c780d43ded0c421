"""Where this server may go on somebody's behalf: rules about addresses that people give it.

Whoever names an address makes this server call it, from inside the operator's network. So only
http(s), and only hosts that lead to public addresses, unless the operator allows others by name.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self
from urllib.parse import SplitResult, urlsplit

from app.domain.errors import InvalidError

Address = IPv4Address | IPv6Address

MOST_URL = 2000
# Azure's service for its own machines, public by its number alone; and two private blocks that not
# every release of the standard library knows.
_MORE_PRIVATE = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
    IPv6Network("64:ff9b:1::/48"),
)
_NAT64 = IPv6Network("64:ff9b::/96")
# All that is given out as public IPv6 addresses. Outside lie forms that no standard library knows as
# private: site-local ones, and `::127.0.0.1` of old.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
# Ports of services that are no web servers and read what they are sent as commands, as mail servers
# do: https://fetch.spec.whatwg.org/#port-blocking
BAD_PORTS = frozenset(
    {
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
        102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
        465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
        993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
        6668, 6669, 6679, 6697, 10080,
    }
)  # fmt: skip


class Trouble(StrEnum):
    """Why a call got no answer."""

    REFUSED_ADDRESS = "refused-address"
    UNKNOWN_HOST = "unknown-host"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    BROKEN_ANSWER = "broken-answer"


@dataclass(frozen=True)
class PrivateHosts:
    """What the operator allows although it is not public: names as they stand in URLs, networks."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `hooks.intranet, 10.1.0.0/16`.

        Raises:
            ValueError: for what is neither a name nor a network.
        """
        names, networks = set(), []
        for part in filter(None, (part.strip().lower() for part in text.split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError:
                if not all(label and _is_label(label) for label in part.split(".")):
                    raise ValueError(
                        f"{part!r} is neither the name of a host nor a network such as 10.1.0.0/16"
                    ) from None
                names.add(part)
        return cls(frozenset(names), tuple(networks))

    def allow(self, host: str, address: Address) -> bool:
        """Whether the operator named the host, or a network that the address is in."""
        if host.lower().rstrip(".") in self.names:
            return True
        return any(address in network for network in self.networks)


def _is_label(label: str) -> bool:
    return label.replace("-", "").replace("_", "").isalnum()


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may own it: not private, loopback, link-local, multicast, ...

    An IPv6 address that stands for an IPv4 one is what that one is.
    """
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_IPV6:
            return False
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _MORE_PRIVATE)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def may_call(host: str, address: Address, private: PrivateHosts) -> bool:
    """Whether this server calls the host at the address that its name led to."""
    return is_public(address) or private.allow(host, address)


def check_url(url: str, private: PrivateHosts) -> str:
    """The URL, once it is one that might be called. Its host's addresses are checked at each call.

    Raises:
        InvalidError: for the field `url`; says what is wrong with it.
    """
    parts = _split(url)
    if len(url) > MOST_URL or parts is None or parts.hostname is None or not url.isprintable():
        raise InvalidError(
            "url", "Give an address such as https://example.org/path, of {most} characters at most.",
            most=MOST_URL,
        )  # fmt: skip
    if parts.scheme not in {"http", "https"}:
        raise InvalidError("url", "Give an address that begins with https:// or http://.")
    if parts.port in BAD_PORTS:
        raise InvalidError("url", "Give an address with the port of a web server, or without one.")
    if parts.username is not None or parts.password is not None or parts.fragment or " " in url:
        raise InvalidError("url", "Give an address without a password, a # or a space.")
    try:
        address = ip_address(parts.hostname)
    except ValueError:
        return url  # a name
    if not may_call(parts.hostname, address, private):
        raise InvalidError(
            "url",
            "This address is private, and the server does not call it. Give a public one, or ask "
            "the operator to allow it.",
        )
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts
