import os
import socket
import stat
from pathlib import Path

import kombu
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.embedded.watching import processes_of
from vetted.embedded.errors import AlreadyRunningError
from vetted.embedded.valkey import Valkey

pytestmark = pytest.mark.slow


def test_it_starts_keeps_its_url_and_stops(data_dir: Path) -> None:
    server = Valkey(data_dir)
    assert server.running_url() is None
    url = server.start()
    assert Valkey(data_dir).running_url() == url
    with redis.Redis.from_url(url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}
    with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
        Valkey(data_dir).start()
    server.stop()
    assert server.running_url() is None
    assert processes_of(data_dir) == []
    with Valkey(data_dir) as again:
        assert again.url == url
    assert stat.S_IMODE((data_dir / "valkey" / "valkey.conf").stat().st_mode) == 0o600


def test_without_the_password_it_says_nothing(data_dir: Path) -> None:
    with Valkey(data_dir) as server:
        port = int(server.url.rsplit(":", maxsplit=1)[1].split("/")[0])
        with (
            redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_a_port_that_was_taken_meanwhile_is_replaced(data_dir: Path) -> None:
    with Valkey(data_dir) as server:
        before = server.url
    port = int(before.rsplit(":", maxsplit=1)[1].split("/")[0])
    with socket.create_server(("127.0.0.1", port)), Valkey(data_dir) as server:
        assert server.url != before


def test_celerys_transport_likes_the_url(valkey_server: Valkey) -> None:
    with kombu.Connection(valkey_server.url) as connection:
        queue = connection.SimpleQueue("test")
        queue.put({"answer": 42})
        message = queue.get(timeout=10)
        message.ack()
        queue.clear()
    assert message.payload == {"answer": 42}
