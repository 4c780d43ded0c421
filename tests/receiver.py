"""A real HTTP server that keeps what it gets, and answers what a test tells it to."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Got:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What is answered. `hold` keeps the answer back until it is set."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None


@dataclass
class Receiver:
    """Answers with `replies`, one after the other, then with the last of them for ever."""

    port: int
    scheme: str = "http"
    got: list[Got] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def take(self, got: Got) -> Reply:
        self.got.append(got)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.arrived.release()
        return reply

    def wait(self, seconds: float = 60) -> Got:
        """The newest request, once one has come that nobody waited for."""
        assert self.arrived.acquire(timeout=seconds), f"nothing came within {seconds} s"
        return self.got[-1]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            reply = receiver.take(Got(self.command, self.path, headers, body))
            if reply.hold is not None:
                reply.hold.wait(60)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _do  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

        def handle_error(self) -> None:
            """Nothing: callers that go away are what is tested."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_address[1], "http" if tls is None else "https")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        for reply in receiver.replies:
            if reply.hold is not None:
                reply.hold.set()
        server.shutdown()
        server.server_close()
