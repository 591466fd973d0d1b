"""Staff's word on keys."""

import json

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.store.database import Transaction

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


async def all_(tx: Transaction) -> list[KeyId]:
    """The keys on which staff has said something."""
    rows = await tx.rows("SELECT key_id FROM overrides WHERE document IS NOT NULL ORDER BY key_id")
    return [KeyId(key) for (key,) in rows]
