"""Who may see the page: whoever calls the hub by its name, comes from the page itself where
something is to change, and has the token where one is wanted."""

import asyncio
import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from gatewayd.web.problems import Handler

log = structlog.get_logger(__name__)

COOKIE = "gatewayd"
LOGIN = "/login"
OPEN = {LOGIN, "/page.css", "/icon.svg"}
"""What is shown without the token."""
WRONG_EACH = 1.0
"""Seconds for each wrong token, whoever tries: no more than 86,400 a day."""
SENT_WITHIN = 10.0
"""Seconds for the form."""
QUEUE = 8
"""Who tries while so many wait is sent away."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


async def secured(_: web.Request, response: web.StreamResponse) -> None:
    """On every answer, whatever it is."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


class Guard:
    """Lets through or refuses; `token`: None where none is wanted."""

    def __init__(
        self, hosts: Collection[str], token: str | None, wrong_each: float = WRONG_EACH
    ) -> None:
        self._hosts, self._wrong_each = frozenset(hosts), wrong_each
        self._token = token.encode() if token is not None else None
        self._one_at_a_time, self._trying = asyncio.Lock(), 0

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Before anything else is looked at."""
        if _name(request.host) not in self._hosts:
            return _refused("the hub has another name; page.hosts says which are its own")
        if request.method not in {"GET", "HEAD"} and not _from_here(request):
            return _refused("this comes from another page")
        if self._token is None or request.path in OPEN or self._known(request):
            return await handler(request)
        if request.path.startswith("/v1/"):
            return web.Response(status=401, text="log in first")
        return _sent_to(LOGIN)

    async def log_in(self, request: web.Request) -> web.Response:
        """The token, from the form; one that is right is kept by the browser until it is closed."""
        if self._trying >= QUEUE:
            return web.Response(status=429, text="too many try; wait a little")
        self._trying += 1
        try:
            async with asyncio.timeout(SENT_WITHIN):
                given = str((await request.post()).get("token", "")).encode()
            async with self._one_at_a_time:
                if self._token is not None and hmac.compare_digest(given, self._token):
                    response = _sent_to("/")
                    response.set_cookie(COOKIE, self._mark(), httponly=True, samesite="Strict")
                    return response
                log.warning("page.token_refused")
                await asyncio.sleep(self._wrong_each)
                return _sent_to(f"{LOGIN}#wrong")
        finally:
            self._trying -= 1

    def _known(self, request: web.Request) -> bool:
        given = request.cookies.get(COOKIE, "")
        return hmac.compare_digest(given.encode(errors="replace"), self._mark().encode())

    def _mark(self) -> str:
        """What the browser keeps: made from the token, which cannot be had from it."""
        return hmac.new(self._token or b"", b"gatewayd page", hashlib.sha256).hexdigest()


def _name(host: str) -> str | None:
    """Of a Host header, without the port, which `ssh -L` may change."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _from_here(request: web.Request) -> bool:
    try:
        return urlsplit(request.headers.get("Origin", "")).netloc == request.host
    except ValueError:
        return False


def _refused(why: str) -> web.Response:
    return web.Response(status=403, text=why)


def _sent_to(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
