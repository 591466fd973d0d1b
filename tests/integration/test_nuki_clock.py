"""A lock's clock that cannot be set, or does not keep time: never a reason to write no codes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gatewayd.clock import HubClock
from gatewayd.domain.code import Code
from gatewayd.domain.moment import DRIFT, Mark
from gatewayd.domain.report import ClockSkew
from gatewayd.domain.retry import Tick
from gatewayd.domain.slot import Entry
from gatewayd.errors import Unreachable
from gatewayd.locks.nuki import connection
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.clocks import UNCERTAINTY
from tests.integration.conftest import Reports, eventually, listening, paired

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK = 3
HOUR = 3600
CODES = ["345671", "345672", "345673"]


class Later(HubClock):
    """The hub's clock, some time from now."""

    def __init__(self) -> None:
        super().__init__(UNCERTAINTY, lambda: self.certain, lambda: datetime.now(UTC) + self.by)
        self.by, self.certain = timedelta(), True

    def lose(self, off: timedelta) -> None:
        """A power cut of so long; nobody tells the time."""
        self.certain, self.boot = False, "another"
        before = datetime.now(UTC) - off - timedelta(seconds=self.tick())
        self.mark = Mark(before, Tick(0.0), "before")


@dataclass
class Site:
    """An empty lock, and a radio that hears it."""

    sim: BluetoothSimulator
    clock: Later
    radio: NukiRadio
    address: str
    heard: Reports

    async def write(self, digits: str) -> None:
        async with self.radio.lock(self.address).session() as session:
            await session.write(Entry(Code(digits)), None)

    async def look(self) -> None:
        async with self.radio.lock(self.address).session():
            pass

    async def codes(self) -> list[str]:
        """What is in the lock's own memory."""
        return [code["code"] for code in (await self.sim.lock(LOCK))["codes"]]

    async def sent(self) -> int:
        """How often the lock was told the time."""
        return int((await self.sim.lock(LOCK))["commands"].get("update_time", 0))

    async def skew(self) -> float:
        return float((await self.sim.lock(LOCK))["clock"]["skew_s"])

    def told(self) -> list[bool]:
        """Of each skew that was told whether it is mended."""
        return [report.mended for _, report in self.heard if isinstance(report, ClockSkew)]


@pytest_asyncio.fixture(loop_scope="session")
async def site(bluetooth: BluetoothSimulator, keyring: NukiKeyring) -> AsyncIterator[Site]:
    address = await paired(bluetooth, keyring, LOCK)
    clock = Later()
    async with listening(keyring, clock) as (radio, heard):
        yield Site(bluetooth, clock, radio, address, heard)
    await bluetooth.reset(LOCK)


@pytest.mark.parametrize("error", ["busy", "bad_parameter", "code_invalid", "bad_nonce"])
async def test_a_lock_that_refuses_the_time_takes_its_codes(site: Site, error: str) -> None:
    await site.sim.clock(LOCK, HOUR)
    await site.sim.faults(LOCK, reject={"error": error, "command": "update_time"})
    for digits in CODES:
        await site.write(digits)
    assert await site.codes() == CODES
    assert await site.sent() == 1
    assert site.told() == [False]


async def test_a_lock_that_does_not_answer_to_the_time_takes_its_codes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    await site.sim.clock(LOCK, HOUR)
    await site.sim.faults(LOCK, mute="update_time")
    for digits in CODES:
        await site.write(digits)
    assert await site.codes() == CODES
    assert await site.sent() == 1


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
async def test_a_link_that_breaks_at_the_time_costs_one_session(site: Site, fault: str) -> None:
    await site.sim.clock(LOCK, HOUR)
    await site.sim.faults(LOCK, **{fault: {"command": "update_time"}})
    with pytest.raises(Unreachable):
        await site.write(CODES[0])
    for digits in CODES:
        await site.write(digits)
    assert await site.codes() == CODES
    assert await site.sent() == 1


async def test_a_refused_pin_is_not_tried_again_by_what_comes_after_the_time(site: Site) -> None:
    await site.sim.clock(LOCK, HOUR)
    await site.sim.pin(LOCK, 4321)
    with pytest.raises(Unreachable, match="PIN"):
        await site.write(CODES[0])
    assert (await site.sim.lock(LOCK))["wrong_pins"] == 1


