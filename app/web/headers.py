"""Headers that keep a browser from doing what our pages never need."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": browsers then send "Origin: null" with our own forms, which sign-in refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000"


def policy(pictures_from: str | None = None) -> str:
    """The content policy; pictures may come from this origin, too."""
    return _POLICY.format(pictures=" ".join(filter(None, ["'self' blob: data:", pictures_from])))


class SecurityHeaders:
    """ASGI middleware: adds the headers to every answer.

    Args:
        app: what answers.
        pictures_from: the origin that routes redirect pictures to, where they do.
    """

    def __init__(self, app: ASGIApp, pictures_from: str | None = None) -> None:
        self.app = app
        self.policy = policy(pictures_from)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def completing(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self.policy)
                complete(headers, scope["path"], scope["scheme"])
            await send(message)

        await self.app(scope, receive, completing)


def complete(headers: MutableHeaders, path: str, scheme: str) -> None:
    """Add what is missing to the headers of an answer."""
    headers.setdefault("Content-Security-Policy", policy())
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    # Scripts are asked for anew each time (and mostly answered 304), so that a page never runs the
    # script of another release. What people see stays out of caches: sign-out must mean something.
    headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", HSTS)
