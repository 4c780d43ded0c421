"""The port to other people's servers: calls an address that somebody gave, and no other machine.

A name is resolved once for each call, every address that it leads to is checked, and the connection
goes to the address that was checked. A name that leads elsewhere a moment later (DNS rebinding)
changes nothing: nobody asks again. The request keeps the name in its Host header, and TLS proves it.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from ipaddress import ip_address

import httpx

from app.domain.outbound import BAD_PORTS, Address, PrivateHosts, Trouble, may_call

# The addresses of a host, to be called at a port.
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
_PORTS = {"http": 80, "https": 443}
NAME = "Vetted/1"
_FIRST = 4096
"""Bytes after which a caller is asked a second time whether it wants the rest."""


class OutboundError(Exception):
    """The call got no answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


@dataclass(frozen=True)
class Patience:
    """How long a call may take, in seconds: to connect, between two pieces, and in all."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 15.0


@dataclass(frozen=True)
class Answer:
    """What came back. `cut`: there was more than was read. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    cut: bool


# Whether to go on reading an answer, of which `content` holds no more than the beginning.
Wanted = Callable[[Answer], bool]


class Outbound:
    """Makes calls. Follows no redirect, uses no proxy of the environment, keeps no connection.

    Args:
        private: What the operator allows besides public addresses.
        resolve: Finds addresses; the system's resolver without.
        patience: How long a call may take.
        name: How the caller calls itself.
        tls: Whom to trust; the usual authorities without.
    """

    def __init__(
        self,
        private: PrivateHosts,
        *,
        resolve: Resolve | None = None,
        patience: Patience | None = None,
        name: str = NAME,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private = private
        self._resolve = resolve or resolve_by_system
        self._patience = patience or Patience()
        self._name = name
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reading the authorities takes a while: once, and only by who calls.
        return self._given_tls or httpx.create_ssl_context()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        most_bytes: int = 0,
        wanted: Wanted | None = None,
    ) -> Answer:
        """Call the URL; of the answer's content, no more than `most_bytes` are read.

        `wanted` is asked twice whether to go on reading: before the content, and once the beginning
        of it is there.

        Raises:
            OutboundError: when there was no answer, or the host leads where nobody may go.
        """
        patience = self._patience
        # A connection that is kept would serve the next name at the same address unproven.
        transport = _Pinned(self._private, self._resolve, self._tls)
        client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(patience.read, connect=patience.connect),
            follow_redirects=False,
            trust_env=False,
            # What is not compressed cannot grow when it is opened.
            headers={"User-Agent": self._name, "Accept-Encoding": "identity"},
        )
        try:
            async with asyncio.timeout(patience.total), client:
                request = client.build_request(method, url, headers=headers, content=content)
                answer = await client.send(request, stream=True)
                try:
                    told = Answer(answer.status_code, dict(answer.headers), b"", cut=True)
                    body, cut = await _read(answer, most_bytes, partial(_goes_on, wanted, told))
                finally:
                    await answer.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise OutboundError(Trouble.TIMEOUT) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise OutboundError(Trouble.REFUSED_ADDRESS) from None
        except httpx.ConnectError as error:
            raise OutboundError(_why(error)) from error
        except httpx.HTTPError as error:
            raise OutboundError(Trouble.BROKEN_ANSWER) from error
        return replace(told, content=body, cut=cut)


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to the addresses that were checked, whatever the name leads to afterwards."""

    def __init__(self, private: PrivateHosts, resolve: Resolve, tls: ssl.SSLContext) -> None:
        self._private = private
        self._resolve = resolve
        self._inner = httpx.AsyncHTTPTransport(
            verify=tls, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        failed: httpx.TransportError | None = None
        port = request.url.port or _PORTS[request.url.scheme]
        if port in BAD_PORTS:
            raise OutboundError(Trouble.REFUSED_ADDRESS)
        for address in await self._checked(host, port):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,  # with the Host of the name
                stream=request.stream,
                # The name that the certificate is checked against.
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed or OutboundError(Trouble.UNKNOWN_HOST)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _checked(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise OutboundError(Trouble.UNKNOWN_HOST) from None
        # One that may not be called spoils the others: a name that mixes them is up to something.
        if not all(may_call(host, address, self._private) for address in addresses):
            raise OutboundError(Trouble.REFUSED_ADDRESS)
        return addresses


async def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """What the system's resolver says, in its order, each address once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # The zone of a link-local address (fe80::1%eth0) is left out: it is refused anyhow.
    return [*dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found)]


def _goes_on(wanted: Wanted | None, told: Answer, beginning: bytes) -> bool:
    return wanted is None or wanted(replace(told, content=beginning))


async def _read(
    answer: httpx.Response, most: int, goes_on: Callable[[bytes], bool]
) -> tuple[bytes, bool]:
    if not most:
        return b"", False
    if not goes_on(b""):
        return b"", True
    content = bytearray()
    looked = False
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > most:
            return bytes(content[:most]), True
        if not looked and len(content) >= _FIRST:
            looked = True
            if not goes_on(bytes(content[:_FIRST])):
                return bytes(content[:_FIRST]), True
    return bytes(content), False


def _why(error: BaseException) -> Trouble:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Trouble.CERTIFICATE
        cause = cause.__cause__ or cause.__context__
    return Trouble.UNREACHABLE
