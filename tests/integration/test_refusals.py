"""Codes that a lock calls duplicates: another one, or now and then another try."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewayd.domain.slot import Entry
from gatewayd.errors import Reason, Refused
from tests.fakes import FakeLock, FakeRadio
from tests.house import command
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, site, take
from tests.rounds import document, stay

DAY = 24 * HOUR


@dataclass(slots=True)
class Picky(FakeLock):
    """Calls so many more codes duplicates."""

    refusing: float = 0

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Refused, or as ever."""
        if self.refusing <= 0:
            return await FakeLock.write(self, entry, slot)
        self.refusing -= 1
        self._reach(f"write {slot}")
        raise Refused("the lock has it", Reason.DUPLICATE_CODE)


def picky(clock: VirtualClock, door: str, refusing: float = 0) -> tuple[FakeRadio, Picky]:
    """A radio with such a lock."""
    radio, lock = FakeRadio(clock), Picky(clock, refusing=refusing)
    radio.locks[door] = lock
    return radio, lock


def writes(lock: FakeLock) -> int:
    """How often it was written since the last time."""
    count = sum(x.startswith("write") for x in lock.touched)
    lock.touched.clear()
    return count


async def told(hub: Site, type_: str) -> int:
    rows = await hub.database.read.rows("SELECT count(*) FROM outbox WHERE type = ?", (type_,))
    return int(rows[0][0])


async def alerts(hub: Site) -> set[str]:
    return {code for (code,) in await hub.database.read.rows("SELECT code FROM alerts")}


async def test_a_told_code_that_a_lock_has_already_is_tried_once_a_day_after_the_first(
    tmp_path: Path,
) -> None:
    # suffering 4, S1-20, S1-8
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.codes[9] = "482913"  # a person's
        guest = stay("r1", "2026-07-01", "2026-07-20")
        guest |= {"code": "482913", "announced_at": "2026-07-01T08:00:00Z"}
        await take(hub.intake, command("reservation.put", guest, id="r1"))
        await hub.pass_(4 * HOUR)
        assert writes(lock) == 1
        await hub.pass_(DAY)
        assert writes(lock) == 5
        await hub.pass_(2 * DAY)
        assert writes(lock) == 2
        assert await told(hub, "code.changed") == 0
        del lock.codes[9]
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now"))
        await hub.pass_(MINUTE)
        assert [*lock.codes.values()] == ["482913"]


@pytest.mark.parametrize("doors", ["b", "ab"], ids=["the only lock", "one of two"])
async def test_a_lock_that_calls_every_code_a_duplicate_is_not_written_to_for_ever(
    tmp_path: Path, doors: str
) -> None:
    # suffering 4: what another door has shown does not begin it anew
    clock = VirtualClock()
    radio, lock = picky(clock, "b", refusing=float("inf"))
    async with site(tmp_path, clock, *doors, radio=radio) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-20")
        await hub.pass_(4 * HOUR)
        assert writes(lock) == 6
        await hub.pass_(3 * DAY)
        assert writes(lock) <= 8
        assert await told(hub, "code.changed") == 5
        assert "code_impossible" in await alerts(hub)


async def test_refusals_count_in_a_row(tmp_path: Path) -> None:
    # suffering 4, S1-20: three, then one that is taken, then three more
    clock = VirtualClock()
    radio, lock = picky(clock, "a", refusing=3)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-20")
        await hub.pass_(2 * HOUR)
        assert len(lock.codes) == 1
        radio.locks["b"] = Picky(clock, refusing=3)
        both = document("a", "b", version=2, pool=0)
        await take(hub.intake, command("site.put", both, id="both"))
        hub.doors = ("a", "b")
        await hub.pass_(HOUR)
        assert len(radio.locks["b"].codes) == 1
        assert await told(hub, "code.changed") == 6
        assert "code_impossible" not in await alerts(hub)
