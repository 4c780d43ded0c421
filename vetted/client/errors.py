"""What can go wrong between a caller and the service."""

import email.utils
import time

import httpx


class RefusedError(Exception):
    """The service refused.

    Attributes:
        name: The stable name of the problem.
        status: The HTTP status.
        retry_after: Seconds after which the service wants to be asked again, where it says so.

    The text is the service's own sentence.
    """

    def __init__(
        self, name: str, detail: str, status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.status = status
        self.retry_after = retry_after


class RoundFailedError(Exception):
    """A round ended without proposals; the text is the service's."""


class BrokenOffError(Exception):
    """The service could not be reached any more, or stayed out of order for too long."""


class StoppedError(Exception):
    """Somebody stopped the work while it waited to try again."""


def checked(response: httpx.Response) -> httpx.Response:
    """The response, when it is no refusal; raises RefusedError."""
    if response.is_success:
        return response
    try:
        body = response.json()
        name, detail = body["type"].rsplit(":", 1)[-1], body["detail"]
    except (ValueError, KeyError, TypeError):
        # Something in between, or another service: a whole page would help nobody.
        name = str(response.status_code)
        detail = (
            f"{response.url.copy_with(path='/', query=None)} answered {name} "
            f"{response.reason_phrase}, and not as Vetted does. Is this where the service is?"
        )
    after = _seconds(response.headers.get("Retry-After"))
    raise RefusedError(name, detail, response.status_code, after)


def _seconds(text: str | None) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, section 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(moment.timestamp() - time.time(), 0.0)
