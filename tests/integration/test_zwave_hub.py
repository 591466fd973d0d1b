"""Intake, reconciler and Z-Wave driver together on a simulated lock, by a clock of the test's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gatewayd.domain.observed import LOSSES
from simulators.zwave import ZwaveSimulator
from tests.clocks import LaterClock
from tests.hub import ZwaveHub, opened
from tests.integration.conftest import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

V1 = 2
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
