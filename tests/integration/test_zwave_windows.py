"""Codes written ahead: held disabled (User Code V2), or limited by the lock's own schedules."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gatewayd.domain.code import Code
from gatewayd.domain.moment import Window
from gatewayd.domain.slot import Empty, Entry, Holds, Occupied
from gatewayd.errors import LockError, OutcomeUnknown, Reason, Refused, Unreachable, Unsupported
from gatewayd.locks.zwave.commands import LATE_ANSWER
from gatewayd.locks.zwave.lock import ZwaveLock
from gatewayd.locks.zwave.user_code import UserCodeSession
from simulators.zwave import ZwaveSimulator
from tests.integration.conftest import SkippingClock, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

V1, LIMITED, V2 = 2, 3, 5
SLOT, CODE = 4, Code("345678")
ENABLED, DISABLED = 1, 2


def window(from_h: float, until_h: float) -> Window:
    """Hours from now, in whole minutes."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return Window(now + timedelta(hours=from_h), now + timedelta(hours=until_h))


NOW, LATER, OVER = window(-1, 1), window(24, 48), window(-3, -2)


@dataclass
class Door:
    """A lock through the driver, and hands on it."""

    zwave: ZwaveSimulator
    node: int
    lock: ZwaveLock
    clock: SkippingClock = field(default_factory=SkippingClock)

    async def write(self, **limits: object) -> None:
        async with self.lock.session() as session:
            await session.write(Entry(CODE, **limits), SLOT)  # type: ignore[arg-type]  # by name

    async def seen(self) -> object:
        async with self.lock.session() as session:
            return (await session.observe([SLOT]))[SLOT]

    async def holds(self, **limits: object) -> bool:
        seen = await self.seen()
        assert isinstance(seen, Holds)
        return seen == Holds(seen.at, CODE, **limits)  # type: ignore[arg-type]  # by name

    async def opens(self) -> bool:
        return bool((await self.zwave.keypad(self.node, code=CODE.digits))["opened"])

    async def status(self) -> int | None:
        statuses: dict[int, int] = (await self.zwave.node(self.node))["statuses"]
        return statuses.get(SLOT)

    async def schedules(self) -> dict[int, list[str]]:
        schedules: dict[int, list[str]] = (await self.zwave.node(self.node))["schedules"]
        return schedules

    async def silent(self) -> None:
        """From now on the lock hears and says nothing."""
        await self.zwave.faults(self.node, mute=True)

    async def speaks(self) -> None:
        """It is healthy, and whatever it owed is long said."""
        await self.zwave.faults(self.node)
        self.clock.skipped += LATE_ANSWER

    async def exchanges(self) -> tuple[int, int]:
        count = (await self.zwave.frames())["exchanges"][self.node]
        return count["get"], count["set"]


@pytest_asyncio.fixture(loop_scope="session")
async def doors(zwave: ZwaveSimulator) -> AsyncIterator[dict[int, Door]]:
    """Empty and healthy locks."""
    clock = SkippingClock()
    async with running(zwave.url, clock) as (radio, _):
        locks = {node: radio.lock(str(node)) for node in (V1, LIMITED, V2)}
        doors = {node: Door(zwave, node, lock, clock) for node, lock in locks.items()}
        async with doors[LIMITED].lock.session() as session:
            for slot in await doors[LIMITED].schedules():  # of a code that was taken off by hand
                await session.clear(slot)
        yield doors
        for door in doors.values():
            await door.speaks()
            async with door.lock.session() as session:
                await session.clear(SLOT)


async def test_what_each_lock_can_do_is_known_without_a_frame(doors: dict[int, Door]) -> None:
    before = await doors[V1].zwave.frames()
    able = {node: await door.lock.capabilities() for node, door in doors.items()}
    after = await doors[V1].zwave.frames()
    assert after["exchanges"] == before["exchanges"]
    assert [(a.can_disable, a.enforces_windows) for a in able.values()] == [
        (False, False),
        (True, True),
        (True, False),
    ]
    assert {a.slots for a in able.values()} == {10}


async def test_a_code_is_held_disabled_and_enabled_later(doors: dict[int, Door]) -> None:
    door = doors[V2]
    await door.write(enabled=False)
    assert await door.holds(enabled=False)
    assert await door.status() == DISABLED
    assert not await door.opens()
    await door.write(enabled=True)
    assert await door.holds()
    assert await door.opens()


async def test_a_masked_code_still_tells_whether_it_is_enabled(doors: dict[int, Door]) -> None:
    door = doors[V2]
    await door.write(enabled=False)
    await door.zwave.faults(V2, obfuscate=True)
    seen = await door.seen()
    assert isinstance(seen, Occupied)
    assert not seen.enabled


