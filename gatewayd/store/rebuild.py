"""What a hub that lost its database waits for, and what it still knows of it."""

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now
from gatewayd.domain.situation import Situation
from gatewayd.store.database import AWAIT, Transaction


class Awaited(StrEnum):
    """What tells a hub what it knew."""

    REPORTED = "reported"
    SITE = "site"
    SNAPSHOT = "snapshot"


async def awaited(tx: Transaction) -> set[Awaited]:
    """What has not come yet; nothing: the hub knows what it can know."""
    return {Awaited(what) for (what,) in await tx.rows("SELECT what FROM awaited")}


async def begin(tx: Transaction) -> None:
    """Wait for all of it."""
    await tx.rows(AWAIT)


async def unasked(tx: Transaction) -> bool:
    """Whether the broker was never asked for what a hub of this name said before this database."""
    return bool(await tx.rows("SELECT 1 FROM meta WHERE name = 'unasked'"))


def asked(tx: Transaction) -> None:
    """It was."""
    tx.later("DELETE FROM meta WHERE name = ?", ("unasked",))


ECHOED = """
INSERT OR IGNORE INTO echoed SELECT d.lock_id, d.key_id
FROM doors d JOIN keys k ON k.id = d.key_id JOIN reservations r ON r.id = k.reservation_id
WHERE d.due <= ? AND k.code = r.document ->> 'code'
    AND d.lock_id IN (SELECT lock_id FROM lost_locks)
"""


async def came(tx: Transaction, what: Awaited, now: Now) -> bool:
    """Wait for it no more; whether it was the last, so that the locks are to be looked at, also
    for the codes that were echoed."""
    if not await tx.rows("DELETE FROM awaited WHERE what = ? RETURNING 1", (what,)):
        return False
    if await awaited(tx):
        return False
    await tx.rows(ECHOED, (now.latest.timestamp(),))
    await tx.rows("DELETE FROM lost_locks WHERE lock_id NOT IN (SELECT lock_id FROM echoed)")
    tx.woken.update(LockId(id_) for (id_,) in await tx.rows("SELECT id FROM locks"))
    return True


def remember(
    tx: Transaction,
    *,
    lock_id: str,
    slot: int | None,
    key_id: str,
    fingerprint: str | None,
    ends: datetime | None,
) -> None:
    """A lease of the lost database; of one without a slot there is nothing to be found again."""
    row = (lock_id, slot, key_id, fingerprint, ends.timestamp() if ends else None)
    if slot is not None:
        tx.later("INSERT OR IGNORE INTO lost_leases VALUES (?, ?, ?, ?, ?)", row)


def remember_lock(tx: Transaction, lock: str, foreign_slots: Iterable[int]) -> None:
    """A lock of the lost database, and where codes were that are not ours."""
    row = (lock, json.dumps([*foreign_slots]))
    tx.later("INSERT OR IGNORE INTO lost_locks VALUES (?, ?)", row)


def save(tx: Transaction, before: Situation, after: Situation) -> None:
    """Forget what was found again, or is not there any more."""
    lock = after.lock
    lost = [(lock, lost.slot) for lost in before.lost if lost not in after.lost]
    tx.later("DELETE FROM lost_leases WHERE lock_id = ? AND slot = ?", *lost)
    if before.echoed and not after.echoed:
        tx.later("DELETE FROM echoed WHERE lock_id = ?", (lock,))
        tx.later("DELETE FROM lost_locks WHERE lock_id = ?", (lock,))


async def of_no_lock(tx: Transaction) -> list[tuple[KeyId, LockId]]:
    """Leases of locks that the site did not have any more when it came: they go."""
    sql = "DELETE FROM lost_leases WHERE lock_id NOT IN (SELECT id FROM locks) "
    rows = await tx.rows(f"{sql} RETURNING key_id, lock_id")
    return [(KeyId(key), LockId(lock)) for key, lock in rows]


async def lost_keys(tx: Transaction, now: Now) -> list[KeyId]:
    """Those that had codes on locks and are not over."""
    sql = "SELECT DISTINCT key_id FROM lost_leases WHERE ends > ?"
    return [KeyId(key) for (key,) in await tx.rows(sql, (now.earliest.timestamp(),))]
