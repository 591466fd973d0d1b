"""The page for browsers: a few files, and the questions of the local door. It changes nothing,
unless it may; then only what `ACTIONS` names."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from importlib import resources

from aiohttp import web

from gatewayd.intake.parse import MAX_BYTES, strict_json
from gatewayd.web.door import closing
from gatewayd.web.guard import LOGIN, WRONG_EACH, Guard, secured
from gatewayd.web.parts import Parts
from gatewayd.web.port import listening
from gatewayd.web.problems import problems
from gatewayd.web.routes import ROUTES, Route

PAGES = ("/", "/locks/{id}", "/why", "/why/{id}")
"""One file for all of them: which it is, it reads from its address."""
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
ACTIONS = {"lock.sync_now", "health.run", "brake.confirm"}
"""The commands that the page sends."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Terms:
    """Where the page is, for whom, and whether it changes anything. `hosts`: names of the hub
    besides its address; `token`: None where none is wanted; `wrong_each`: seconds that a wrong one
    costs."""

    port: int
    bind: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    changes: bool = False
    wrong_each: float = WRONG_EACH


@contextlib.asynccontextmanager
async def served(terms: Terms, parts: Parts) -> AsyncIterator[None]:
    """Answer there for as long as the block lasts."""
    async with listening(application(terms, parts), terms.bind, terms.port, "page"):
        yield


def application(terms: Terms, parts: Parts) -> web.Application:
    """All that is answered."""
    guard = Guard((*LOOPBACK, terms.bind, *terms.hosts), terms.token, terms.wrong_each)
    app = web.Application(middlewares=[guard.check, problems], client_max_size=MAX_BYTES)
    app.on_response_prepare.append(secured)
    app.on_shutdown.append(partial(closing, parts))
    for path, (content, kind) in _files(terms).items():
        app.router.add_get(path, partial(_file, content, kind))
    app.router.add_post(LOGIN, guard.log_in)
    for route in ROUTES:
        op = route.operation
        if op.method == "GET":
            app.router.add_get(op.path, partial(route.answer, parts))
        elif op.path == "/v1/commands":
            app.router.add_post(op.path, partial(_change, route, terms, parts))
    return app


async def _change(
    route: Route, terms: Terms, parts: Parts, request: web.Request
) -> web.StreamResponse:
    """A command of the page's, where it may send any."""
    if not terms.changes:
        return web.Response(status=403, text="the page changes nothing; see page.changes")
    said = strict_json(await request.read())
    if not isinstance(said, dict) or said.get("type") not in ACTIONS:
        return web.Response(status=403, text="the page does not change this")
    return await route.answer(parts, request)


async def _file(content: bytes, kind: str, request: web.Request) -> web.Response:
    # The form's answer must tell where it comes from; nobody else is told.
    headers = {"Referrer-Policy": "same-origin"} if request.path == LOGIN else None
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)


def _files(terms: Terms) -> dict[str, tuple[bytes, str]]:
    """Each path with what is there, and of what kind that is."""
    found: dict[str, tuple[bytes, str]] = {}
    for file in (resources.files("gatewayd.web") / "static").iterdir():
        name, _, ending = file.name.rpartition(".")
        content = file.read_bytes()
        if ending != "html":
            found[f"/{file.name}"] = content, KINDS[ending]
        elif name == "login":
            found[LOGIN] = content, KINDS[ending]
        else:
            may = b"yes" if terms.changes else b"no"
            found |= dict.fromkeys(PAGES, (content.replace(b"{changes}", may), KINDS[ending]))
    return found
