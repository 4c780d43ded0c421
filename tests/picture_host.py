"""A real HTTP server with pictures, and with all that strangers' servers do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Page:
    """An answer. Content-Length is told unless the headers tell another one."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that came, and when (monotonic seconds)."""

    path: str
    headers: dict[str, str]
    at: float


Handler = BaseHTTPRequestHandler
# An answer, or who writes one to the open connection.
Answer = Page | Callable[[Handler], None]


@dataclass
class PictureHost:
    """Answers with `pages` by path, 404 for others; several answers to a path come in turn."""

    port: int
    pages: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    # Requests that are answered at this moment, and how many that were at most.
    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, but for robots.txt."""
        return [each.path for each in self.asked if each.path != "/robots.txt"]

    def _next(self, handler: Handler) -> Answer:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.asked.append(Asked(handler.path, headers, time.monotonic()))
            found = self.pages.get(handler.path, Page(b"nothing", 404))
            if isinstance(found, list):
                return found.pop(0) if len(found) > 1 else found[0]
            return found

    def answer(self, handler: Handler) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            found = self._next(handler)
            if not isinstance(found, Page):
                found(handler)
                return
            headers = {"Content-Type": "image/jpeg", "Content-Length": str(len(found.body))}
            handler.send_response(found.status)
            for name, value in (headers | found.headers).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(found.body)
        finally:
            with self._lock:
                self.now -= 1


def drip(piece: bytes, every: float, host: PictureHost) -> Callable[[Handler], None]:
    """A piece now and then, for ever, from the first line on."""

    def write(handler: Handler) -> None:
        while not host.over.wait(every):
            handler.wfile.write(piece)
            handler.wfile.flush()

    return write


def endless(handler: Handler) -> None:
    """A picture's beginning, and then no end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff")
    while True:
        handler.wfile.write(b"\0" * 65536)


def to(target: str, status: int = 302) -> Page:
    return Page(b"", status, {"Location": target})


@contextmanager
def picture_host() -> Iterator[PictureHost]:
    """A host at a free port of all addresses of this machine."""

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.answer(self)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    host = PictureHost(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.over.set()
        server.shutdown()
        server.server_close()
