"""A lock without a hub: the same library, the same three calls as the driver's, nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from zwave_js_server.client import Client
from zwave_js_server.const import CommandClass
from zwave_js_server.model.node import Node

ENABLED = 1
"""User ID Status of a slot whose code opens."""


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """A client that has loaded all nodes."""
    async with aiohttp.ClientSession() as http:
        client = Client(url, http)
        await client.connect()
        loaded = asyncio.Event()
        listening = asyncio.create_task(client.listen(loaded))
        try:
            async with asyncio.timeout(10):
                await loaded.wait()
            yield client
        finally:
            listening.cancel()
            await asyncio.wait([listening])


class RawLock:
    """One node."""

    def __init__(self, client: Client, node: int) -> None:
        if client.driver is None:
            raise RuntimeError("the client has not loaded its nodes")
        self._node: Node = client.driver.controller.nodes[node]

    async def proven_write(self, slot: int, code: str) -> None:
        """Get, set, get: read the slot, write it, read it back."""
        await self._call("get", slot)
        await self._call("set", slot, ENABLED, code)
        shown = await self._call("get", slot)
        if shown["userCode"] != code:
            raise RuntimeError("the lock does not show the code that was written")

    async def _call(self, method: str, *args: object) -> Any:
        return await self._node.async_invoke_cc_api(
            CommandClass.USER_CODE, method, *args, wait_for_result=True
        )
