"""The real reconciler and store on locks in memory, in virtual time: hours pass at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from gatewayd.clock import RECHECK, Certain
from gatewayd.domain.moment import Now
from gatewayd.domain.plan import LockStep
from gatewayd.domain.reach import Reach
from gatewayd.domain.report import Alive, CodeDeleted, Tampered, Used
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Entry, Observation
from gatewayd.domain.steps import Result
from gatewayd.errors import LockError, RadioDown, Unanswered, Unreachable, Unsupported
from gatewayd.intake.accept import Intake
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.worker import Tools, Worker
from gatewayd.store import situations, status
from gatewayd.store.database import Database, open_database
from gatewayd.store.outbox import Outbox
from tests.fakes import Air, FakeLock, FakeRadio
from tests.house import HUB, Document, command
from tests.integration.conftest import until

MINUTE, HOUR = 60.0, 3600.0


@dataclass
class VirtualClock(Certain):
    """Moves only by `advance`, from one deadline of a waiting worker to the next."""

    wall: datetime = datetime(2026, 7, 1, 12, tzinfo=UTC)
    ticks: float = 1000.0
    boot: str = "boot-1"
    recheck: float = HOUR
    _waiting: list[tuple[float, asyncio.Event, asyncio.Event]] = field(default_factory=list)

    def now(self) -> Now:
        """Trusted."""
        return Now.exactly(self.wall)

    def tick(self) -> Tick:
        """Virtual seconds."""
        return Tick(self.ticks)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Until the event, or until `advance` gets there; all who look again do so together."""
        due = asyncio.Event()
        recheck = self.recheck - self.ticks % self.recheck
        pause = recheck if seconds is None else min(recheck, max(seconds, 0))
        entry = (self.ticks + pause, due, event)
        self._waiting.append(entry)
        event_task = asyncio.ensure_future(event.wait())
        due_task = asyncio.ensure_future(due.wait())
        try:
            await asyncio.wait({event_task, due_task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            event_task.cancel()
            due_task.cancel()
            self._waiting.remove(entry)

    async def settle(self, workers: int) -> None:
        """Until every worker waits, and nothing has told it to look again."""
        async with asyncio.timeout(20):
            while self._idle() != workers:  # noqa: ASYNC110  # they wait in many places
                await asyncio.sleep(0.001)

    def _idle(self) -> int:
        return sum(not due.is_set() and not event.is_set() for _, due, event in self._waiting)

    async def advance(self, seconds: float, workers: int) -> None:
        """Let time pass."""
        end = self.ticks + seconds
        await self.settle(workers)
        while self._waiting and (first := min(at for at, _, _ in self._waiting)) <= end:
            self._move(max(first, self.ticks))
            for at, due, _ in self._waiting:
                if at <= self.ticks:
                    due.set()
            await self.settle(workers)
        self._move(max(end, self.ticks))

    def pass_(self, seconds: float) -> None:
        """What is under way takes so long."""
        self._move(self.ticks + seconds)

    def _move(self, to: float) -> None:
        self.wall += timedelta(seconds=to - self.ticks)
        self.ticks = to


class Stop(Exception):
    """Ends all tasks of a hub."""


@dataclass
class Site:
    """A hub with a fake radio; `locks` are its locks in memory."""

    clock: VirtualClock
    database: Database
    intake: Intake
    radio: FakeRadio
    doors: tuple[str, ...]
    reconciler: Reconciler

    async def pass_(self, seconds: float) -> None:
        """Time passes."""
        await self.clock.advance(seconds, len(self.doors))

    async def book(self, id_: str, arrival: str, departure: str, version: int = 1) -> None:
        """A reservation of all doors."""
        stay = {
            "id": id_,
            "version": version,
            "property_id": "p",
            "arrival": arrival,
            "departure": departure,
            "confirmation_code": id_,
        }
        await take(self.intake, command("reservation.put", stay, id=f"{id_}-{version}"))

    def lock(self, door: str) -> FakeLock:
        """Its memory."""
        return self.radio.lock(door)


async def take(intake: Intake, message: Document) -> None:
    """As bytes, as they come."""
    await intake.accept(json.dumps(message).encode())


@asynccontextmanager
async def site(
    folder: Path,
    clock: VirtualClock,
    *doors: str,
    radio: FakeRadio | None = None,
    inventoried: bool = True,
    zone: str = "UTC",
) -> AsyncIterator[Site]:
    """All that is between the intake and the locks."""
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    radio = radio or FakeRadio(clock)
    reconciler = Reconciler({"fake": radio}, Tools(database, outbox, intake, clock))
    database.committed = reconciler.committed
    document = {
        "version": 1,
        "zone": zone,
        "policy": {"grace": "0"},
        "properties": [
            {
                "id": "p",
                "name": "P",
                "check_in": "13:00",
                "check_out": "10:00",
                "locks": list(doors),
            }
        ],
        "locks": [{"id": d, "name": d, "driver": "fake", "address": d} for d in doors],
    }
    await take(intake, command("site.put", document, id="site"))
    async with database.transaction() as tx:  # the inventory has tests of its own
        await tx.rows("UPDATE locks SET inventoried = ?", (inventoried,))
    await reconciler.answer_cut_off()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reconciler.run(group))
            await clock.settle(len(doors))
            yield Site(clock, database, intake, radio, doors, reconciler)
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


async def tries(hub: Site, door: str, seconds: float) -> list[float]:
    """Minutes from the first session to each that the lock was asked for."""
    lock = hub.lock(door)
    times: list[float] = []
    end = hub.clock.ticks + seconds
    while hub.clock.ticks < end:
        before = len(lock.touched)
        await hub.pass_(1.0)
        times += [hub.clock.ticks] * (len(lock.touched) - before)
    return times


async def test_the_ladder_of_a_dead_lock_is_exact_whatever_the_wall_clock_does(
    tmp_path: Path,
) -> None:
    # S3-13, S3-14, fault 32, suffering 21; faults 32, 40
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        hub.lock("a").dead = True
        start = clock.ticks
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await clock.settle(1)
        assert len(hub.lock("a").touched) == 0  # due 12:50, ten minutes before the window
        await hub.pass_(50 * MINUTE)
        first = clock.ticks
        assert first == start + 50 * MINUTE
        assert hub.lock("a").touched == ["session"]
        clock.wall += timedelta(hours=5)
        seen = await tries(hub, "a", 14 * MINUTE)
        clock.wall -= timedelta(hours=4)
        seen += await tries(hub, "a", 10 * MINUTE)
    assert [round((t - first) / MINUTE, 3) for t in seen] == [1, 2, 3, 5, 8, 13, 18, 23]


async def test_the_ladder_goes_on_after_a_restart_and_at_once_after_a_reboot(
    tmp_path: Path,
) -> None:
    # S3-13: survives restarts; fault 21
    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.lock("a").dead = True
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE)
        first = clock.ticks
        await hub.pass_(2.5 * MINUTE)
    assert len(radio.lock("a").touched) == 3
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        seen = await tries(hub, "a", 6 * MINUTE)
    assert [round((t - first) / MINUTE, 3) for t in seen] == [3, 5, 8]
    clock.boot, clock.ticks = "boot-2", 10.0
    radio.lock("a").touched.clear()
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        assert radio.lock("a").touched == ["session"]
        seen = await tries(hub, "a", 6 * MINUTE)
    assert [round((t - 10.0) / MINUTE, 1) for t in seen] == [5]


