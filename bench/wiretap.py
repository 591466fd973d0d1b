"""Between the hub and its broker: notes when the hub says something.

What comes after the hub (the broker, the cloud's socket) is no cost of the hub's, so the clock
stops here.
"""

import asyncio
import contextlib
import re
from time import perf_counter
from types import TracebackType
from typing import Self

SAID = re.compile(rb"/evt/([a-z]+\.[a-z]+)")
CHUNK = 65_536


class Wiretap:
    """A relay on a port of its own; `heard` holds when each type of event was first said.

    asyncio's sockets send at once (no Nagle), so the relay adds only its hop.
    """

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self.heard: dict[str, float] = {}

    @property
    def port(self) -> int:
        """Where the hub connects to."""
        if self._server is None:
            raise RuntimeError("the wiretap is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def _relay(self, hub: asyncio.StreamReader, to_hub: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(hub, to_broker, listen=True))
            group.create_task(self._pass_on(broker, to_hub, listen=False))

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, listen: bool
    ) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while chunk := await reader.read(CHUNK):
                now = perf_counter()
                writer.write(chunk)
                if listen:
                    for said in SAID.findall(chunk):
                        self.heard.setdefault(said.decode(), now)
