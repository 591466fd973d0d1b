"""A hub from a backup: what it knows is older than what lies on its locks."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.app import hub as whole_hub
from gatewayd.config import Config, load
from gatewayd.store.archive import Manifest, pack, unpack
from simulators.broker import free_port
from tests.fakes import FakeLock, FakeRadio
from tests.house import Document
from tests.integration.test_app import CONFIG, SITE, rows
from tests.integration.test_rebuild import remember, snapshot, summary
from tests.integration.test_reconciler import MINUTE, VirtualClock
from tests.rounds import Site, of, site, stay

ARRIVAL, DEPARTURE, LATER = "2026-06-30", "2026-07-04", "2026-07-20"  # somebody who is there
DAY = 24 * 60 * MINUTE
FILE = "hub.db"
MADE = Manifest("o/s/h", "2026-07-01T12:00:00Z", "0.1.0")


class Life:
    """A hub's folder, its lock `a`, and the copy that was made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, VirtualClock()
        self.radio = FakeRadio(self.clock)
        self.packed = b""

    @property
    def lock(self) -> FakeLock:
        return self.radio.lock("a")

    def save(self) -> None:
        self.packed = pack(self.folder / FILE, MADE)

    async def end(self) -> None:
        """The card dies; another has the copy."""
        self.folder = self.folder / "restored"
        self.folder.mkdir()
        await unpack(self.packed, self.folder / FILE, self.clock, self.folder / "aside")
        self.lock.touched.clear()

    @asynccontextmanager
    async def site(self, *, restored: bool = False) -> AsyncIterator[Site]:
        """One hub after the other; what it draws and what it is told is never what was before."""
        async with site(
            self.folder,
            "a",
            radio=self.radio,
            clock=self.clock,
            pool=0,
            restored=restored,
            chance=1 + restored,
        ) as hub:
            hub.numbers = 100 * restored
            yield hub

    def changes(self) -> list[str]:
        """What was done to the lock, besides reading it."""
        return [x for x in self.lock.touched if x.startswith(("write", "clear"))]


async def test_what_was_put_since_is_left_alone_until_the_cloud_speaks_of_it(
    tmp_path: Path,
) -> None:
    # suffering 29
    life = Life(tmp_path)
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
        await hub.book("R2", ARRIVAL, DEPARTURE)
        codes = dict(life.lock.codes)
        code = await hub.code("res:R2")
        said = await summary(hub)
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, said)
        await hub.pass_(10 * MINUTE)
        assert life.lock.codes == codes
        assert life.changes() == []
        read = {int(x.removeprefix("observe ")) for x in life.lock.touched if "observe" in x}
        assert read == set(range(1, life.lock.slots + 1))  # also what nobody waits for
        told = of(await hub.all_told(), "code.confirmed")
        assert [x["key_id"] for x in told] == ["res:R1", "res:R1"]  # anew, by a look
        await snapshot(
            hub, stay("R1", ARRIVAL, DEPARTURE), stay("R2", ARRIVAL, DEPARTURE) | {"code": code}
        )
        await hub.pass_(10 * MINUTE)
        assert [x["key_id"] for x in of(await hub.all_told(), "code.confirmed")][2:] == ["res:R2"]
        assert life.lock.codes == codes
        assert life.changes() == []
        await hub.send("reservation.cancel", {"id": "R2", "version": 2})
        await hub.pass_(MINUTE)
        assert code not in life.lock.codes.values()


@pytest.mark.parametrize("lists", [False, True], ids=["slots", "list"])
async def test_a_stay_that_was_extended_since_does_not_end(tmp_path: Path, lists: bool) -> None:
    life = Life(tmp_path)
    life.lock.numbers_itself = lists  # it keeps to the window by itself
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
        await hub.book("R1", ARRIVAL, LATER, version=2)
        there = dict(life.lock.codes), dict(life.lock.windows)
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, None)
        await hub.pass_(4 * DAY)
        assert life.changes() == []
        await snapshot(hub, stay("R1", ARRIVAL, LATER) | {"version": 2})
        await hub.pass_(10 * MINUTE)
    assert (life.lock.codes, life.lock.windows) == there
    assert not [x for x in life.changes() if x.startswith("clear")]


async def test_a_code_that_was_removed_since_does_not_come_back(tmp_path: Path) -> None:
    life = Life(tmp_path)
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
        await hub.send("reservation.cancel", {"id": "R1", "version": 2})
        await hub.pass_(10 * MINUTE)
        assert life.lock.codes == {}
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, None)
        await hub.pass_(10 * MINUTE)
        await snapshot(hub)
        await hub.pass_(10 * MINUTE)
    assert life.changes() == []


async def test_a_code_that_lies_where_ours_was_is_not_cleared_behind_its_mask(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path)
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
        (slot,) = life.lock.codes
    life.lock.codes[slot], life.lock.masked = "836152", True
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, None)
        await hub.pass_(10 * MINUTE)
        await snapshot(hub)
        await hub.pass_(10 * MINUTE)
    assert life.lock.codes == {slot: "836152"}
    assert life.changes() == []


async def test_our_code_that_lies_elsewhere_by_now_is_found_there(tmp_path: Path) -> None:
    life = Life(tmp_path)
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
        (slot,) = life.lock.codes
        life.lock.codes[slot] = "836152"
        await hub.send("lock.resync", {"lock_id": "a"})
        await hub.pass_(10 * MINUTE)
        codes, said = dict(life.lock.codes), await summary(hub)
        assert len(codes) == 2
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, said)
        await hub.pass_(10 * MINUTE)
        await snapshot(hub, stay("R1", ARRIVAL, DEPARTURE))
        await hub.pass_(10 * MINUTE)
    assert life.lock.codes == codes
    assert life.changes() == []


async def test_a_hub_that_was_saved_before_it_met_its_broker_waits_for_no_more_than_others(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path)
    async with life.site() as hub:
        await hub.book("R1", ARRIVAL, DEPARTURE)
        life.save()
    await life.end()
    async with life.site(restored=True) as hub:
        await remember(hub, b"")  # the broker never heard of it
        await hub.pass_(10 * MINUTE)
        await snapshot(hub)
        await hub.pass_(10 * MINUTE)
        assert await hub.alerts() == set()
    assert life.lock.codes == {}


async def day(config: Config) -> list[Document]:
    """A whole hub comes and goes; what waits for the cloud."""
    async with whole_hub(config, VirtualClock()):
        pass
    return [json.loads(e) for (e,) in await rows(config, "SELECT envelope FROM outbox")]


async def test_it_speaks_in_a_new_epoch_and_asks_for_all(tmp_path: Path) -> None:
    file = tmp_path / "gatewayd.toml"
    file.write_text(CONFIG.format(port=free_port()))
    (tmp_path / "site.toml").write_text(SITE.format(version=1))
    config = load(file)
    await day(config)
    packed = pack(config.store.path, MADE)
    old = await day(config)  # told by the old hub after the copy was made
    await unpack(packed, config.store.path, VirtualClock(), tmp_path / "aside")
    told = await day(config)
    new = [event for event in told if event["epoch"] != old[0]["epoch"]]
    assert {"hub.started", "snapshot.wanted"} <= {event["type"] for event in new}
    (alert,) = of(new, "alert.raised")
    assert alert["code"] == "database_lost"
    assert "lost, or is an older one" in alert["text"]  # nobody lost this one
    assert len({(event["epoch"], event["seq"], event["id"]) for event in old + told}) == len(
        {(event["epoch"], event["seq"]) for event in old + told}
    )
    again = await day(config)  # it goes on with that one
    assert {event["epoch"] for event in again} == {event["epoch"] for event in told}
