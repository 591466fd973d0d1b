"""What the daily check costs on the real server: one exchange at a lock that tells a checksum, a
read for each code at one that does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.zwave import ZwaveSimulator
from tests.hub import Exchanges, ZwaveHub, opened
from tests.integration.conftest import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

V1, V2, SLOTS, GUESTS = 2, 5, 22, 20
ONE_READ = {"get": 1, "set": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def large() -> AsyncIterator[ZwaveSimulator]:
    """Locks with room for twenty guests."""
    async with ZwaveSimulator(nodes=(V1, V2), slots=SLOTS) as zwave:
        yield zwave


@asynccontextmanager
async def full(
    folder: Path, zwave: ZwaveSimulator, node: int, guests: int = GUESTS
) -> AsyncIterator[ZwaveHub]:
    """Guests are there, their codes are proven, and the lock is known as a whole."""
    for slot in (await zwave.node(node))["codes"]:
        await zwave.set_code(node, slot, None)
    await zwave.set_code(node, 1, "909090")  # a person's
    async with opened(folder, zwave, node) as hub:
        for command in [await hub.book(f"r{n}") for n in range(guests)]:
            await hub.done(command)
        await whole(hub)
        yield hub


@pytest_asyncio.fixture(loop_scope="module")
async def hub(large: ZwaveSimulator, tmp_path: Path) -> AsyncIterator[ZwaveHub]:
    """Three guests at a lock with a checksum."""
    async with full(tmp_path, large, V2, guests=3) as hub:
        yield hub


async def whole(hub: ZwaveHub) -> None:
    """Until it is known what each slot holds."""

    async def known() -> bool:
        return await hub.known() == SLOTS

    await eventually(known, within=60)


async def check(hub: ZwaveHub) -> Exchanges:
    """The daily check, now; returns the exchanges that it took."""
    await hub.zwave.reset_frames()
    await hub.done(await hub.send("health.run", {}))
    return await hub.exchanges()


async def test_twenty_codes_are_one_exchange_and_what_was_altered_is_found(
    large: ZwaveSimulator, tmp_path: Path
) -> None:
    # S1-9
    async with full(tmp_path, large, V2) as hub:
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


async def test_a_person_s_code_that_the_lock_reports_is_read_once_and_counts(hub: ZwaveHub) -> None:
    # S1-9
    await hub.zwave.set_code(V2, SLOTS, "808080")
    await hub.zwave.notify(V2, 6, 0x0E, (SLOTS,))

    async def told() -> bool:
        return len(await hub.told("lock.foreign_code")) == 2  # and the first

    await eventually(told)
    assert await check(hub) == ONE_READ


async def test_a_resync_reads_each_slot(hub: ZwaveHub) -> None:
    # S1-26
    await hub.zwave.reset_frames()
    await hub.done(await hub.send("lock.resync", {"lock_id": "a"}))
    await whole(hub)
    assert await hub.exchanges() == {"get": SLOTS, "set": 0}


@pytest.mark.long
async def test_twenty_codes_are_twenty_reads_where_a_lock_tells_no_checksum(
    large: ZwaveSimulator, tmp_path: Path
) -> None:
    # S1-9
    async with full(tmp_path, large, V1) as hub:
        assert await check(hub) == {"get": GUESTS, "set": 0}
        (checked,) = await hub.told("health.checked")
        assert (checked["data"]["keys_ok"], checked["data"]["keys_failing"]) == (GUESTS, [])
