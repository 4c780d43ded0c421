"""Pictures of the web, fetched by the machine that runs the command."""

import hashlib
import time
from pathlib import Path

import httpx

TRIES = 3
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = "vetted-import"


class FetchError(Exception):
    """An address gave no picture; the text says why."""


class Fetcher:
    """Fetches each address once.

    Args:
        kept: A folder in which what was fetched stays, for the next run.
        most: The most bytes of a picture.
        pause: Seconds before the second try; twice that before the third.
    """

    def __init__(self, kept: Path, most: int, pause: float = 1.0) -> None:
        self._kept = kept
        self._most = most
        self._pause = pause
        self._http = httpx.Client(
            timeout=httpx.Timeout(20, connect=10),
            follow_redirects=True,
            max_redirects=5,
            headers={"User-Agent": _AGENT},
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def fetch(self, address: str) -> bytes:
        """The bytes at an http(s) address; raises FetchError."""
        place = self._kept / hashlib.sha256(address.encode(errors="replace")).hexdigest()
        if place.is_file():
            return place.read_bytes()
        if not address.startswith(("http://", "https://")):
            raise FetchError("only http and https addresses are fetched")
        data = self._tried(address)
        self._kept.mkdir(parents=True, exist_ok=True)
        whole = place.with_suffix(".part")
        whole.write_bytes(data)
        whole.replace(place)
        return data

    def _tried(self, address: str) -> bytes:
        for number in range(1, TRIES + 1):
            try:
                return self._once(address)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                if status not in _AGAIN or number == TRIES:
                    raise FetchError(f"the address answers {status}") from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if number == TRIES or isinstance(error, httpx.InvalidURL | httpx.TooManyRedirects):
                    raise FetchError(f"{type(error).__name__}: {error}") from error
            time.sleep(self._pause * 2 ** (number - 1))
        raise FetchError("it was tried too often")

    def _once(self, address: str) -> bytes:
        with self._http.stream("GET", address) as response:
            response.raise_for_status()
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if len(data) > self._most:
                    raise FetchError(f"it has more than {self._most:,} bytes")
            return bytes(data)
