"""The control port: JSON over HTTP, on loopback only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from simulators.bluetooth.bus_verbs import set_bus_faults, shown_bus
from simulators.bluetooth.codes import Refused
from simulators.bluetooth.faults import Unclear
from simulators.bluetooth.verbs import VERBS, shown
from simulators.bluetooth.world import World

WORLD: Final = web.AppKey("world", World)
PATHS: Final = "GET /locks, GET /locks/N, POST /locks/N/VERB, GET and POST /bus/faults"


@asynccontextmanager
async def serving(world: World, port: int) -> AsyncIterator[int]:
    """Yields the port; 0 is any free one."""
    app = web.Application(middlewares=[_errors])
    app[WORLD] = world
    app.router.add_get("/locks", _locks)
    app.router.add_get("/locks/{lock}", _lock)
    app.router.add_post("/locks/{lock}/{verb}", _act)
    app.router.add_get("/bus/faults", _bus)
    app.router.add_post("/bus/faults", _set_bus)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What is not understood is refused in words."""
    try:
        return await handler(request)
    except Unclear as complaint:
        return web.json_response({"error": str(complaint)}, status=400)
    except Refused as refusal:
        said = f"the lock refuses: {refusal.code.name.lower()} (0x{refusal.code:02x})"
        return web.json_response({"error": said}, status=409)
    except web.HTTPNotFound as missing:
        text = missing.text if missing.text and "404" not in missing.text else f"there are {PATHS}"
        return web.json_response({"error": text}, status=404)
    except web.HTTPMethodNotAllowed as wrong:
        allowed = " or ".join(sorted(wrong.allowed_methods))
        text = f"{request.method} is not allowed here; {allowed} is"
        return web.json_response({"error": text}, status=405)


def _number(request: web.Request) -> int:
    locks = request.app[WORLD].locks
    text = request.match_info["lock"]
    if not text.isdecimal() or int(text) not in locks:
        raise web.HTTPNotFound(text=f"no lock {text}; there are 1 to {len(locks)}")
    return int(text)


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    try:
        body = json.loads(text or "{}")
    except ValueError as error:
        raise Unclear(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Unclear("want a JSON object")
    return body


async def _locks(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    return web.json_response([shown(world, number) for number in world.locks])


async def _lock(request: web.Request) -> web.Response:
    return web.json_response(shown(request.app[WORLD], _number(request)))


async def _act(request: web.Request) -> web.Response:
    number, verb = _number(request), request.match_info["verb"]
    if verb not in VERBS:
        raise web.HTTPNotFound(text=f"no verb {verb}; there are {', '.join(VERBS)}")
    return web.json_response(VERBS[verb](request.app[WORLD], number, await _body(request)))


async def _bus(request: web.Request) -> web.Response:
    return web.json_response(shown_bus(request.app[WORLD]))


async def _set_bus(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    await set_bus_faults(world, await _body(request))
    return web.json_response(shown_bus(world))
