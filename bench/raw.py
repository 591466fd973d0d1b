"""A lock without a hub: the same library, the same calls as the driver's, nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from zwave_js_server.client import Client
from zwave_js_server.const import CommandClass
from zwave_js_server.const.command_class.access_control import UserCredentialType
from zwave_js_server.model.access_control import SetUserOptions
from zwave_js_server.model.node import Node

PIN = UserCredentialType.PIN_CODE
ENABLED, DISABLED = 1, 2
"""User ID Status of a slot whose code opens, and of one whose code does not."""
WINDOW = {
    edge + name: number
    for edge, year in (("start", 20), ("stop", 40))
    for name, number in {"Year": year, "Month": 1, "Day": 1, "Hour": 12, "Minute": 0}.items()
}
"""A year day schedule that holds now; years are counted from 2000."""


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

    def __init__(self, client: Client, node: int, *, windows: bool) -> None:
        if client.driver is None:
            raise RuntimeError("the client has not loaded its nodes")
        self._node: Node = client.driver.controller.nodes[node]
        self._windows = windows

    async def proven_write(self, slot: int, code: str) -> None:
        """Read the slot, write it, read it back; with a window where the lock keeps one."""
        await self._code("get", slot)
        if self._windows:
            await self._call(CommandClass.SCHEDULE_ENTRY_LOCK, "getTimezone")
            await self._code("set", slot, DISABLED, code)
            await self._schedule("setYearDaySchedule", slot, WINDOW)
            await self._schedule("getYearDaySchedule", slot)
        await self._code("set", slot, ENABLED, code)
        shown = await self._code("get", slot)
        if shown["userCode"] != code:
            raise RuntimeError("the lock does not show the code that was written")
        if self._windows and await self._schedule("getYearDaySchedule", slot) != WINDOW:
            raise RuntimeError("the lock does not show the window that was written")

    async def _code(self, method: str, *args: object) -> Any:
        return await self._call(CommandClass.USER_CODE, method, *args)

    async def _schedule(self, method: str, user: int, *args: object) -> Any:
        slot = {"userId": user, "slotId": 1}
        return await self._call(CommandClass.SCHEDULE_ENTRY_LOCK, method, slot, *args)

    async def _call(self, command_class: CommandClass, method: str, *args: object) -> Any:
        return await self._node.async_invoke_cc_api(
            command_class, method, *args, wait_for_result=True
        )


class RawCredentials(RawLock):
    """One User Credential node: a user and its PIN, both of the slot's number."""

    async def proven_write(self, slot: int, code: str) -> None:
        """Read the PIN and what its user has, write both, read both back."""
        access = self._node.access_control
        await access.get_credential(PIN, slot)
        await access.get_credentials(slot)
        await access.add_user(slot, SetUserOptions(active=True, user_name=f"raw {slot}"))
        await access.set_credential(slot, PIN, slot, code)
        shown = await access.get_credential(PIN, slot)
        user = await access.get_user(slot)
        if shown is None or user is None or (shown.data, user.active) != (code, True):
            raise RuntimeError("the lock does not show the code that was written")
