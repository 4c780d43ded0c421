import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from tests.embedded.watching import connect, eventually, processes_of
from vetted.embedded import postgres_home
from vetted.embedded.errors import AlreadyRunningError, EmbeddedError
from vetted.embedded.postgres import Postgres
from vetted.embedded.postgres_binaries import find_binaries, reachable_by
from vetted.embedded.postgres_home import Home
from vetted.embedded.system_user import unprivileged_user

pytestmark = pytest.mark.slow
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts it as somebody else")
# Becoming somebody else only after the imports: the interpreter may lie below /root.
START = (
    "import os, sys; from pathlib import Path; from vetted.embedded.postgres import Postgres; "
    "user = int(sys.argv[2]); user and (os.setgroups([]), os.setgid(user), os.setuid(user)); "
    "print(Postgres(Path(sys.argv[1])).start(), flush=True); sys.stdin.read()"
)


def start_elsewhere(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
    user: int = 0,
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(data_dir), str(user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    subprocesses.append(process)
    return process


def cluster_of(data_dir: Path) -> Path:
    home = Home.load(data_dir)
    assert home
    return home.cluster(data_dir)


def postmaster_of(data_dir: Path) -> int:
    return int((cluster_of(data_dir) / "postmaster.pid").read_text().split("\n")[0])


def test_a_second_start_finds_the_data_of_the_first(data_dir: Path) -> None:
    server = Postgres(data_dir)
    assert server.running_url() is None
    url = server.start()
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    assert settings["fsync"] == "on"
    assert settings["listen_addresses"] == ""
    assert settings["server_encoding"] == "UTF8"
    assert server.running_url() == url
    server.stop()
    assert server.running_url() is None
    assert processes_of(cluster_of(data_dir)) == []
    with Postgres(data_dir) as again, connect(again.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_letters_of_all_scripts_have_cases_and_a_stable_order(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as server, connect(server.url) as connection:
        row = connection.execute("SELECT lower('ÉÀ'), upper('straße'), 'a' < 'B'").fetchone()
        provider = connection.execute(
            "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'vetted'",
        ).fetchone()
    assert row == ("éà", "STRAßE", False)
    assert provider == ("b", "C.UTF-8")


def test_a_wrong_password_is_refused_and_secrets_are_private(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as server:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(server.url.replace("vetted:", "vetted:wrong"))
        with connect(server.url) as connection:
            role = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = 'vetted'"
            assert connection.execute(role).fetchone() == (False,)
    assert stat.S_IMODE((data_dir / postgres_home.STATE_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster_of(data_dir).parent.stat().st_mode) == 0o700


def test_two_servers_of_one_directory_are_refused(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as server:
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
            Postgres(data_dir).start()
        assert Postgres(data_dir).running_url() == server.url


def test_it_starts_after_a_kill_with_a_busy_backend(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    assert outer.stdout
    url = outer.stdout.readline().strip()
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    busy = threading.Thread(target=_work_until_cut_off, args=(url,))
    busy.start()
    with connect(url) as connection:
        active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT sum%'"
        eventually(lambda: connection.execute(active).fetchone() == (1,))
    # The supervisor first: it would start the server again itself.
    outer.kill()
    outer.wait()
    os.kill(postmaster_of(data_dir), signal.SIGKILL)
    with Postgres(data_dir, durable=False) as server, connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    busy.join()
    assert processes_of(cluster_of(data_dir)) == []


def _work_until_cut_off(url: str) -> None:
    with pytest.raises(psycopg.OperationalError), connect(url) as connection:
        connection.execute("SELECT sum(sqrt(n)) FROM generate_series(1, 100000000000) AS n")


def test_a_killed_postmaster_is_started_again_by_its_supervisor(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as server:
        killed = postmaster_of(data_dir)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: server.running_url() and postmaster_of(data_dir) != killed)


def test_a_server_that_outlived_its_supervisor_is_replaced(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    assert outer.stdout
    assert outer.stdout.readline()
    orphan = postmaster_of(data_dir)
    outer.kill()
    outer.wait()
    assert Postgres(data_dir).running_url()
    with Postgres(data_dir, durable=False):
        assert postmaster_of(data_dir) != orphan


def test_a_lock_file_that_names_somebody_elses_process_is_no_obstacle(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as server:
        url = server.url
        cluster = cluster_of(data_dir)
        lock_file = cluster / "postmaster.pid"
        text = lock_file.read_text()
        owner = cluster.stat().st_uid
    # As after a reboot: the id now belongs to another process of the same user.
    bystander = subprocess.Popen(["sleep", "600"], user=owner if os.geteuid() == 0 else None)
    try:
        lock_file.write_text("\n".join([str(bystander.pid), *text.split("\n")[1:]]))
        os.chown(lock_file, owner, -1)
        with Postgres(data_dir, durable=False) as server:
            assert server.running_url() == url
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("wait_for", ["global", "base/5", "pg_hba.conf"])
def test_a_kill_during_initdb_leaves_nothing_in_the_way(
    data_dir: Path,
    wait_for: str,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    outer = start_elsewhere(data_dir, subprocesses)
    eventually(lambda: list(data_dir.glob(f"postgres/cluster.new-*/cluster/{wait_for}")))
    os.killpg(outer.pid, signal.SIGKILL)
    outer.wait()
    assert not (data_dir / "postgres" / "cluster").exists()
    with Postgres(data_dir, durable=False) as server:
        assert server.running_url()
    assert not list(data_dir.glob("postgres/cluster.new-*"))


def test_a_data_directory_with_a_long_and_strange_path(data_dir: Path) -> None:
    strange = data_dir / 'a "quoted", name with %20 and ünïcode' / ("long" * 30)
    server = Postgres(strange, durable=False)
    try:
        with connect(server.start()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        home = Home.load(strange)
        assert home
        assert home.socket_directory
        assert stat.S_IMODE(Path(home.socket_directory).stat().st_mode) == 0o700
        server.stop()
        # Cleaners empty /tmp: another folder is found.
        shutil.rmtree(home.socket_directory)
        with connect(server.start()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        server.remove()


def test_a_cluster_of_another_version_is_refused(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False):
        pass
    (cluster_of(data_dir) / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="created by PostgreSQL 9"):
        Postgres(data_dir).start()


def test_a_start_that_fails_quotes_the_log(
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vetted.embedded.postgres.SETTINGS", {"no_such_setting": "1"})
    monkeypatch.setattr("vetted.embedded.postgres.READY_TIMEOUT", 0.5)
    with pytest.raises(EmbeddedError, match=r'(?s)not ready within.*parameter "no_such_setting"'):
        Postgres(data_dir, durable=False).start()


@as_root
def test_root_keeps_the_cluster_of_a_closed_directory_elsewhere(closed_data_dir: Path) -> None:
    with Postgres(closed_data_dir, durable=False) as server, connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert cluster_of(closed_data_dir).is_relative_to(postgres_home.SYSTEM_BASE)
    assert stat.S_IMODE(closed_data_dir.parent.stat().st_mode) == 0o700
    with Postgres(closed_data_dir, durable=False) as server, connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    outside = cluster_of(closed_data_dir).parent
    server.remove()
    assert not outside.exists()


@as_root
def test_root_copies_programs_that_the_user_cannot_reach(data_dir: Path) -> None:
    user = unprivileged_user()
    assert user
    found = find_binaries()
    closed = data_dir / "closed" / "site-packages"
    closed.mkdir(parents=True)
    (data_dir / "closed").chmod(0o700)
    prefix = closed / "package" / "pginstall"
    shutil.copytree(found.folder.parent, prefix)
    libraries = found.folder.parents[1].with_name(f"{found.folder.parents[1].name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / "package.libs")
    hidden = type(found)(prefix / "bin", found.version)
    copied = reachable_by(user, hidden, data_dir / "base")
    assert copied.folder.is_relative_to(data_dir / "base")
    assert user.can("-x", copied.folder / "postgres")
    assert reachable_by(user, hidden, data_dir / "base") == copied
    assert reachable_by(user, found, data_dir / "base") == found


@as_root
def test_another_user_runs_it_as_itself(
    data_dir: Path,
    subprocesses: list[subprocess.Popen[str]],
) -> None:
    nobody = 65534
    os.chown(data_dir, nobody, nobody)
    outer = start_elsewhere(data_dir, subprocesses, user=nobody)
    assert outer.stdout
    assert outer.stdout.readline().startswith("postgresql+psycopg://vetted:")
    outer.kill()
    outer.wait()
    assert cluster_of(data_dir).stat().st_uid == nobody
    # Root takes over what that user created, as that user.
    with Postgres(data_dir, durable=False):
        assert cluster_of(data_dir).stat().st_uid == nobody
