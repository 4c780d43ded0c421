"""HTTP/1.1 as a browser speaks it, and little else.

The load shares the machine's cores with what it measures, so it must cost next to nothing: this
takes a quarter of the time of the usual clients.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 1 << 20  # of an answer's head and of a read


@dataclass(frozen=True)
class Answer:
    """What came back, and when.

    Attributes:
        status: HTTP's.
        body: As it was sent.
        seconds: From the first byte sent (or the attempt to connect) to the last one received.
    """

    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class WireError(Exception):
    """No answer came."""


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """One browser's connections to one server: kept open, one request at a time on each.

    Args:
        host: Where the server listens.
        port: Its port.
        headers: Sent with every request.
    """

    def __init__(self, host: str, port: int, headers: Mapping[str, str]) -> None:
        self._address = (host, port)
        lines = [f"Host: {host}:{port}", *(f"{name}: {text}" for name, text in headers.items())]
        self._head = "".join(f"{line}\r\n" for line in lines)
        self._idle: list[Stream] = []
        self.reopened = 0

    async def request(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> Answer:
        """Send and wait for the whole answer; raises WireError."""
        message = self._message(method, path, body, key)
        started = time.perf_counter()
        while True:
            kept = bool(self._idle)
            try:
                stream = self._idle.pop() if kept else await self._open()
                status, received, keep = await _exchange(stream, message)
            except (OSError, EOFError) as error:
                # The server may close a connection while it is idle: every browser asks again.
                if not kept:
                    raise WireError(f"{method} {path}: {error!r}") from error
                self.reopened += 1
                continue
            if keep:
                self._idle.append(stream)
            else:
                stream[1].close()
            return Answer(status, received, time.perf_counter() - started)

    def close(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _open(self) -> Stream:
        return await asyncio.open_connection(*self._address, limit=MOST_BYTES)

    def _message(self, method: str, path: str, body: Any, key: str | None) -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        extra = f"Idempotency-Key: {key}\r\n" if key else ""
        if body is not None:
            extra += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        return f"{method} {path} HTTP/1.1\r\n{self._head}{extra}\r\n".encode() + data


async def _exchange(stream: Stream, message: bytes) -> tuple[int, bytes, bool]:
    reader, writer = stream
    writer.write(message)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if not found:
        raise EOFError("an answer without Content-Length")
    body = await reader.readexactly(int(rest[: rest.index(b"\r\n")]))
    return status, body, b"\r\nconnection: close" not in head