async def test_while_one_lock_s_answer_is_written_down_another_lock_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, conclude, goes_on = VirtualClock(), Worker._conclude, asyncio.Event()

    async def slow(worker: Worker, step: LockStep, result: Result, until: Tick) -> LockStep | None:
        if worker.lock == "a":
            await goes_on.wait()
        return await conclude(worker, step, result, until)

    monkeypatch.setattr(Worker, "_conclude", slow)
    async with site(tmp_path, clock, "a", "b", radio=FakeRadio(clock, sessions=2)) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-09")
        passing = asyncio.create_task(hub.pass_(50 * MINUTE))
        await until(lambda: bool(hub.lock("b").codes))
        assert hub.lock("a").touched == ["session", "observe 1"]
        goes_on.set()
        await passing
        assert hub.lock("a").codes == hub.lock("b").codes


async def test_of_two_sessions_there_is_one_exchange_at_a_time(tmp_path: Path) -> None:
    clock = VirtualClock()
    radio, air = FakeRadio(clock, sessions=2), Air(0.001)
    radio.lock("a").air = radio.lock("b").air = air
    async with site(tmp_path, clock, "a", "b", radio=radio) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE)
    assert (air.exchanges, air.most) == (6, 1)


async def test_a_lock_that_comes_back_is_served_at_once_and_a_flapping_one_is_not(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.dead = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE)
        lock.touched.clear()
        for _ in range(20):
            hub.radio.report("a", Alive())
            await hub.pass_(1)
        assert len(lock.touched) == 3
        await hub.pass_(6 * MINUTE)
        lock.dead = False
        hub.radio.report("a", Alive())
        await clock.settle(1)
        assert len(lock.codes) == 1


