"""Backup codes: keys of their own, with what is known of each."""

from gatewayd.domain.backup import PREFIX, Held, backup_of
from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import FOREVER, Now
from gatewayd.store.database import Transaction
from gatewayd.store.doors import door_of

HELD = """
SELECT b.id, b.code, b.label, b.issued_to,
    l.proof IN ('present', 'matched', 'used') AND l.stage = 'written' AND NOT l.missed
        AND l.reason IS NULL,
    b.issued_to IS NOT NULL AND NOT EXISTS (SELECT 1 FROM keys g JOIN doors o
        ON o.key_id = g.id AND o.lock_id = d.lock_id
        WHERE g.id = b.issued_to AND NOT g.revoked AND g.ends > ?1),
    d.due, d.withheld, d.verify_after, d.retry, d.external_delete, d.free_slot_after
FROM keys b LEFT JOIN doors d ON d.key_id = b.id
    LEFT JOIN leases l ON l.lock_id = d.lock_id AND l.key_id = b.id AND l.code = b.code
WHERE b.id >= ?2 AND b.id < ?3 AND b.ends >= ?4
"""


async def held(
    tx: Transaction, now: Now, lock: LockId | None = None
) -> dict[LockId, dict[int, Held]]:
    """The backups of a lock, or of all locks, by lock and number."""
    prefix = f"{PREFIX}{lock}:" if lock else PREFIX
    behind = prefix[:-1] + ";"  # what comes after the colon
    values = (now.earliest.timestamp(), prefix, behind, FOREVER.timestamp())
    found: dict[LockId, dict[int, Held]] = {}
    for id_, code, label, issued_to, proven, over, *row in await tx.rows(HELD, values):
        backup = backup_of(KeyId(id_))
        if backup is None or (lock and backup.lock != lock):
            continue
        door = door_of(row) if row[0] is not None else None
        there = Held(Code(code), bool(proven), issued_to, bool(over), label, door)
        found.setdefault(backup.lock, {})[backup.number] = there
    return found


async def issue(tx: Transaction, key: KeyId, guest: KeyId | None) -> None:
    """A guest has this backup; None: nobody any more. What it is worth at the lock has changed."""
    backup = backup_of(key)
    assert backup is not None  # noqa: S101  # only backups are issued
    await tx.rows("UPDATE keys SET issued_to = ? WHERE id = ?", (guest, key))
    tx.woken.add(backup.lock)
