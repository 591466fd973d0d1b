"""The socket: bound for the group, served for as long as the hub runs."""

import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from gatewayd.errors import ConfigError
from gatewayd.intake.parse import MAX_BYTES
from gatewayd.web.parts import Parts
from gatewayd.web.port import GOODBYE, WAITING
from gatewayd.web.problems import problems
from gatewayd.web.routes import ROUTES

log = structlog.get_logger(__name__)

MODE = 0o660
"""For the daemon's user and its group."""
ANSWERS_WITHIN = 1.0
"""Seconds in which another daemon takes a connection."""


@contextlib.asynccontextmanager
async def served(path: str, parts: Parts) -> AsyncIterator[None]:
    """Answer at this socket for as long as the block lasts.

    Raises:
        ConfigError: another daemon answers there, or it cannot be bound.
    """
    runner = web.AppRunner(
        application(parts), access_log=None, handler_cancellation=True, shutdown_timeout=GOODBYE
    )
    with bound(Path(path)) as listening:
        await runner.setup()
        try:
            await web.SockSite(runner, listening, backlog=WAITING).start()
            log.info("local.served", socket=path)
            yield
        finally:
            await runner.cleanup()


def application(parts: Parts) -> web.Application:
    """All routes."""
    app = web.Application(middlewares=[problems], client_max_size=MAX_BYTES)
    for route in ROUTES:
        op = route.operation
        app.router.add_route(op.method, op.path, partial(route.answer, parts))
    app.on_shutdown.append(partial(closing, parts))
    return app


async def closing(parts: Parts, _: web.Application) -> None:
    """Who follows would stay for ever."""
    parts.followers.close()


@contextlib.contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """The socket itself."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with listening:
        try:
            _make_way(path)
            listening.bind(str(path))
            path.chmod(MODE)
        except OSError as error:
            why = error.strerror or str(error)
            raise ConfigError(f"local.socket {path}: {why}") from error
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    """A socket that nobody answers at is left of a daemon that is dead."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(ANSWERS_WITHIN)
        try:
            asked.connect(str(path))
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise
            path.unlink()
            return
    raise ConfigError(f"local.socket {path}: another gatewayd answers there; stop it first")
