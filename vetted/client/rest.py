"""One method for each call that programs make."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import httpx

from vetted.client.errors import checked

# A name, the bytes, and what is said about the source.
Picture = tuple[str, bytes, dict[str, Any]]

_TUS = {"Tus-Resumable": "1.0.0"}
_WORKING = ("embedding", "training", "scoring")


class Client:
    """One caller with one token.

    Args:
        url: Where the service is, as http://127.0.0.1:8000.
        token: An API token with the scopes that the calls need.
    """

    def __init__(self, url: str, token: str) -> None:
        self.token_hash = hashlib.sha256(token.encode()).hexdigest()[:16]
        self._http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """The JSON at a path; raises RefusedError."""
        return checked(self._http.get(path)).json()

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON answer to a JSON body; raises RefusedError."""
        return checked(self._http.post(path, json=body, headers=headers)).json()

    def patch(self, path: str, body: Any) -> None:
        """Send changes; raises RefusedError."""
        checked(self._http.patch(path, json=body))

    def put(self, path: str, body: Any) -> None:
        """Send a JSON body; raises RefusedError."""
        checked(self._http.put(path, json=body))

    def seed(self, project: str, category: str, split: str, files: Sequence[Path]) -> Any:
        """Upload examples of a category."""
        return self._upload(f"/projects/{project}/examples", files, category=category, split=split)

    def ingest(self, project: str, files: Sequence[Path], sources: Sequence[dict[str, Any]]) -> Any:
        """Upload crawled images, with one source for each."""
        return self._upload(f"/projects/{project}/images", files, sources=json.dumps(sources))

    def add_negatives(self, project: str, files: Sequence[Path], about: Mapping[str, Any]) -> Any:
        """Upload pictures out of the domain: `origin`, and perhaps one source for all of them."""
        fields = {"origin": about["origin"]}
        if "sources" in about:
            fields["sources"] = json.dumps([about["sources"]])
        return self._upload(f"/projects/{project}/negatives", files, **fields)

    def _upload(self, path: str, files: Sequence[Path], **fields: str) -> Any:
        with ExitStack() as opened:
            parts = [
                ("files", (file.name, opened.enter_context(file.open("rb")))) for file in files
            ]
            return checked(self._http.post(path, data=fields, files=parts)).json()

    def seed_pictures(
        self, project: str, category: str, split: str, pictures: Sequence[Picture]
    ) -> Any:
        """Upload examples of a category that are at hand."""
        path = f"/projects/{project}/examples"
        return self._send(path, pictures, category=category, split=split)

    def ingest_pictures(
        self, project: str, pictures: Sequence[Picture], batch: int | None = None
    ) -> Any:
        """Upload candidates that are at hand, into a batch or that of the day."""
        fields = {} if batch is None else {"batch": str(batch)}
        return self._send(f"/projects/{project}/images", pictures, **fields)

    def _send(self, path: str, pictures: Sequence[Picture], **fields: str) -> Any:
        parts = [("files", (name, data)) for name, data, _ in pictures]
        sources = json.dumps([source for _, _, source in pictures])
        return checked(
            self._http.post(path, data={**fields, "sources": sources}, files=parts)
        ).json()

    def send_list(
        self, path: str, content: bytes | BinaryIO, media_type: str, query: Mapping[str, Any]
    ) -> Any:
        """The answer to a body that is no JSON; raises RefusedError."""
        headers = {"Content-Type": media_type}
        return checked(self._http.post(path, params=query, content=content, headers=headers)).json()

    def begin_upload(self, path: str, length: int, said: str) -> Any:
        """Announce an archive (tus): its bytes, and `Upload-Metadata`; raises RefusedError."""
        headers = _TUS | {"Upload-Length": str(length), "Upload-Metadata": said}
        return checked(self._http.post(path, headers=headers)).json()

    def add_to_upload(self, path: str, offset: int, size: int, content: Iterable[bytes]) -> None:
        """Send `size` bytes that belong behind `offset` (tus); raises RefusedError."""
        headers = _TUS | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
        }
        checked(self._http.patch(path, content=content, headers=headers))

    def examples(self, project: str) -> Iterator[dict[str, Any]]:
        """All examples of the dataset as it is now."""
        after: int | None = 0
        while after is not None:
            page = self.get(f"/projects/{project}/examples?after={after}&limit=1000")
            yield from page["examples"]
            after = page["next"]

    def export(self, project: str, target: Path, **wanted: str | int | Sequence[str]) -> None:
        """Stream a dataset version into a file.

        Args:
            project: Its slug.
            target: The file to write.
            wanted: The query of the route: version, format, part, split, category, licence.

        Raises:
            RefusedError: with the service's sentence.
        """
        self.download(f"/projects/{project}/export", target, wanted)

    def download(self, path: str, target: Path, query: Mapping[str, Any] | None = None) -> None:
        """Stream what is at a path into a file; raises RefusedError."""
        streamed = self._http.stream("GET", path, params=query)
        with streamed as response, target.open("wb") as file:
            if response.is_error:
                response.read()
            for piece in checked(response).iter_bytes():
                file.write(piece)

    def follow_round(self, project: str, number: int, every: float = 0.5) -> Iterator[Any]:
        """The round again and again while the machine works on it, and once when it is done."""
        while True:
            found = self.get(f"/projects/{project}/rounds/{number}")
            yield found
            if found["state"] not in _WORKING:
                return
            time.sleep(every)

    def lease(self, project: str, client: str, count: int) -> Any:
        """The next open proposals."""
        return self.post(f"/projects/{project}/proposals/lease", {"client": client, "count": count})

    def decide(
        self, project: str, proposal: dict[str, Any], answer: str, seconds: float | None
    ) -> Any:
        """Answer a proposal that is leased, with a key of its own."""
        return self.post(
            f"/projects/{project}/proposals/{proposal['id']}/decisions",
            {"lease_token": proposal["lease_token"], "answer": answer, "seconds": seconds},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
