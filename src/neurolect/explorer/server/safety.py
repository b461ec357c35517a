"""Who may ask, and what the page may do: checks of every request, and headers of every answer.

A page of another site can send a browser's requests to this machine, or have its own name resolve to it (DNS
rebinding): requests are answered only if they name this server as their host, and come from its own page.
"""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from neurolect.errors import OptionError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""What the page may load; an exported page has the same in a meta element."""
HEADERS = {
    "content-security-policy": f"{POLICY}; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE, PARAMETER = "neurolect-token", "token"
LONGEST_BODY = 64 << 10
"""Bytes of a request's body at most."""


def new_token(host: str) -> str | None:
    """Draw what has to be in the address; None for a server that only this machine reaches."""
    return None if is_loopback(host) else secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a server there.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("::1")
    (True, False, True)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int) -> socket.socket:
    """Take a port, 0 for any free one; refuse what cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        taken = socket.socket(family, socket.SOCK_STREAM)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
        except OSError:
            taken.close()
            raise
    except (OSError, OverflowError) as error:
        what = f"The address {host}, port {port}, cannot be served at: {error}."
        raise OptionError(what, hint="Give another --port, 0 for any free one.") from error
    return taken


class Guard:
    """Answers only requests that name this server and come from its own page, with the token if there is one.

    ``host``, ``port``: Where the server listens.
    """

    def __init__(self, app: App, *, host: str, port: int, token: str | None) -> None:
        self._app, self._token = app, token
        self._host, self._port = host.lower().strip("[]"), port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and put the headers on its answer."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            elif scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _answer(send, 403, refused)
        elif self._token is not None and self._given(scope) is not None:
            await self._enter(send)
        elif self._token is not None and not self._same(_cookie(headers.get("cookie", ""))):
            await _answer(send, 403, "Open the whole address that `neurolect serve` printed: its token is missing.")
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """Say why a request is not answered; None for one that is."""
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return "This method is not answered."
        if not self._is_ours(headers.get("host", "")):
            return "This server is asked under a name that is not its own."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers['host']}":
            return "A page of another site asks."
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return "A page of another site asks."
        if scope["method"] == "POST":
            if origin is None and "sec-fetch-site" not in headers:
                return "It is not said which page asks."
            size = headers.get("content-length", "")
            if not size.isdecimal() or int(size) > LONGEST_BODY:
                return f"A request has at most {LONGEST_BODY:,} bytes, and says how many."
        return None

    def _is_ours(self, host: str) -> bool:
        """Say whether a Host header names this server."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self._port or parts.netloc != host or "@" in host:
            return False
        if is_loopback(self._host):
            return name in LOOPBACK
        # behind a token a foreign name gains nothing; names of this machine and bare addresses are enough
        return name in (self._host, *LOOPBACK, socket.gethostname().lower()) or _is_address(name)

    def _given(self, scope: Scope) -> str | None:
        """Give the token of the address, if it is the right one."""
        found = parse_qs(scope["query_string"].decode("latin-1")).get(PARAMETER, [None])[0]
        return found if scope["path"] == "/" and self._same(found) else None

    def _same(self, found: str | None) -> bool:
        given, own = (found or "").encode(), (self._token or "").encode()
        return hmac.compare_digest(given, own)

    async def _enter(self, send: Send) -> None:
        """Keep the token as a cookie, and take it out of the address."""
        cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", extra={"location": "/", "set-cookie": cookie})


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(header: str) -> str | None:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _answer(send: Send, status: int, text: str, *, extra: dict[str, str] | None = None) -> None:
    body = text.encode()
    about = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
        "cache-control": "no-store",
    }
    headers = _encoded(HEADERS | about | (extra or {}))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """Put our headers on an answer."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [each for each in message.get("headers", []) if each[0].decode("latin-1").lower() not in HEADERS]
            message["headers"] = [*own, *_encoded(HEADERS)]
        await send(message)

    return sending
