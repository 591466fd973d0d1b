"""Codes that should go and cannot at once, and codes that are wanted again before they went."""

from pathlib import Path

import pytest

from tests.house import Document, types
from tests.integration.test_reconciler import HOUR, MINUTE
from tests.rounds import RECHECK, Site, document, of, site

FAILED = ("removal_failed", "b/res:r1")


def idle(version: int) -> Document:
    """Two doors, of which one is not active."""
    whole = document("a", "b", version=version, pool=0, grace="1m")
    whole["locks"][1]["active"] = False
    return whole


async def check_in(hub: Site) -> None:
    """A guest of both doors; one of them is then not active any more."""
    await hub.book("r1", "2026-07-01", "2026-07-02")
    await hub.pass_(2 * HOUR)
    assert len(hub.lock("b").codes) == 1
    await hub.send("site.put", idle(2))
    hub.lock("b").touched.clear()


async def test_a_code_that_should_go_from_an_inactive_lock_is_told_and_not_touched(
    tmp_path: Path,
) -> None:
    # S2-20: nothing is written, and nothing is said to be done
    async with site(tmp_path, "a", "b", pool=0, grace="1m") as hub:
        await check_in(hub)
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(HOUR)
        told = await hub.all_told()
        (alert,) = of(told, "alert.raised")
        assert (alert["code"], alert["subject"]) == FAILED
        assert (alert["severity"], alert["reason"]) == ("critical", "lock_inactive")
        assert "set it active" in alert["what_to_do"]
        assert "C3" not in {e["cause"] for e in told if e["type"] == "command.done"}
        assert hub.lock("b").touched == []
        both = document("a", "b", version=3, pool=0, grace="1m")
        told = await hub.send("site.put", both)
        await hub.pass_(RECHECK)
        told += await hub.told()
        assert hub.lock("b").codes == {}
        assert "C3" in {e["cause"] for e in told if e["type"] == "command.done"}
        assert await hub.alerts() == set()


async def test_a_code_that_ends_at_an_inactive_lock_is_told(tmp_path: Path) -> None:
    # S2-20, S1-2
    async with site(tmp_path, "a", "b", pool=0, grace="1m") as hub:
        await check_in(hub)
        hub.clock.recheck = 20 * MINUTE
        await hub.pass_(19 * HOUR)
        assert await hub.alerts() == set()
        await hub.pass_(2 * HOUR)
        assert await hub.alerts() == {FAILED}
        assert hub.lock("b").touched == []


async def test_a_code_that_is_wanted_again_at_an_inactive_lock_is_no_alert(tmp_path: Path) -> None:
    # S2-20
    async with site(tmp_path, "a", "b", pool=0, grace="1m") as hub:
        await check_in(hub)
        await hub.send("key.revoke", {"id": "res:r1", "version": 1})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == {FAILED}
        await hub.send("key.restore", {"id": "res:r1", "version": 2})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == set()
        assert hub.lock("b").touched == []


async def test_an_inactive_lock_that_leaves_the_site_is_cleaned(tmp_path: Path) -> None:
    # S1-14: also of what should have gone before
    async with site(tmp_path, "a", "b", pool=0, grace="1m") as hub:
        await check_in(hub)
        await hub.book("r2", "2026-07-01", "2026-07-03")
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == {FAILED}
        told = await hub.send("site.put", document("a", version=3, pool=0, grace="1m"))
        assert hub.lock("b").codes == {}
        await hub.pass_(RECHECK)
        assert "code.removed" in types(told)
        assert await hub.alerts() == set()
        assert [*hub.lock("a").codes.values()] == [await hub.code("res:r2")]


@pytest.mark.parametrize("masked", [False, True])
async def test_a_code_that_did_not_go_and_is_wanted_again_is_proven_anew(
    tmp_path: Path, masked: bool
) -> None:
    # S3-12
    async with site(tmp_path, "b", pool=1, grace="1m") as hub:
        lock = hub.lock("b")
        lock.masked = masked
        await hub.book("r1", "2026-07-01", "2026-07-04")
        await hub.pass_(2 * HOUR)
        there = dict(lock.codes)
        lock.drops_writes = True
        await hub.send("key.revoke", {"id": "res:r1", "version": 1})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == {FAILED}
        lock.drops_writes = False
        told = await hub.send("key.restore", {"id": "res:r1", "version": 2})
        assert "code.confirmed" in types(told)
        assert "C3" in {e["cause"] for e in told if e["type"] == "command.done"}
        await hub.pass_(RECHECK)
        assert await hub.alerts() == set()
        states = {door["state"] for key in await hub.reported() for door in key["doors"]}
        assert states == {"proven"}
        hub.clock.recheck = 20 * MINUTE
        await hub.pass_(24 * HOUR)  # over 08:00 in New York
        told = await hub.all_told()
        assert len(of(told, "health.checked")) == 1
        assert of(told, "backup.issued") == []
        assert lock.codes == there


async def test_a_silent_lock_whose_code_is_wanted_again_has_no_code_that_should_go(
    tmp_path: Path,
) -> None:
    # S3-12
    async with site(tmp_path, "b", pool=0, grace="1m") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-04")
        await hub.pass_(2 * HOUR)
        hub.lock("b").dead = True
        await hub.send("key.revoke", {"id": "res:r1", "version": 1})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == {FAILED, ("lock_offline", "b")}
        await hub.send("key.restore", {"id": "res:r1", "version": 2})
        await hub.pass_(RECHECK)
        assert await hub.alerts() == {("lock_offline", "b")}