async def test_a_lock_that_cannot_limit_a_code_does_not_get_it(doors: dict[int, Door]) -> None:
    with pytest.raises(Unsupported):
        await doors[V1].write(enabled=False)
    for node in (V1, V2):
        with pytest.raises(Unsupported):
            await doors[node].write(window=LATER)
        assert await doors[node].status() is None


@pytest.mark.parametrize(("limits", "opens"), [(NOW, True), (LATER, False), (OVER, False)])
async def test_the_lock_itself_holds_to_the_window(
    doors: dict[int, Door], limits: Window, opens: bool
) -> None:
    door = doors[LIMITED]
    await door.write(window=limits)
    assert await door.holds(window=limits)
    assert await door.opens() is opens
    shown = [at.strftime("%Y-%m-%dT%H:%M") for at in (limits.start, limits.end)]
    assert await door.schedules() == {SLOT: shown}


async def test_a_window_is_moved_and_taken_away(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=LATER)
    await door.write(window=NOW)
    assert await door.holds(window=NOW)
    assert await door.opens()
    await door.write(window=LATER)
    assert not await door.opens()
    await door.write()
    assert await door.holds()
    assert await door.opens()
    assert await door.schedules() == {}


async def test_a_longer_stay_never_disables_its_code(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=NOW)
    await door.zwave.reset_frames()
    async with door.lock.session() as session:
        await session.observe([SLOT])
        await session.write(Entry(CODE, window=LATER), SLOT)
        assert await door.exchanges() == (4, 1)
        seen = (await session.observe([SLOT]))[SLOT]
        assert seen == Holds(seen.at, CODE, window=LATER)
        await door.zwave.set_code(LIMITED, SLOT, None)
        await session.observe([SLOT])
        await session.write(Entry(CODE, window=NOW), SLOT)  # a whole write again
    assert await door.holds(window=NOW)


async def test_a_clear_leaves_no_schedule_for_the_next_code(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=OVER)
    await door.zwave.reset_frames()
    async with door.lock.session() as session:
        await session.clear(SLOT)
    assert await door.exchanges() == (0, 2)
    assert isinstance(await door.seen(), Empty)
    assert await door.schedules() == {}
    await door.zwave.set_code(LIMITED, SLOT, CODE.digits)
    assert await door.opens()


async def test_a_schedule_that_did_not_hear_of_its_end_is_erased_at_the_next_look(
    doors: dict[int, Door],
) -> None:
    door = doors[LIMITED]
    await door.write(window=OVER)
    await door.zwave.faults(LIMITED, ignoreSchedules=True)
    async with door.lock.session() as session:
        await session.clear(SLOT)
        assert isinstance((await session.observe([SLOT]))[SLOT], Empty)  # nor does it yet
    assert [*await door.schedules()] == [SLOT]
    await door.speaks()
    assert isinstance(await door.seen(), Empty)
    assert await door.schedules() == {}
    await door.zwave.reset_frames()
    assert isinstance(await door.seen(), Empty)
    assert await door.exchanges() == (1, 0)  # once


@pytest.mark.parametrize("limits", [{}, {"window": NOW}])
async def test_a_schedule_that_was_left_behind_does_not_limit_our_next_code(
    doors: dict[int, Door], limits: dict[str, Window]
) -> None:
    door = doors[LIMITED]
    await door.write(window=OVER)
    await door.zwave.set_code(LIMITED, SLOT, None)  # the hub knows of nothing
    await door.write(**limits)
    assert await door.holds(**limits)
    assert await door.opens()


async def test_a_schedule_that_did_not_hear_of_its_end_is_shown_with_the_code_that_it_limits(
    doors: dict[int, Door],
) -> None:
    door = doors[LIMITED]
    await door.write(window=OVER)
    await door.zwave.set_code(LIMITED, SLOT, None)
    await door.zwave.faults(LIMITED, ignoreSchedules=True)
    await door.write()
    await door.speaks()
    assert await door.holds(window=OVER)  # and so the plan writes it again
    await door.write()
    assert await door.holds()


async def test_a_code_whose_window_is_there_is_only_enabled_and_disabled(
    doors: dict[int, Door],
) -> None:
    # S3-6: hours that the hub keeps
    door = doors[LIMITED]
    await door.write(window=NOW, enabled=False)
    for enabled in (True, False):
        await door.zwave.reset_frames()
        async with door.lock.session() as session:
            await session.observe([SLOT])
            await session.write(Entry(CODE, enabled=enabled, window=NOW), SLOT)
            seen = (await session.observe([SLOT]))[SLOT]
        assert seen == Holds(seen.at, CODE, enabled, NOW)
        assert await door.opens() is enabled
        assert await door.exchanges() == (4, 1)


async def test_a_code_may_be_limited_and_disabled(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=NOW, enabled=False)
    assert await door.holds(window=NOW, enabled=False)
    assert not await door.opens()


