"""The daily check at a lock that tells a checksum: one exchange, on the real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from simulators.zwave import ZwaveSimulator
from tests.hub import Exchanges, Hub, opened
from tests.integration.conftest import eventually

V2, SLOTS, GUESTS = 5, 22, 20
ONE_READ = {"get": 1, "set": 0}


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """Twenty guests are there, their codes are proven, and the lock is known as a whole."""
    async with ZwaveSimulator(nodes=(V2,), slots=SLOTS) as zwave:
        await zwave.set_code(V2, 1, "909090")  # a person's
        async with opened(tmp_path, zwave, V2) as hub:
            for command in [await hub.book(f"r{n}") for n in range(GUESTS)]:
                await hub.done(command)
            await whole(hub)
            yield hub


async def whole(hub: Hub) -> None:
    """Until it is known what each slot holds."""

    async def known() -> bool:
        return await hub.known() == SLOTS

    await eventually(known, within=60)


async def check(hub: Hub) -> Exchanges:
    """The daily check, now; returns the exchanges that it took."""
    await hub.zwave.reset_frames()
    await hub.done(await hub.send("health.run", {}))
    return await hub.exchanges()


async def test_twenty_codes_are_one_exchange_and_what_was_altered_is_found(hub: Hub) -> None:
    # S1-9
    for _ in range(2):  # what is known of the lock stays known
        assert await check(hub) == ONE_READ

    codes = (await hub.lock())["codes"]
    await hub.zwave.set_code(V2, 7, "808080")  # past the radio
    assert (await check(hub))["get"] > GUESTS
    assert len(await hub.told("code.lost")) == 1
    there = (await hub.lock())["codes"]
    assert set(codes.values()) <= set(there.values())  # that guest's is in another slot now
    assert there[7] == "808080"
    assert await check(hub) == ONE_READ


async def test_a_person_s_code_that_the_lock_reports_is_read_once_and_counts(hub: Hub) -> None:
    # S1-9
    await hub.zwave.set_code(V2, SLOTS, "808080")
    await hub.zwave.notify(V2, 6, 0x0E, (SLOTS,))

    async def told() -> bool:
        return len(await hub.told("lock.foreign_code")) == 2  # and the first

    await eventually(told)
    assert await check(hub) == ONE_READ


async def test_a_resync_reads_each_slot(hub: Hub) -> None:
    # S1-26
    await hub.zwave.reset_frames()
    await hub.done(await hub.send("lock.resync", {"lock_id": "a"}))
    await whole(hub)
    assert await hub.exchanges() == {"get": SLOTS, "set": 0}
