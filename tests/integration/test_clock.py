"""A hub without a clock battery: what it writes down of the time, and says (faults 31, 32)."""

from datetime import timedelta
from pathlib import Path

import pytest

from gatewayd.cloud import witness
from gatewayd.cloud.witness import CloudTime
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.domain.moment import Now
from gatewayd.reconciler.housekeeping import Housekeeping
from gatewayd.reconciler.signals import Watch
from gatewayd.store import marks
from tests.clocks import NOON, SteppedClock
from tests.house import House, data, opened, types

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


async def look(house: House, clock: SteppedClock) -> list[str]:
    """One round of the watch; returns the types of all events so far."""
    await Watch(house.database, house.outbox, clock).look()
    await Housekeeping(house.database, house.outbox, clock).keep_mark()
    return types(await house.told())


async def test_the_last_certain_time_is_written_down_some_48_times_a_day(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        clock, written = SteppedClock(), set()
        clock.now()
        for _ in range(24 * 60):
            await look(house, clock)
            written.add(await marks.get(house.database.read))
            clock.pass_(MINUTE)
            clock.now()
        assert len(written) == 48


async def test_a_step_back_is_written_down_as_well(tmp_path: Path) -> None:
    # Fault 32
    async with opened(tmp_path) as house:
        clock = SteppedClock()
        for wall in (NOON + 400 * 24 * HOUR, NOON):
            clock.wall = wall
            clock.now()
            await look(house, clock)
            mark = await marks.get(house.database.read)
            assert mark is not None
            assert mark.at == wall


async def tell(house: House, event: Event) -> str:
    """Returns its id."""
    async with house.database.transaction() as tx:
        (told,) = await house.outbox.tell(tx, house.clock.now(), [event])
    return told.id


@pytest.mark.parametrize(("off", "late"), [(50 * HOUR, False), (100 * HOUR, True)])
async def test_after_a_power_cut_the_doubt_is_an_alert_and_a_long_one_is_told(
    tmp_path: Path, off: timedelta, late: bool
) -> None:
    # Fault 31
    async with opened(tmp_path) as house:
        clock = SteppedClock()
        clock.now()
        assert await look(house, clock) == []
        clock.reboot(off, NOON)
        clock.mark = await marks.get(house.database.read)
        assert await look(house, clock) == ["alert.raised"]
        assert await house.alerts() == {("clock_in_doubt", "hub")}
        clock.synchronised, clock.wall = True, clock.true
        told = await look(house, clock)
        assert await house.alerts() == set()
        assert ("hub.was_off" in told) is late
        if late:
            assert data(await house.told(), "hub.was_off")["until"].startswith("2027-07-05T16:00")


async def test_the_cloud_may_say_what_time_it_is(tmp_path: Path) -> None:
    """As a witness, which counts once the command is on disk."""
    async with opened(tmp_path) as house:
        clock = SteppedClock()
        clock.now()
        clock.reboot(50 * HOUR, NOON)
        latest = clock.now().latest
        house.database.committed = CloudTime(clock).committed
        said = {"utc": clock.true.isoformat(), "accuracy_s": 2}
        told = await house.send("time", said)  # it may have waited in the broker
        assert types(told) == ["command.accepted", "command.done"]
        assert clock.now() == Now(clock.true - 2 * SECOND, latest)
        started = await tell(house, HubStarted("1"))
        clock.pass_(3 * SECOND)
        await house.send("time", said | {"answers": started})  # 3 s on the way, or less
        assert clock.now().latest == clock.true + 5 * SECOND
        clock.pass_(HOUR)
        before = clock.now()
        again = {"utc": (clock.true + HOUR + 3 * SECOND).isoformat(), "accuracy_s": 2}
        for answers in ("another's", started, told[0]["id"]):  # what is told again is no question
            await house.send("time", again | {"answers": answers})
            assert clock.now().latest == before.latest
        wrong = {"utc": (clock.true - HOUR).isoformat(), "accuracy_s": 0}
        now = await tell(house, LockOnline(LockId("a")))
        await house.send("time", wrong | {"answers": now})
        now = await tell(house, LockOnline(LockId("b")))
        await house.send("time", again | {"answers": now})  # which corrects it
        assert clock.now().latest - clock.now().earliest < 5 * SECOND
        told = await house.send("time", {"utc": "2027-07-01T12:00:00", "accuracy_s": -1})
        assert types(told)[-1] == "command.rejected"


async def test_an_answer_to_what_was_told_long_ago_says_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "REMEMBERED", 6)
    async with opened(tmp_path) as house:
        clock = SteppedClock()
        house.database.committed = CloudTime(clock).committed
        first = await tell(house, HubStarted("1"))
        for n in range(6):
            await tell(house, raised(AlertCode.LOCK_FULL, f"l{n}"))
        clock.reboot(HOUR, NOON)
        before = clock.now().latest
        answer = {"utc": NOON.isoformat(), "accuracy_s": 0, "answers": first}
        await house.send("time", answer)
        assert clock.now().latest == before
