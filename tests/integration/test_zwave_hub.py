"""Intake, reconciler and Z-Wave driver together on a simulated lock, by a clock of the test's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gatewayd.domain.observed import LOSSES
from simulators.zwave import ZwaveSimulator
from tests.clocks import LaterClock
from tests.house import Document
from tests.hub import ZwaveHub, opened
from tests.integration.conftest import eventually
from tests.rounds import document

pytestmark = pytest.mark.asyncio(loop_scope="session")

V1, V2 = 2, 5
MINUTE = timedelta(minutes=1)
TOMORROW = datetime.now(UTC).date() + timedelta(days=1)


@pytest.fixture
def clock() -> LaterClock:
    """Tomorrow, 07:00 UTC."""
    return LaterClock(datetime.combine(TOMORROW, time(7), UTC) - datetime.now(UTC))


@pytest_asyncio.fixture(loop_scope="session")
async def hub(zwave: ZwaveSimulator, clock: LaterClock, tmp_path: Path) -> AsyncIterator[ZwaveHub]:
    """An empty lock, and left so."""
    async with opened(tmp_path, zwave, V1, clock) as hub:
        yield hub
    for slot in (await zwave.node(V1))["codes"]:
        await zwave.set_code(V1, slot, None)


async def holds(hub: ZwaveHub, *codes: str) -> None:
    """Until the lock does."""

    async def so() -> bool:
        return list((await hub.lock())["codes"].values()) == [*codes]

    await eventually(so)


async def test_the_hub_keeps_the_hours_of_a_lock_that_knows_none(
    hub: ZwaveHub, clock: LaterClock
) -> None:
    # S3-6
    days = [f"{TOMORROW + timedelta(days=n):%a}".lower() for n in range(7)]
    hours = {"days": [days[0], days[2]], "from": "08:00", "to": "12:00"}
    cleaner = {
        "id": "cleaner",
        "version": 1,
        "doors": {"add": ["a"]},
        "starts": f"{TOMORROW}T00:00",
        "ends": f"{TOMORROW + timedelta(days=4)}T00:00",
        "hours": hours,
    }
    await hub.send("key.put", cleaner)
    ((code,),) = await hub.database.read.rows("SELECT code FROM keys WHERE id = 'cleaner'")
    for day, hour, there in (
        (0, 8, [code]),
        (0, 12, []),
        (1, 9, []),
        (2, 8, [code]),
        (2, 12, []),
    ):
        moment = datetime.combine(TOMORROW + timedelta(days=day), time(hour), UTC)
        clock.pass_(moment - clock.now().latest)
        await hub.done(await hub.send("lock.sync_now", {"lock_id": "a"}))
        await holds(hub, *there)


async def test_another_writer_is_not_fought_for_ever(hub: ZwaveHub, clock: LaterClock) -> None:
    # suffering 2
    await hub.done(await hub.book("r1"))
    for times in range(1, LOSSES + 2):
        ((slot, _),) = (await hub.lock())["codes"].items()
        await hub.zwave.set_code(V1, slot, None)
        clock.pass_(2 * MINUTE)  # to the second look

        async def seen(times: int = times) -> bool:
            told = len(await hub.told("code.confirmed")), len(await hub.told("code.lost"))
            return told in {(times + 1, times), (LOSSES + 1, LOSSES + 1)}

        await eventually(seen)
    reasons = [event["data"]["reason"] for event in await hub.told("code.lost")]
    assert reasons == [None] * LOSSES + ["write_budget"]
    clock.pass_(10 * MINUTE)
    await hub.done(await hub.book("r2"))
    assert len((await hub.lock())["codes"]) == 1


async def test_a_code_that_is_typed_at_the_other_lock_tells_that_the_doors_are_swapped(
    hub: ZwaveHub,
) -> None:
    # suffering 27: in the site document each of two locks has the other's address
    locks = [{"id": id_, "name": id_, "driver": "zwave"} for id_ in "ab"]
    swapped, right = [V2, V1], [V1, V2]

    async def hang(version: int, addresses: list[int]) -> None:
        """A site document with both, at these addresses."""
        at = [x | {"address": str(n)} for x, n in zip(locks, addresses, strict=True)]
        site = document("a", "b", version=version, pool=0) | {"locks": at}
        await hub.done(await hub.send("site.put", site))

    async def commissioned(typed_at: int) -> Document:
        """A person stands at the door of `a`, at which that lock hangs."""
        before = len(await hub.told("lock.commissioned"))
        await hub.done(await hub.send("lock.commission", {"lock_id": "a"}))
        await eventually(there)
        ((code,),) = await hub.database.read.rows("SELECT code FROM keys WHERE id = 'commission:a'")
        await hub.zwave.keypad(typed_at, code=code)

        async def told() -> bool:
            return len(await hub.told("lock.commissioned")) > before

        await eventually(told)
        await eventually(gone)
        return dict((await hub.told("lock.commissioned"))[-1]["data"])

    async def there() -> bool:
        opened = await hub.told("lock.commissioning")
        return len(opened) > len(await hub.told("lock.commissioned"))

    async def gone() -> bool:
        nodes = [await hub.zwave.node(node) for node in (V1, V2)]
        leases = await hub.database.read.rows("SELECT 1 FROM leases")
        return not leases and not any(node["codes"] for node in nodes)

    await hang(2, swapped)
    told = await commissioned(typed_at=V1)
    assert (told["result"], told["other_lock_id"]) == ("swapped", "b")
    assert ("doors_swapped", "a+b") in await hub.alerts()
    await hang(3, right)
    assert await hub.alerts() == set()
    told = await commissioned(typed_at=V1)
    assert (told["result"], told["other_lock_id"]) == ("right", None)
    assert await hub.alerts() == set()
