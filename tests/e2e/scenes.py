"""What must be the same on every kind of lock."""

from datetime import UTC, datetime, timedelta

from tests.e2e.conftest import Door, Site, eventually

DAY = timedelta(days=1)


async def who_gets_a_code_and_when(site: Site, door: Door) -> None:
    """Blocks, a phone that comes later, a guest who must check in, one who leaves early, and the
    code of a stay that was lately."""
    blocks = {"blocks": True}
    await site.cloud.done(await site.book("block", kind="block"))
    await site.cloud.done(await site.book("mutual", kind="mutual_block", policy=blocks))
    await site.cloud.done(await site.book("works", kind="block", policy=blocks))
    works = await site.code("works")
    assert await door.holds(works)

    phone = {"pin": {"source": "phone", "length": 6, "missing_phone": "wait"}}
    nobody = {"name": "Quentin Zyxwvut", "phone": None}
    await site.cloud.answer(await site.book("waits", guest=nobody, policy=phone))
    assert site.count("code.assigned", reservation_id="waits") == 0
    guest = {"phone": "+41 79 413 36 47"}
    await site.cloud.done(await site.book("waits", 2, guest=guest, policy=phone))
    late = await site.told("code.assigned", reservation_id="waits", late=True)
    assert late["data"]["display"] == "133647"
    assert await door.holds(works, "133647")

    checks_in = {"provision_at": "check_in"}
    await site.cloud.answer(await site.book("later", policy=checks_in))
    code = await site.code("later")
    await site.cloud.done(await site.book("other"))
    other = await site.code("other")
    assert await door.holds(works, "133647", other)
    await site.say("reservation.check_in", id="later", at=datetime.now(UTC).isoformat())
    assert await door.holds(works, "133647", other, code)
    await site.say("reservation.check_out", id="later", at=datetime.now(UTC).isoformat())
    assert await door.holds(works, "133647", other)  # early, and at once

    today = datetime.now(UTC).date()
    past = {"arrival": str(today - 9 * DAY), "departure": str(today - 5 * DAY)}
    await site.cloud.done(await site.book("other", 2, **past))
    refused = await site.cloud.answer(await site.book("echo", code=other))  # it was his lately
    assert refused["data"]["reason"] == "code_taken"
    wished = {"pin": {"policy": "preferred"}}
    await site.cloud.done(await site.book("wish", code=other, policy=wished))
    assert await door.holds(works, "133647", await site.code("wish"))
    assert not await door.holds(works, "133647", other)


async def a_backup_code_is_used_lent_and_changed(site: Site, door: Door) -> None:
    """The pool of the door has one code; its use by nobody is an alert, and the guest who had it
    leaves."""
    ready = str((await site.told("backup.ready", lock_id=door.id))["data"]["code"])
    assert await door.holds(ready)
    assert await door.opens(ready)
    used = await site.told("backup.used", lock_id=door.id, label="Backup-1")
    assert used["data"]["reservation_id"] is None
    await site.told("alert.raised", code="backup_unexplained", subject=f"{door.id}/Backup-1")
    await site.cloud.done(await site.book())
    await site.say("backup.issue", reservation_id="r1", doors=[door.id], reason="he rang")
    issued = await site.told("backup.issued", lock_id=door.id)
    assert issued["data"]["code"] == ready
    checked = await site.cloud.send("health.run", {})
    await site.cloud.done(checked)
    health = await site.told("health.checked")
    assert health["data"]["keys_ok"]
    assert not health["data"]["keys_failing"]
    now = datetime.now(UTC).isoformat()
    await site.cloud.send("reservation.check_out", {"id": "r1", "at": now})
    await site.told("backup.rotated", within=40, lock_id=door.id, reservation_id="r1")

    async def another() -> bool:
        codes = await door.codes()
        return len(codes) == 1 and codes != [ready]

    await eventually(another)


async def staff_changes_keys(site: Site, door: Door) -> None:
    """A door is taken and given back, a code that somebody saw is changed, and the codes of all."""
    await site.cloud.done(await site.book())
    first = await site.code()
    await site.say("key.revoke", id="res:r1", version=1, doors=[door.id])
    assert await door.holds()
    assert not await door.opens(first)
    await site.say("key.restore", id="res:r1", version=2, doors=[door.id])
    assert await door.holds(first)
    assert await door.opens(first)

    await site.say("code.regenerate", key_id="res:r1", reason="somebody saw it")
    changed = await site.told("code.changed", reservation_id="r1")
    second = str(changed["data"]["display"])
    assert await door.holds(second)
    assert not await door.opens(first)

    batch = await site.cloud.send("batch", {"select": {}, "mode": "all", "dry_run": False})
    await site.told_times(2, "code.changed", reservation_id="r1")
    await site.cloud.done(batch)

    async def another() -> bool:
        codes = await door.codes()
        return len(codes) == 1 and codes not in ([first], [second])

    await eventually(another)


async def somebody_tries_codes(site: Site, door: Door) -> None:
    """Ten wrong ones are an attack."""
    await site.settled(door.id)
    for n in range(10):
        assert not await door.opens(f"1119{n:02}")
    await site.told_times(10, "lock.wrong_code", lock_id=door.id)
    alert = await site.told("alert.raised", code="keypad_attack")
    assert alert["data"]["subject"] == door.id
