"""Staff's word on keys."""

import json
from datetime import timedelta

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now
from gatewayd.store.database import Transaction

OVER = timedelta(days=7)
"""After its end; more than any change of zone or grace that could bring a key back."""
DOORS = ("add", "remove")
"""Where a document names doors."""


async def get(tx: Transaction, key: KeyId) -> tuple[int, str | None] | None:
    """Version and document (JSON; None: taken back), where staff ever said something."""
    if ("override", key) in tx.ahead:
        row = tx.ahead.pop(("override", key))
    else:
        row = await tx.row("SELECT version, document FROM overrides WHERE key_id = ?", (key,))
    return (row[0], row[1]) if row else None


def put(tx: Transaction, key: KeyId, version: int, document: str | None) -> None:
    """What staff says now."""
    tx.later("INSERT OR REPLACE INTO overrides VALUES (?, ?, ?)", (key, version, document))


async def forget_code(tx: Transaction, key: KeyId) -> None:
    """Staff asks for no code any more."""
    without = "UPDATE overrides SET document = json_remove(document, '$.code') WHERE key_id = ?"
    await tx.rows(without, (key,))


async def replace_lock(tx: Transaction, old: LockId, new: LockId) -> None:
    """What staff said of one lock is said of another."""
    rows = await tx.rows("SELECT key_id, version, document FROM overrides WHERE document NOT NULL")
    for key, version, text in rows:
        said = json.loads(text)
        for doors, name in ((said, "revoked_doors"), *((said.get("doors", {}), x) for x in DOORS)):
            if old in doors.get(name, ()):
                doors[name] = list(dict.fromkeys(new if x == old else x for x in doors[name]))
                put(tx, KeyId(key), version, json.dumps(said))


async def at_lock(tx: Transaction, lock: LockId) -> list[KeyId]:
    """The keys at a lock on which staff has said something."""
    rows = await tx.rows(
        "SELECT o.key_id FROM overrides o JOIN doors d ON d.key_id = o.key_id "
        "WHERE d.lock_id = ? AND document IS NOT NULL ORDER BY 1",
        (lock,),
    )
    return [KeyId(key) for (key,) in rows]


async def all_(tx: Transaction, now: Now) -> list[KeyId]:
    """The keys on which staff has said something, without those that are long over."""
    rows = await tx.rows(
        "SELECT key_id FROM overrides LEFT JOIN keys ON id = key_id WHERE document IS NOT NULL "
        "AND coalesce(ends, unixepoch(document->>'ends'), ?1) >= ?1 ORDER BY key_id",
        ((now.earliest - OVER).timestamp(),),
    )
    return [KeyId(key) for (key,) in rows]


async def forget(tx: Transaction, before: str) -> list[KeyId]:
    """What was said of stays and keys that are forgotten, and of keys by hand that never came to be
    and were to end before that day; returns them."""
    rows = await tx.rows(
        "DELETE FROM overrides WHERE key_id NOT IN (SELECT id FROM keys) "
        "AND iif(key_id GLOB 'res:*', substr(key_id, 5) NOT IN (SELECT id FROM reservations), "
        "coalesce(document->>'ends', '') < ?) RETURNING key_id",
        (before,),
    )
    return [KeyId(key) for (key,) in rows]
