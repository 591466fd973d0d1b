"""What is served over TCP beside the hub's own work."""

import contextlib
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

KEEPALIVE = 15.0
"""Seconds that a connection may lie idle."""
WAITING = 64
"""Connections that wait to be taken."""
GOODBYE = 1.0
"""Seconds that requests have at the end of the hub."""


@contextlib.asynccontextmanager
async def listening(app: web.Application, bind: str, port: int, what: str) -> AsyncIterator[None]:
    """Answer at this port for as long as the block lasts. Where that cannot be, the hub goes on
    without: guests need their codes more."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=GOODBYE,
        keepalive_timeout=KEEPALIVE,
    )
    await runner.setup()
    try:
        said = log.bind(bind=bind, port=port)
        try:
            await web.TCPSite(runner, bind, port, backlog=WAITING).start()
            said.info(f"{what}.served")
        except OSError as error:
            said.error(f"{what}.not_served", why=error.strerror or str(error))
        yield
    finally:
        await runner.cleanup()
