"""A real server that speaks S3, in this process, which remembers what it was asked."""

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import obstore
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from app.domain.location import BucketName
from app.object_store import Bucket
from app.settings import StorageSettings

BUCKET = "vetted"


@dataclass(frozen=True)
class Asked:
    """A request: `range` is its header."""

    method: str
    path: str
    query: str
    range: str | None


@dataclass
class S3:
    """Where it listens, and what it was asked; tests clear that."""

    url: str
    requests: list[Asked] = field(default_factory=list)

    def prefix(self) -> str:
        """A place in the bucket that nobody else uses."""
        return f"s3://{BUCKET}/{secrets.token_hex(6)}"

    def settings(self, **others: Any) -> StorageSettings:
        """Those of an operator who uses this server."""
        return StorageSettings(**self.given(), **others)

    def given(self) -> dict[str, Any]:
        """The settings that say how to reach this server."""
        return {
            "s3_endpoint": self.url,
            "s3_region": "us-east-1",
            "s3_key_id": "key",
            "s3_secret": "secret",
        }

    def put(self, place: str, name: str, data: bytes) -> None:
        """Store as a stranger would, with any name."""
        bucket = self._bucket(place)
        obstore.put(bucket.store, bucket.key(name), data)

    def delete(self, place: str, name: str) -> None:
        """Remove it again."""
        bucket = self._bucket(place)
        obstore.delete(bucket.store, bucket.key(name))

    def _bucket(self, place: str) -> Bucket:
        return Bucket.of(BucketName.of(place), self.settings())

    def reads(self) -> list[str]:
        """The keys of objects that were read, in order."""
        listed = ("", BUCKET)
        paths = (each.path.strip("/") for each in self.requests if each.method == "GET")
        return [path for path in paths if path not in listed]


@contextmanager
def serve() -> Iterator[S3]:
    """A server on a free port."""
    inner = DomainDispatcherApplication(create_backend_app)
    made = S3("")

    def remembering(environ: dict[str, Any], start: Any) -> Any:
        asked = (environ.get(name) for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"))
        made.requests.append(Asked(*asked, environ.get("HTTP_RANGE")))
        return inner(environ, start)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, remembering, threaded=True)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="s3")
    thread.start()
    try:
        httpx.put(f"{made.url}/{BUCKET}").raise_for_status()
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