async def test_a_lock_that_nobody_needs_any_more_is_asked_until_it_answers(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.dead = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE)
        await take(hub.intake, command("reservation.cancel", {"id": "r1", "version": 2}))
        await hub.pass_(MINUTE)
        await eventually(hub, ("lock_offline", "a"))
        lock.dead = False
        await hub.pass_(5 * MINUTE)
        await eventually(hub)
        lock.touched.clear()
        await hub.pass_(HOUR)
        assert lock.touched == []


async def test_a_slot_is_kept_for_the_whole_stay(tmp_path: Path) -> None:
    # suffering 5
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await hub.book("before", "2026-06-30", "2026-07-02")
        await hub.book("long", "2026-07-01", "2026-07-08")
        for day in range(2, 7):
            await hub.book(f"d{day}", f"2026-07-0{day}", f"2026-07-0{day + 1}")
        await hub.pass_(2 * HOUR)
        kept = await slot_of(hub, "long")
        for _ in range(6):
            await hub.pass_(24 * HOUR)
            assert await slot_of(hub, "long") == kept


async def slot_of(hub: Site, reservation: str) -> int:
    """Where a stay's code lies."""
    sql = "SELECT slot FROM leases WHERE key_id = ?"
    ((slot,),) = await hub.database.read.rows(sql, (f"res:{reservation}",))
    return int(slot)


async def test_a_hub_timed_code_is_on_the_lock_for_its_window_and_the_lead(
    tmp_path: Path,
) -> None:
    # S1-2, S1-7, S1-12
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-02")  # 13:00 to 10:00
        await hub.pass_(50 * MINUTE - 1)
        assert not hub.lock("a").codes
        await hub.pass_(2)
        assert hub.lock("a").codes == hub.lock("b").codes != {}
        await hub.pass_(21 * HOUR + 10 * MINUTE - 2)
        assert hub.lock("a").codes
        await hub.pass_(61)
        assert not hub.lock("a").codes
        assert not hub.lock("b").codes


async def test_a_wall_clock_that_jumps_is_noticed_within_the_minute(tmp_path: Path) -> None:
    # Fault 32
    clock = VirtualClock(recheck=RECHECK)
    async with site(tmp_path, clock, "a") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-02")
        await hub.pass_(HOUR)
        assert hub.lock("a").codes
        clock.wall += timedelta(days=2)
        await hub.pass_(60)
        assert not hub.lock("a").codes


async def test_one_dead_lock_of_four_costs_the_others_nothing(tmp_path: Path) -> None:
    # suffering 7; fault 40
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b", "c", "d") as hub:
        hub.lock("a").dead = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.book("r2", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE)
        assert [len(hub.lock(d).codes) for d in "abcd"] == [0, 2, 2, 2]
        assert len(hub.lock("a").touched) == 1  # one probe for all its codes


async def test_at_rest_the_locks_are_left_alone(tmp_path: Path) -> None:
    # suffering 2
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(HOUR)
        hub.lock("a").touched.clear()
        await hub.pass_(24 * HOUR)
        assert hub.lock("a").touched == []


async def test_a_write_whose_answer_is_lost_is_read_before_it_is_repeated(tmp_path: Path) -> None:
    # Fault 44
    # faults 43, 44
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.loses_answers = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE + 1)
        assert [t for t in lock.touched if t != "session"] == ["observe 1", "write 1", "observe 1"]
        assert len(lock.codes) == 1


async def alerts(hub: Site) -> set[tuple[str, str]]:
    """Those that stand, but that stays here have no grace, which is known."""
    stand = set(await hub.database.read.rows("SELECT code, subject FROM alerts"))
    return stand - {("no_grace", "p")}


async def eventually(hub: Site, *standing: tuple[str, str]) -> None:
    """Wait until exactly these alerts stand."""
    async with asyncio.timeout(10):
        while await alerts(hub) != set(standing):  # noqa: ASYNC110  # told by another task
            await asyncio.sleep(0.001)


