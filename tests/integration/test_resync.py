"""`lock.resync`: done when the lock was read again and is as it should be, and told once."""

import json
from pathlib import Path

import pytest

from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.report import Used
from gatewayd.domain.situation import Situation
from gatewayd.reconciler.worker import Worker
from gatewayd.store import site as sites
from gatewayd.store.database import Transaction
from tests.house import command
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, reads, site, take


async def resync(hub: Site, id_: str) -> None:
    """Asked for by the cloud."""
    await take(hub.intake, command("lock.resync", {"lock_id": "a"}, id=id_))


async def done(hub: Site) -> list[str]:
    """The resyncs that are told, in that order."""
    rows = await hub.database.read.rows(
        "SELECT envelope FROM outbox WHERE type = 'command.done' ORDER BY seq"
    )
    causes = [json.loads(envelope)["cause"] for (envelope,) in rows]
    return [cause for cause in causes if cause.startswith("sync")]


async def occupied(hub: Site) -> None:
    """A guest's code is on the lock."""
    await hub.book("r1", "2026-07-01", "2026-07-09")
    await hub.pass_(HOUR)
    assert hub.lock("a").codes
    hub.lock("a").touched.clear()


async def test_a_resync_that_comes_while_the_lock_is_found_at_rest_waits_for_its_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await occupied(hub)
        rest, late = Worker._rest, ["sync"]

        async def committed_first(worker: Worker, seen: Situation) -> None:
            if late:
                await resync(hub, late.pop())
                await rest(worker, seen)
                assert await done(hub) == []
            else:
                await rest(worker, seen)

        monkeypatch.setattr(Worker, "_rest", committed_first)
        hub.radio.report("a", Used(None, opened=True))
        await hub.pass_(1)
        assert not late
        assert await done(hub) == ["sync"]
        assert reads(hub.lock("a")) == [1]


async def test_a_second_resync_is_not_lost_while_the_first_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await occupied(hub)
        resynced, late = sites.resynced, ["sync2"]

        async def another(tx: Transaction, lock: LockId) -> list[CommandId]:
            found = await resynced(tx, lock)
            if found and late:
                await resync(hub, late.pop())
            return found

        monkeypatch.setattr(sites, "resynced", another)
        await resync(hub, "sync1")
        await hub.pass_(HOUR)
        assert not late
        assert await done(hub) == ["sync1", "sync2"]


async def test_a_resync_is_not_done_while_a_code_is_missing(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        await occupied(hub)
        lock = hub.lock("a")
        lock.codes.clear()
        lock.refuses = True
        await resync(hub, "sync")
        await hub.pass_(5 * MINUTE)
        assert await done(hub) == []
        lock.refuses = False
        await hub.pass_(10 * MINUTE)
        assert lock.codes
        assert await done(hub) == ["sync"]
