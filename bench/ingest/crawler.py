"""A crawler that pushes pictures over REST, and when each request of it was answered."""

import http.client
import json
import queue
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.ingest.pictures import Pictures

_BOUNDARY = "a-crawler-of-the-benchmark"


@dataclass(frozen=True)
class Arrival:
    """A request that was answered.

    Attributes:
        at: Seconds since the first request was sent.
        images: Pictures in it.
    """

    at: float
    images: int


class Crawler:
    """Sends pictures in requests of so many, a bounded number of them at a time.

    Args:
        url: Where the service is.
        token: An API token with the scope `ingest`.
        project: The project's slug.
        pictures: What is sent.
        batch: Pictures in a request.
        threads: Requests under way at a time.
    """

    def __init__(
        self, url: str, token: str, project: str, pictures: Pictures, batch: int, threads: int
    ) -> None:
        self._address = urlsplit(url)
        self._path = f"/api/v1/projects/{project}/images"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }
        self._pictures = pictures
        self._batch = batch
        self._threads = threads

    def send(self, numbers: range) -> list[Arrival]:
        """Send all of these; returns when each request was answered that its pictures are stored.

        Raises:
            RuntimeError: a request was refused, or a picture in it.
        """
        waiting: queue.SimpleQueue[range] = queue.SimpleQueue()
        for start in range(0, len(numbers), self._batch):
            waiting.put(numbers[start : start + self._batch])
        arrivals: list[Arrival] = []
        failures: list[BaseException] = []
        began = time.perf_counter()

        def work() -> None:
            try:
                self._work(waiting, arrivals, began)
            except BaseException as error:  # noqa: BLE001 - told by the caller's thread
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RuntimeError(f"sending failed: {failures[0]}") from failures[0]
        return sorted(arrivals, key=lambda arrival: arrival.at)

    def _work(
        self, waiting: "queue.SimpleQueue[range]", arrivals: list[Arrival], began: float
    ) -> None:
        connection = http.client.HTTPConnection(
            str(self._address.hostname), self._address.port or 80, timeout=120
        )
        while True:
            try:
                numbers = waiting.get_nowait()
            except queue.Empty:
                break
            connection.request("POST", self._path, self._body(numbers), self._headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != http.client.OK or json.loads(content)["stored"] != len(numbers):
                raise RuntimeError(f"{answer.status}: {content[:500]!r}")
            arrivals.append(Arrival(time.perf_counter() - began, len(numbers)))
        connection.close()

    def _body(self, numbers: range) -> bytes:
        parts = [_field("sources", json.dumps([_source(number) for number in numbers]))]
        for number in numbers:
            head = (
                f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; '
                f'filename="{number:08}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
            )
            parts += [head.encode(), self._pictures[number], b"\r\n"]
        parts.append(f"--{_BOUNDARY}--\r\n".encode())
        return b"".join(parts)


def _field(name: str, value: str) -> bytes:
    return (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    ).encode()


def _source(number: int) -> dict[str, object]:
    return {
        "url": f"https://photos.example.org/{number % 977}/{number:09}.jpg",
        "tags": ["flower", f"album-{number % 613}"],
        "author": f"Author {number % 4099}",
        "licence": "CC BY 4.0",
        "crawled_at": "2026-01-31T12:00:00Z",
    }
