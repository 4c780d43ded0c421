"""Calls to a service that is busy, restarts, or is gone."""

import email.utils
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread, Timer

import pytest

from vetted.client import BrokenOffError, Client, Patience, RefusedError, StoppedError

# Status and Retry-After of the answers, in order; the last one is given ever after.
Script = list[tuple[int, str | None]]


@pytest.fixture
def service() -> Iterator[tuple[str, Script, list[float]]]:
    """Answers as the script says; notes when it was asked."""
    script: Script = []
    asked: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(time.time())
            status, after = script.pop(0) if len(script) > 1 else script[0]
            if status == 0:
                self.connection.close()  # as a process that is killed
                return
            self.send_response(status)
            if after is not None:
                self.send_header("Retry-After", after)
            self.end_headers()
            self.wfile.write(b'{"type": "urn:vetted:busy", "detail": "Later."}')

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", script, asked
    listening.shutdown()
    listening.server_close()


def test_it_waits_as_long_as_the_service_asks_and_survives_lost_connections(
    service: tuple[str, Script, list[float]],
) -> None:
    address, script, asked = service
    told: list[str] = []
    moment = int(time.time()) + 3
    date = email.utils.formatdate(moment, usegmt=True)
    script += [(429, "1"), (503, date), (0, None), (502, None), (200, None)]
    patience = Patience(told=told.append, first=0.01)
    with Client(address, "token") as client:
        assert patience(lambda: client.get("/x"))["detail"] == "Later."
    assert asked[1] - asked[0] >= 1
    assert asked[2] >= moment
    assert len(asked) == 5
    assert told[0] == "Trying again in 1 s: Later."


def test_a_refusal_that_stays_is_told_at_once(service: tuple[str, Script, list[float]]) -> None:
    address, script, asked = service
    script.append((404, None))
    with Client(address, "token") as client, pytest.raises(RefusedError) as caught:
        Patience()(lambda: client.get("/x"))
    assert (caught.value.name, caught.value.status, len(asked)) == ("busy", 404, 1)


def test_it_gives_up_in_the_end_and_can_be_stopped(
    service: tuple[str, Script, list[float]],
) -> None:
    address, script, _ = service
    script.append((0, None))
    with Client(address, "token") as client:
        with pytest.raises(BrokenOffError):
            Patience(give_up=0.05, first=0.02)(lambda: client.get("/x"))
        patience = Patience(first=60)
        Timer(0.05, patience.stop).start()
        with pytest.raises(StoppedError):
            patience(lambda: client.get("/x"))
