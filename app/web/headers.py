"""Headers that keep a browser from doing what our pages never need."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": browsers then send "Origin: null" with our own forms, which sign-in refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000"


class SecurityHeaders:
    """ASGI middleware: adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def completing(message: Message) -> None:
            if message["type"] == "http.response.start":
                complete(MutableHeaders(scope=message), scope["path"], scope["scheme"])
            await send(message)

        await self.app(scope, receive, completing)


def complete(headers: MutableHeaders, path: str, scheme: str) -> None:
    """Add what is missing to the headers of an answer."""
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    # Scripts are asked for anew each time (and mostly answered 304), so that a page never runs the
    # script of another release. What people see stays out of caches: sign-out must mean something.
    headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", HSTS)
