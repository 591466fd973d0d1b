"""What a hub that lost its database waits for, and what it still knows of it."""

from datetime import datetime
from enum import StrEnum

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now
from gatewayd.store.database import Transaction


class Awaited(StrEnum):
    """What tells a hub what it knew."""

    REPORTED = "reported"
    SITE = "site"
    SNAPSHOT = "snapshot"


async def awaited(tx: Transaction) -> set[Awaited]:
    """What has not come yet; nothing: the hub knows what it can know."""
    return {Awaited(what) for (what,) in await tx.rows("SELECT what FROM awaited")}


async def came(tx: Transaction, what: Awaited) -> bool:
    """Wait for it no more; whether it was the last, so that the locks are to be looked at."""
    if not await tx.rows("DELETE FROM awaited WHERE what = ? RETURNING 1", (what,)):
        return False
    if await awaited(tx):
        return False
    tx.woken.update(LockId(id_) for (id_,) in await tx.rows("SELECT id FROM locks"))
    return True


def remember(
    tx: Transaction,
    *,
    lock_id: str,
    slot: int | None,
    key_id: str,
    fingerprint: str,
    ends: datetime | None,
) -> None:
    """A lease of the lost database; of one without a slot there is nothing to be found again."""
    row = (lock_id, slot, key_id, fingerprint, ends.timestamp() if ends else None)
    if slot is not None:
        tx.later("INSERT OR IGNORE INTO lost_leases VALUES (?, ?, ?, ?, ?)", row)


async def lost_keys(tx: Transaction, now: Now) -> list[KeyId]:
    """Those that had codes on locks and are not over."""
    sql = "SELECT DISTINCT key_id FROM lost_leases WHERE ends > ?"
    return [KeyId(key) for (key,) in await tx.rows(sql, (now.earliest.timestamp(),))]
