import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path

import psycopg
import pytest

from tests.embedded.watching import connect, eventually, processes_of
from vetted.embedded.commands import Command, Plan, product_commands
from vetted.embedded.errors import AlreadyRunningError, ChildFailedError, EmbeddedError
from vetted.embedded.stack import Stack, running_environment

WEB = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        facts = {k: v for k, v in os.environ.items() if k.startswith('VETTED_')}
        self.wfile.write(json.dumps(facts).encode())
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
STACK = """
import sys
from pathlib import Path
from tests.embedded.test_stack import migrate, stand_ins
from vetted.embedded.signals import exit_on_signals
from vetted.embedded.stack import Stack

with exit_on_signals(), Stack(Path(sys.argv[1]), migrate=migrate, commands=stand_ins) as stack:
    print(stack.url, flush=True)
    stack.wait()
"""


def stand_ins(plan: Plan) -> list[Command]:
    """Small processes in place of the product's."""
    web = [sys.executable, "-c", WEB, plan.host, str(plan.port)]
    worker = [sys.executable, "-c", "import time; time.sleep(600)", str(plan.data_dir)]
    return [Command("web", web, health_path="/healthz"), Command("compute1", worker)]


def migrate(url: str) -> None:
    with connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS migrated ()")


def stack_in(data_dir: Path, **options: object) -> Stack:
    settings = {"migrate": migrate, "commands": stand_ins, "durable": False} | options
    return Stack(data_dir, **settings)  # type: ignore[arg-type]


@pytest.mark.slow
def test_it_starts_hands_out_its_addresses_and_stops_everything(data_dir: Path) -> None:
    with stack_in(data_dir) as stack:
        with urllib.request.urlopen(f"{stack.url}/healthz") as answer:  # noqa: S310
            seen = json.load(answer)
        expected = stack.environment()
        assert {name: seen[name] for name in expected} == expected
        assert running_environment(data_dir) == expected
        assert all(stack.pid_of(name) for name in ("postgres", "valkey", "web", "compute1"))
        with connect(stack.database_url) as connection:
            assert connection.execute("SELECT * FROM migrated").fetchall() == []
        second = stack_in(data_dir)
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
            second.start()
        second.stop()
        assert running_environment(data_dir) == expected
        before = stack.pid_of("web")
        stack.restart("web")
        assert stack.pid_of("web") != before
        url = stack.url
        for name in ("runtime.json", "secret_key", "stack.pids.json", "logs/web.log"):
            assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600
    assert running_environment(data_dir) is None
    assert processes_of(data_dir) == []
    with stack_in(data_dir) as again:
        assert again.url == url
        assert again.environment() == expected


@pytest.mark.slow
def test_servers_and_processes_that_are_killed_come_back(data_dir: Path) -> None:
    with stack_in(data_dir) as stack:
        for name in ("postgres", "valkey", "web"):
            killed = stack.pid_of(name)
            assert killed
            os.kill(killed, signal.SIGKILL)
            eventually(lambda name=name, killed=killed: stack.pid_of(name) not in {None, killed})
        eventually(lambda: is_healthy(stack.url))
        eventually(lambda: is_up(stack.database_url))


@pytest.mark.slow
def test_a_process_that_cannot_start_stops_the_others(data_dir: Path) -> None:
    def broken(_: Plan) -> list[Command]:
        argv = [sys.executable, "-c", "raise SystemExit('no such module')"]
        return [Command("web", argv, health_path="/healthz")]

    with pytest.raises(ChildFailedError, match=r"(?s)web exited with status 1.*no such module"):
        stack_in(data_dir, commands=broken).start()
    assert processes_of(data_dir) == []


@pytest.mark.slow
def test_a_port_that_was_asked_for_and_is_taken_is_an_error(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"Port {port} of 127.0.0.1 is taken"):
            stack_in(data_dir, port=port).start()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signals_stop_everything_without_a_traceback(
    data_dir: Path,
    kind: signal.Signals,
    status: int,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    assert outer.stdout
    assert outer.stdout.readline().startswith("http://127.0.0.1:")
    outer.send_signal(kind)
    _, errors = outer.communicate(timeout=60)
    assert (outer.returncode, errors) == (status, "")
    assert processes_of(data_dir) == []


@pytest.mark.slow
def test_a_signal_while_it_starts_stops_what_was_started(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    eventually((data_dir / "postgres" / "cluster" / "postmaster.pid").exists)
    outer.send_signal(signal.SIGINT)
    _, errors = outer.communicate(timeout=60)
    assert (outer.returncode, errors) == (130, "")
    assert processes_of(data_dir) == []


@pytest.mark.slow
def test_what_a_killed_stack_left_is_replaced(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    assert outer.stdout
    url = outer.stdout.readline().strip()
    outer.kill()
    outer.wait()
    left = {process.pid for process in processes_of(data_dir)}
    assert left
    assert running_environment(data_dir) is None
    with stack_in(data_dir) as stack:
        assert stack.url == url
        assert not left & {process.pid for process in processes_of(data_dir)}


def test_the_products_processes_are_what_the_plan_says(tmp_path: Path) -> None:
    commands = product_commands(Plan(tmp_path, "127.0.0.1", 8000, workers=2))
    names = ["web", "compute1", "compute2", "ingest", "light"]
    assert [command.name for command in commands] == names
    assert "--pool=solo" in commands[1].argv
    assert [command.name for command in commands if "-B" in command.argv] == ["light"]
    assert commands[0].argv[commands[0].argv.index("--workers") + 1] == "1"


def test_the_web_may_have_several_processes(tmp_path: Path) -> None:
    plan = Plan(tmp_path, "127.0.0.1", 8000, workers=1, web_processes=2)
    web = product_commands(plan)[0]
    assert web.argv[web.argv.index("--workers") + 1] == "2"


def start_elsewhere(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STACK), str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    subprocesses.append(process)
    return process


def is_healthy(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def is_up(url: str) -> bool:
    try:
        with connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