@pytest.mark.parametrize("fault", ["dropSchedules", "refuseSchedules"])
async def test_a_code_without_its_window_never_opens(doors: dict[int, Door], fault: str) -> None:
    door = doors[LIMITED]
    await door.zwave.faults(LIMITED, **{fault: True})
    with pytest.raises(OutcomeUnknown) as unproven:
        await door.write(window=LATER)
    assert unproven.value.reason is Reason.MISMATCH
    assert CODE.digits not in repr(unproven.value)
    assert await door.status() == DISABLED
    assert not await door.opens()
    assert await door.holds(enabled=False)  # and so the plan sees that it is not done
    await door.zwave.faults(LIMITED)
    await door.write(window=LATER)
    assert await door.holds(window=LATER)


async def test_a_refused_code_leaves_no_schedule(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.zwave.faults(LIMITED, rejectAll=True)
    with pytest.raises(Refused):
        await door.write(window=NOW)
    assert await door.status() is None
    assert await door.schedules() == {}


async def test_a_lock_that_falls_silent_after_the_code_does_not_open(
    doors: dict[int, Door],
) -> None:
    door = doors[LIMITED]
    await door.write(window=LATER)
    await door.silent()
    with pytest.raises(Unreachable):
        await door.seen()
    door.clock.skipped += LATE_ANSWER
    with pytest.raises(LockError):
        await door.write(window=NOW)
    await door.speaks()
    assert not await door.opens()
    assert await door.holds(window=LATER)


async def test_no_answer_to_a_schedule_is_not_no_schedule(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=LATER)
    async with door.lock.session() as session:
        assert isinstance(session, UserCodeSession)
        year_day = session._year_day
        assert year_day is not None
        await door.silent()
        for user in (SLOT, SLOT + 1):  # zwave-js has a schedule in store, or none
            with pytest.raises(Unreachable):
                await year_day.read(user)
        await door.speaks()
        assert await year_day.read(SLOT) == LATER
        assert await year_day.read(SLOT + 1) is None


async def test_the_lock_s_local_time_is_made_utc(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=LATER)
    await door.zwave.zone(LIMITED, 300)  # by a person, months after the connection was made
    await door.write(window=NOW)
    assert (await door.zwave.node(LIMITED))["offset"] == 0
    assert await door.opens()


@pytest_asyncio.fixture(loop_scope="session")
async def abroad(doors: dict[int, Door]) -> AsyncIterator[Door]:
    """A lock that keeps its own zone."""
    door = doors[LIMITED]
    await door.zwave.zone(LIMITED, 300)
    await door.zwave.faults(LIMITED, keepsZone=True)
    yield door
    await door.zwave.zone(LIMITED, 0)


async def test_a_lock_that_keeps_its_zone_gets_no_window(abroad: Door) -> None:
    with pytest.raises(Refused) as doubt:
        await abroad.write(window=NOW)
    assert doubt.value.reason is Reason.CLOCK_IN_DOUBT
    assert await abroad.status() is None
    assert await abroad.schedules() == {}
    assert isinstance(await abroad.seen(), Empty)


async def test_a_lock_whose_zone_was_moved_is_still_read_and_cleared(
    doors: dict[int, Door],
) -> None:
    door = doors[LIMITED]
    await door.write(window=NOW)
    await door.zwave.zone(LIMITED, 300)
    await door.zwave.faults(LIMITED, keepsZone=True)
    assert await door.holds(window=NOW)
    with pytest.raises(Refused):
        await door.write(window=LATER)
    assert await door.holds(window=NOW)
    async with door.lock.session() as session:
        await session.clear(SLOT)
    assert isinstance(await door.seen(), Empty)
    assert (await door.zwave.node(LIMITED))["offset"] == 300  # a look changes nothing
    await door.zwave.zone(LIMITED, 0)


async def test_a_start_that_the_lock_clamps_is_as_good(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.zwave.faults(LIMITED, clampsStart=True)
    await door.write(window=NOW)
    seen = await door.seen()
    assert isinstance(seen, Holds)
    assert seen.window is not None
    assert (seen.window.start > NOW.start, seen.window.end) == (True, NOW.end)
    assert await door.opens()


async def test_a_window_is_only_as_good_as_the_lock_s_clock(doors: dict[int, Door]) -> None:
    door = doors[LIMITED]
    await door.write(window=NOW)
    await door.zwave.faults(LIMITED, clockAheadS=7200)
    assert await door.holds(window=NOW)  # nothing that can be read tells
    assert not await door.opens()


async def test_exchanges_of_a_verified_write(doors: dict[int, Door]) -> None:
    limited, plain = doors[LIMITED], doors[V2]
    await limited.zwave.reset_frames()
    for door, limits in ((limited, {"window": NOW}), (plain, {})):
        await door.seen()
        assert await door.exchanges() == (1, 0)
        await door.write(**limits)
        await door.seen()
    assert await limited.exchanges() == (5, 3)
    assert await plain.exchanges() == (2, 1)
