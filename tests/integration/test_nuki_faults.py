"""What fails around a Nuki lock: adapters, BlueZ, the bus and the air; whom the driver blames for
it, and what the lock holds afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gatewayd.errors import OutcomeUnknown, RadioDown
from tests.integration.conftest import NUKI, Site, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 3.0
"""Seconds: well below each of the driver's own limits."""
BACK_S = 20.0
"""Seconds until what came back is in use: the driver looks again every 10 s."""


@asynccontextmanager
async def once_asked(site: Site, command: str, **fault: Any) -> AsyncIterator[None]:
    """As soon as the lock is asked this, something happens to BlueZ; it has happened afterwards."""
    before = await site.sent(command)

    async def asked() -> bool:
        return await site.sent(command) > before

    async def happen() -> None:
        await eventually(asked)
        await site.sim.bus_faults(**fault)

    async with asyncio.TaskGroup() as group:
        group.create_task(happen())
        yield


async def works_again(site: Site, *codes: str) -> None:
    """The radio is back by itself; the lock holds what is said, and nobody holds a link to it."""
    async with asyncio.timeout(BACK_S):
        await site.radio.link.up.wait()
    assert await site.codes() == list(codes)
    assert len(await site.seen()) == len(codes)
    await eventually(lambda: _no_links(site))


async def _no_links(site: Site) -> bool:
    adapters = (await site.sim.bus())["adapters"].values()
    return not any(adapter["links"] for adapter in adapters)


# An adapter that goes


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_amid_a_session_is_an_offline_radio(
    site: Site, way: str
) -> None:
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.bus_faults(adapter="hci0", **{way: False})
        with pytest.raises(RadioDown):
            await session.observe([])
    assert site.radio.link.down.is_set()
    with pytest.raises(RadioDown):
        await site.seen()
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site)


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_while_an_answer_is_awaited_is_an_offline_radio(
    site: Site, way: str
) -> None:
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.faults(NUKI, slow_ms=700)
        async with once_asked(site, "request_data", adapter="hci0", **{way: False}):
            with pytest.raises(RadioDown):
                await session.observe([])
    await site.sim.faults(NUKI)
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site)


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_after_a_command_leaves_its_outcome_to_the_list(
    site: Site, way: str
) -> None:
    await site.sim.faults(NUKI, slow_ms=700)
    async with once_asked(site, "add_keypad_code", adapter="hci0", **{way: False}):
        with pytest.raises(OutcomeUnknown):
            await site.write()
    assert site.radio.link.down.is_set()
    await site.sim.faults(NUKI)
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site, "345678")