async def test_the_alert_of_a_reset_ends_when_all_that_is_due_is_there_again(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    radio = FakeRadio(clock)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        lock = hub.lock("a")
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(HOUR)
        codes = dict(lock.codes)
        lock.codes.clear()
        lock.dead = True
        hub.radio.report("a", CodeDeleted(None))
        await hub.pass_(MINUTE / 2)
        await eventually(hub, ("lock_reset", "a"), ("lock_offline", "a"))
    async with site(tmp_path, clock, "a", radio=radio) as hub:  # also over a restart
        await eventually(hub, ("lock_reset", "a"), ("lock_offline", "a"))
        lock.dead = False
        await hub.pass_(HOUR)
        assert lock.codes == codes
        await eventually(hub)
        for reset in range(2):  # a false one, then one of a lock that may stay empty
            if reset:
                await take(hub.intake, command("reservation.cancel", {"id": "r1", "version": 2}))
                await hub.pass_(MINUTE)
            hub.radio.report("a", CodeDeleted(None))
            await hub.pass_(MINUTE)
            await eventually(hub)
        events = await hub.database.read.rows("SELECT type FROM outbox")
        assert [type_ for (type_,) in events].count("lock.reset") == 3


async def test_an_open_cover_is_looked_at_or_forgotten_with_the_next_code(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b") as hub:
        for end in (Used(3, opened=True), None):
            for door in "ab":
                hub.radio.report(door, Tampered())
                hub.radio.report(door, Used(None, opened=True))  # a thumb turn
            await hub.pass_(1)
            await eventually(hub, ("lock_tampered", "a"), ("lock_tampered", "b"))
            for door in "ab":
                if end is None:
                    await take(hub.intake, command("lock.resync", {"lock_id": door}, id=door))
                else:
                    hub.radio.report(door, end)
            await hub.pass_(1)
            await eventually(hub)


async def test_a_driver_without_a_radio_is_told_until_no_lock_names_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    entry = {"id": "a", "name": "a", "driver": "fake", "address": "a"}
    strange = [entry, *({"id": x, "name": x, "driver": "faek", "address": x} for x in "bc")]
    document = {"zone": "UTC", "properties": []}
    async with site(tmp_path, clock, "a") as hub:
        typo = document | {"version": 2, "locks": strange}
        await take(hub.intake, command("site.put", typo, id="2"))
        await eventually(hub, ("radio_down", "faek"))
    async with site(tmp_path, clock, "a") as hub:
        await eventually(hub, ("radio_down", "faek"))
        mended = document | {"version": 3, "locks": [entry]}
        await take(hub.intake, command("site.put", mended, id="3"))
        await eventually(hub)


async def test_how_it_stands_with_a_radio_is_known_and_since_when(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        started = clock.now().latest
        assert hub.reconciler.reach() == {"fake": Reach(up=True, since=started)}
        await hub.pass_(60)
        hub.radio.unfit = "it is too old"
        hub.radio.link.change(up=False)
        down = Reach(up=False, since=clock.now().latest, why="it is too old")
        await until(lambda: hub.reconciler.reach()["fake"] == down)
        await hub.pass_(60)
        hub.radio.link.change(up=True)
        again = Reach(up=True, since=clock.now().latest)
        await until(lambda: hub.reconciler.reach()["fake"] == again)


async def test_the_doors_of_what_is_over_are_dropped(tmp_path: Path) -> None:
    # fault 14: decisions stay cheap
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-02")
        await hub.pass_(24 * HOUR)
        assert await hub.database.read.rows("SELECT * FROM doors") == []
        assert await hub.database.read.rows("SELECT * FROM leases") == []


async def test_a_lock_that_is_new_to_us_is_read_as_a_whole_once_and_in_no_hurry(
    tmp_path: Path,
) -> None:
    # sufferings 19, 26
    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.lock("a").codes[30] = "909090"
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await clock.settle(1)
        lock = hub.lock("a")
        assert reads(lock) == [*range(1, 11)]
        await hub.book("r1", "2026-06-30", "2026-07-09")
        await clock.settle(1)
        assert [*lock.codes] == [30, 1]  # a guest does not wait for it
        await hub.pass_(10.1)
        assert sorted({*reads(lock)}) == [*range(1, 31)]
        foreign = "SELECT count(*) FROM outbox WHERE type = 'lock.foreign_code'"
        assert await hub.database.read.rows(foreign) == [(1,)]
        summary = await status.reported(hub.database.read, clock.now(), clock, b"")
        assert [there["foreign_slots"] for there in summary["locks"]] == [[30]]
        lock.touched.clear()
        await take(hub.intake, command("lock.resync", {"lock_id": "a"}, id="again"))
        await hub.pass_(HOUR)
        assert {*reads(lock)} == {1}


def reads(lock: FakeLock) -> list[int]:
    """The slots that were read, in that order."""
    return [int(what.split()[1]) for what in lock.touched if what.startswith("observe")]


async def test_a_stay_that_is_extended_while_its_end_is_noted_keeps_its_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # suffering 22
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-02")
        await hub.pass_(HOUR)
        rest = Worker._rest

        async def late(worker: Worker, seen: Situation) -> None:
            """The extension is committed between the look and its note."""
            if situations.over(seen, clock.now()):
                await hub.book("r1", "2026-07-01", "2026-07-03", version=2)
            await rest(worker, seen)

        monkeypatch.setattr(Worker, "_rest", late)
        await hub.pass_(21 * HOUR + 5)
        assert len(hub.lock("a").codes) == 1


async def test_a_look_that_is_refused_takes_nothing_back_that_was_done(tmp_path: Path) -> None:
    # S1-11, suffering 16: a code that we put there is never forgotten
    class Jammed(FakeLock):
        """It cannot be read just after its first write."""

        jam = False

        async def write(self, entry: Entry, slot: int | None) -> int:
            self.jam = not self.codes
            return await super().write(entry, slot)

        async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
            if self.jam:
                self.jam = False
                raise Unsupported("the radio is jammed")
            return await super().observe(slots)

    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Jammed(clock)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-02")
        await hub.pass_(2 * HOUR)
        assert [*lock.codes] == [1]
        assert await hub.database.read.rows("SELECT slot, proof FROM leases") == [(1, "matched")]
        await hub.pass_(30 * HOUR)
        assert lock.codes == {}


async def test_one_slot_that_never_answers_is_left_out_of_the_inventory(tmp_path: Path) -> None:
    class Mute(FakeLock):
        """Slot 21 is silent."""

        async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
            if 21 in slots:
                raise Unanswered("no answer")
            return await super().observe(slots)

    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.locks["a"] = Mute(clock)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(5 * MINUTE)
        known = "SELECT inventoried, failures FROM locks"
        assert await hub.database.read.rows(known) == [(1, None)]
        assert await hub.database.read.rows("SELECT slot FROM slots WHERE seen = 'occupied'") == [
            (21,)
        ]


async def test_slots_that_never_answer_do_not_take_a_lock_down_that_then_wants_a_pause(
    tmp_path: Path,
) -> None:
    class Mute(FakeLock):
        """Slots 5 to 7 are silent; a late answer might be taken for the next one's."""

        pause = Tick(0.0)

        @asynccontextmanager
        async def session(self) -> AsyncIterator[FakeLock]:
            if self.clock.tick() < self.pause:
                raise RadioDown("not now")
            yield self

        async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
            if {5, 6, 7} & {*slots}:
                self.pause = Tick(self.clock.tick() + 10)
                raise Unanswered("no answer")
            return await super().observe(slots)

    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.locks["a"] = Mute(clock)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(5 * MINUTE)
        known = "SELECT inventoried, failures FROM locks"
        assert await hub.database.read.rows(known) == [(1, None)]
        assert await hub.database.read.rows("SELECT slot FROM slots WHERE seen = 'occupied'") == [
            (5,),
            (6,),
            (7,),
        ]
        offline = "SELECT 1 FROM outbox WHERE type = 'lock.offline'"
        assert await hub.database.read.rows(offline) == []


@dataclass(slots=True)
class Mute(FakeLock):
    """These slots are silent, for so many seconds each time."""

    mute: Collection[int] = ()
    seconds: float = 0.0

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        if {*self.mute} & {*slots}:
            self.touched.append("silence")
            assert isinstance(self.clock, VirtualClock)
            self.clock.pass_(self.seconds)
            raise Unanswered("no answer")
        return await super(Mute, self).observe(slots)


@pytest.mark.parametrize("seconds", [0.0, 1.2, 3.2, 7.0])
@pytest.mark.parametrize("masked", [False, True])
async def test_a_lock_with_many_mute_slots_is_read_at_one_more_exchange_for_each(
    tmp_path: Path, seconds: float, masked: bool
) -> None:
    # suffering 24
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = Mute(clock, codes={3: "909090"}, masked=masked, mute=range(11, 31), seconds=seconds)
    radio.locks["a"] = lock
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(20 * (seconds + 1))
        known = "SELECT inventoried, failures, asked FROM locks"
        assert await hub.database.read.rows(known) == [(1, None, 0)]
        assert await passed_over(hub) == [*([3] if masked else []), *range(11, 31)]
        assert await offline(hub) == 0
        assert lock.touched.count("silence") == 20
        assert len(reads(lock)) <= 10 + 20 + 1


async def passed_over(hub: Site) -> list[int]:
    """The slots that count as taken without a code that was seen."""
    rows = await hub.database.read.rows("SELECT slot FROM slots WHERE seen = 'occupied'")
    return [slot for (slot,) in rows]


async def offline(hub: Site) -> int:
    """How often that was told."""
    sql = "SELECT count(*) FROM outbox WHERE type = 'lock.offline'"
    ((times,),) = await hub.database.read.rows(sql)
    return int(times)


@pytest.mark.parametrize("mute", [{1}, {1, 2, 3}])
async def test_a_lock_of_which_the_first_slots_are_mute_is_read_as_well(
    tmp_path: Path, mute: set[int]
) -> None:
    # suffering 24
    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.locks["a"] = Mute(clock, mute=mute, seconds=1.2)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(10 * MINUTE)
        known = "SELECT inventoried, failures FROM locks"
        assert await hub.database.read.rows(known) == [(1, None)]
        assert await passed_over(hub) == sorted(mute)
        assert await offline(hub) == 1  # until one of its slots has answered


async def test_a_lock_that_falls_silent_amid_its_inventory_is_offline_and_read_when_it_is_back(
    tmp_path: Path,
) -> None:
    class Falls(Mute):
        """It falls silent with slot 12."""

        async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
            if 12 in slots and not self.mute and "silence" not in self.touched:
                self.mute = range(1, 31)
            return await super().observe(slots)

    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Falls(clock, seconds=1.2)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(2.5 * MINUTE)
        assert await passed_over(hub) == []
        assert await offline(hub) == 1
        assert reads(lock)[-1] == 11
        lock.mute = ()
        await hub.pass_(5 * MINUTE)
        known = "SELECT inventoried, failures FROM locks"
        assert await hub.database.read.rows(known) == [(1, None)]
        assert sorted({*reads(lock)}) == [*range(1, 31)]
        assert await passed_over(hub) == []
        assert await offline(hub) == 1


@pytest.mark.parametrize("mute", [{1}, {1, 2, 3}])
async def test_a_guest_gets_a_code_on_a_new_lock_whose_first_slots_are_mute(
    tmp_path: Path, mute: set[int]
) -> None:
    # suffering 24
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Mute(clock, mute=mute, seconds=1.2)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.book("r1", "2026-06-30", "2026-07-02")
        await hub.pass_(10 * MINUTE)
        assert len(lock.codes) == 1
        assert not {*lock.codes} & mute


@pytest.mark.parametrize(
    ("error", "reads"),
    [(Unreachable("no answer"), 6), (Unsupported("no keypad"), 1 + 6)],  # one as a numbered lock
)
async def test_a_list_that_cannot_be_read_climbs_the_ladder(
    tmp_path: Path, error: LockError, reads: int
) -> None:
    class Closed(FakeLock):
        """It shows no list."""

        async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
            self.touched.append("list")
            raise error

    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Closed(clock, numbers_itself=True)
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(8 * MINUTE + 1)
        assert lock.touched.count("list") == reads  # S3-13: at 0, 1, 2, 3, 5 and 8 minutes


@pytest.mark.parametrize("masked", [False, True])
async def test_at_another_lock_nothing_is_taken_for_ours(tmp_path: Path, masked: bool) -> None:
    # S1-11, S2-21: it has fewer slots, and a person's code where ours was
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        hub.lock("a").codes = {n: f"7700{n:02}" for n in range(1, 13)}
        await hub.book("r1", "2026-07-01", "2026-07-05")
        await hub.pass_(2 * HOUR)
        (code,) = [code for n, code in hub.lock("a").codes.items() if n == 13]
        new = hub.lock("b")
        new.slots, new.masked, new.codes = 14 if masked else 10, masked, {}
        if masked:
            new.codes[13] = "555555"
        document = {
            "version": 2,
            "zone": "UTC",
            "policy": {"grace": "0"},
            "properties": [
                {"id": "p", "name": "P", "check_in": "13:00", "check_out": "10:00", "locks": ["a"]}
            ],
            "locks": [{"id": "a", "name": "a", "driver": "fake", "address": "b"}],
        }
        await take(hub.intake, command("site.put", document, id="moved"))
        await hub.pass_(5 * MINUTE)
        assert new.codes == ({13: "555555", 1: code} if masked else {1: code})
