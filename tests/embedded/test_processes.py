import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.embedded.watching import eventually, processes_of, unique_word
from vetted.embedded.errors import AlreadyRunningError, ChildFailedError
from vetted.embedded.leftovers import is_alive
from vetted.embedded.processes import Child, Patience, Supervisor

SLEEPER = "import time; time.sleep(600)"
STUBBORN = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('up'); "
SUPERVISE = """
    import sys, time
    from pathlib import Path
    from vetted.embedded.processes import Child, Supervisor

    with Supervisor(Path(sys.argv[1])) as supervisor:
        for name in ("one", "two"):
            supervisor.start(Child(name, [sys.executable, "-c", sys.argv[2], sys.argv[1]]))
        print("started", flush=True)
        time.sleep(600)
"""
PARENT = (
    "import subprocess, sys, time; "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]],"
    " start_new_session=True); time.sleep(600)"
)


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("sleeper", python(SLEEPER)))
        first = supervisor.pid_of("sleeper")
        assert first
        os.kill(first, signal.SIGKILL)
        eventually(lambda: supervisor.pid_of("sleeper") not in {None, first})
        assert supervisor.restarts_of("sleeper") == 1


def test_restart_gives_another_process_and_counts_no_death(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("sleeper", python(SLEEPER)))
        first = supervisor.pid_of("sleeper")
        supervisor.restart("sleeper")
        assert supervisor.pid_of("sleeper") not in {None, first}
        assert supervisor.restarts_of("sleeper") == 0


def test_stop_leaves_no_process_behind_and_goes_backwards(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2])\n"
        "    sys.exit()\n"
        "signal.signal(15, stop)\n"
        "open(sys.argv[3], 'w')\n"
        "time.sleep(600)\n"
    )
    order = tmp_path / "order"
    with Supervisor(tmp_path) as supervisor:
        for name in "abc":
            up = tmp_path / f"{name}.up"
            argv = python(code, str(order), name, str(up))
            supervisor.start(Child(name, argv, ready=up.exists))
        pids = [supervisor.pid_of(name) for name in "abc"]
        assert len(processes_of(tmp_path)) == 3
    assert order.read_text() == "cba"
    assert processes_of(tmp_path) == []
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    marker = unique_word()
    log = tmp_path / "logs" / "stubborn.log"
    child = Child(
        "stubborn",
        python(STUBBORN + "sys.stdout.flush(); time.sleep(600)", marker),
        ready=lambda: "up" in log.read_text(),
        grace=0.2,
    )
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(child)
        process = psutil.Process(supervisor.pid_of("stubborn"))
    assert not is_alive(process)


def test_a_childs_own_children_go_with_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("parent", python(PARENT, str(tmp_path))))
        eventually(lambda: len(processes_of(tmp_path)) == 2)
    assert processes_of(tmp_path) == []


def test_a_crash_loop_ends_and_quotes_the_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path, patience=Patience(deaths=3)) as supervisor:
        supervisor.launch(Child("loop", python("print('no disk'); raise SystemExit(3)")))
        with pytest.raises(ChildFailedError, match=r"(?s)status 3, 3 times in a row.*no disk"):
            supervisor.wait(timeout=20)
        assert supervisor.pid_of("loop") is None


def test_a_child_that_dies_before_it_is_ready_is_an_error_at_once(tmp_path: Path) -> None:
    child = Child("dead", python("raise SystemExit('no such module')"), ready=lambda: False)
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ChildFailedError, match=r"(?s)before it was ready.*no such module"),
    ):
        supervisor.start(child)


def test_a_child_that_never_becomes_ready_is_an_error(tmp_path: Path) -> None:
    child = Child("slow", python(SLEEPER), ready=lambda: False, ready_timeout=0.2)
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ChildFailedError, match=r"not ready within 0\.2 s"),
    ):
        supervisor.start(child)


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(ChildFailedError, match="could not be started"),
    ):
        supervisor.start(Child("none", ["/no/such/program"], ready=lambda: True))


def test_two_supervisors_of_one_directory_are_refused(tmp_path: Path) -> None:
    with (
        Supervisor(tmp_path),
        pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}") as refusal,
    ):
        Supervisor(tmp_path).open()
    assert refusal.value.holder == os.getpid()
    with Supervisor(tmp_path):
        pass


@pytest.mark.parametrize(
    "code",
    [SLEEPER, STUBBORN + "time.sleep(600)", PARENT],
    ids=["obedient", "stubborn", "with children"],
)
def test_what_a_killed_supervisor_left_is_ended_by_the_next(
    tmp_path: Path,
    code: str,
    subprocesses: list[subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vetted.embedded.leftovers.TERM_SECONDS", 0.5)
    supervise = textwrap.dedent(SUPERVISE)
    outer = subprocess.Popen(
        [sys.executable, "-c", supervise, str(tmp_path), code],
        stdout=subprocess.PIPE,
        text=True,
    )
    subprocesses.append(outer)
    assert outer.stdout
    assert outer.stdout.readline() == "started\n"
    expected = 4 if code is PARENT else 2
    eventually(lambda: len(processes_of(tmp_path)) == expected + 1)
    outer.kill()
    outer.wait()
    assert len(processes_of(tmp_path)) == expected
    with Supervisor(tmp_path):
        assert processes_of(tmp_path) == []


def test_a_recorded_id_that_somebody_else_has_now_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen(python(SLEEPER))
    record = {"name": "x", "pid": bystander.pid, "created": 12345.0, "stop_signal": 15}
    state = f'{{"token": "t", "supervisor": 1, "children": [{record}]}}'.replace("'", '"')
    (tmp_path / "supervisor.pids.json").write_text(state)
    try:
        with Supervisor(tmp_path):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