async def test_a_time_that_was_refused_is_sent_again_in_a_while(site: Site) -> None:
    await site.sim.clock(LOCK, HOUR)
    await site.sim.faults(LOCK, reject={"error": "busy", "command": "update_time"})
    await site.look()
    await site.sim.faults(LOCK)
    await site.look()
    assert await site.sent() == 1
    site.clock.by = timedelta(minutes=16)
    await site.look()
    assert await site.sent() == 2
    assert site.told() == [False, True]


async def test_a_clock_that_drifts_is_set_once_in_half_a_day(site: Site) -> None:
    await site.sim.clock(LOCK, HOUR, drift=50.0)

    async def off() -> bool:
        return await site.skew() > 60

    for _ in range(3):
        await eventually(off)
        await site.look()
    assert await site.sent() == 1
    assert site.told() == [True]
    await site.sim.clock(LOCK)
    site.clock.by = timedelta(hours=13)
    await site.look()
    assert await site.sent() == 2


async def test_a_hub_whose_clock_was_ahead_sets_a_lock_all_the_same(site: Site) -> None:
    site.clock.by = timedelta(days=900)
    await site.look()
    site.clock.by = timedelta()
    await site.look()
    assert await site.sent() == 2
    assert abs(await site.skew()) < 5


async def test_a_lock_whose_clock_was_right_is_a_witness_after_a_power_cut(
    site: Site, keyring: NukiKeyring
) -> None:
    # Fault 31
    await site.look()
    off = timedelta(hours=50)
    await keyring.clock_right(site.address, datetime.now(UTC) - off)
    site.clock.lose(off)
    before = site.clock.now()
    assert before.latest - before.earliest == UNCERTAINTY
    await site.look()
    now, true = site.clock.now(), datetime.now(UTC)
    assert timedelta(seconds=30) + off * DRIFT < true - now.earliest < timedelta(seconds=130)
    assert now.latest - before.latest < timedelta(minutes=1)  # it may have stood still


@pytest.mark.parametrize("ahead", [HOUR, 400 * 24 * HOUR])
async def test_a_lock_that_says_what_cannot_be_was_set_by_somebody(site: Site, ahead: int) -> None:
    """No guest is put out by one lock's word."""
    await site.look()
    site.clock.now()
    site.clock.certain = False  # the hub runs on, and knows the time by its ticks
    await site.sim.clock(LOCK, ahead)
    await site.look()
    assert abs(site.clock.now().earliest - datetime.now(UTC)) < timedelta(seconds=1)


async def test_a_lock_whose_clock_was_never_seen_right_is_none(site: Site) -> None:
    await site.sim.clock(LOCK, HOUR)
    await site.sim.faults(LOCK, reject={"error": "busy", "command": "update_time"})
    await site.look()
    site.clock.lose(timedelta(hours=50))
    before = site.clock.now()
    await site.look()
    assert site.clock.now().latest - before.latest < timedelta(minutes=1)


async def test_a_lock_that_lost_its_time_is_none(site: Site) -> None:
    """After its battery was changed it lives in the past."""
    await site.look()
    await site.sim.clock(LOCK, -60 * 24 * HOUR)
    site.clock.lose(timedelta(hours=50))
    await site.look()
    now = site.clock.now()
    assert now.latest - now.earliest == UNCERTAINTY


async def test_that_a_clock_is_right_is_written_down_once_a_day(
    site: Site, keyring: NukiKeyring
) -> None:
    async def noted() -> datetime | None:
        kept = await keyring.get(site.address)
        return kept.clock_right if kept else None

    await site.look()
    first = await noted()
    await site.look()
    assert first is not None
    assert await noted() == first
    await site.sim.clock(LOCK, 26 * HOUR)
    site.clock.by = timedelta(hours=26)
    await site.look()
    assert (await noted() or first) > first
    await site.sim.clock(LOCK, 40 * HOUR)
    await site.look()
    assert await noted() is None
