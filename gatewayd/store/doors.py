"""A key's doors: where it is wanted, and where it stays until its other doors open."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.key import Door, Key
from gatewayd.domain.moment import Now, from_epoch
from gatewayd.domain.policy import ExternalDelete
from gatewayd.domain.retry import Retry
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction

LEAVE = "UPDATE doors SET withheld = ?, leaves = ? WHERE lock_id = ? AND key_id = ?"


def _left(at: Now, lock: LockId, key: KeyId) -> Sequence[object]:
    return Reason.MAPPING_MISSING, at.latest.timestamp(), lock, key


def put(tx: Transaction, key: Key, before: dict[LockId, Door], now: Now, *, moved: bool) -> None:
    """Instead of those before; `moved` as of a key."""
    tx.woken.update(before, key.doors)  # the window or the code may have changed
    if before == key.doors:
        return
    for lock in before.keys() - key.doors.keys():
        if moved and now.maybe_reached(before[lock].due):
            tx.later(LEAVE, _left(now, lock, key.id))
        else:
            tx.later("DELETE FROM doors WHERE lock_id = ? AND key_id = ?", (lock, key.id))
    for lock, door in key.doors.items():
        was = before.get(lock)
        due = was.due if was and door.stays(was.due, now) else door.due
        row = (lock, key.id, due.timestamp(), door.withheld, door.verify_after.total_seconds())
        kept = (door.retry, door.external_delete, door.free_slot_after.total_seconds())
        tx.later("INSERT OR REPLACE INTO doors VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", row + kept)


async def leave(tx: Transaction, key: KeyId, moved_at: Now | None) -> bool:
    """Whether a key has nothing but doors that it is leaving; with `moved_at` it leaves them all,
    now, for ones that are not known yet."""
    if moved_at is not None:
        there = await of(tx, key)
        tx.later(LEAVE, *((_left(moved_at, lock, key)) for lock in there))
        tx.woken.update(there)
    ((all_,),) = await tx.rows("SELECT min(leaves IS NOT NULL) FROM doors WHERE key_id = ?", (key,))
    return bool(all_)


async def of(tx: Transaction, key: KeyId, *, new: bool = False) -> dict[LockId, Door]:
    """The doors at which a key is wanted; a new one's, as yet, are none. Those that it leaves do
    not count."""
    rows = tx.ahead.pop(("doors", key), None)
    if new:
        return {}
    if rows is None:
        rows = await tx.rows(
            "SELECT lock_id, due, withheld, verify_after, retry, external_delete, free_slot_after "
            "FROM doors WHERE key_id = ? AND leaves IS NULL",
            (key,),
        )
    return {LockId(lock): door_of(row) for lock, *row in rows}


def door_of(row: Sequence[Any]) -> Door:
    """From the columns of the table, without its keys."""
    due, withheld, verify_after, retry, external_delete, free_slot_after = row
    return Door(
        from_epoch(due),
        Reason(withheld) if withheld else None,
        timedelta(seconds=verify_after),
        Retry(retry),
        ExternalDelete(external_delete),
        timedelta(seconds=free_slot_after),
    )


async def all_of(tx: Transaction, key: KeyId) -> list[LockId]:
    """Where a key is wanted, and where it stays."""
    rows = await tx.rows("SELECT lock_id FROM doors WHERE key_id = ? ORDER BY lock_id", (key,))
    return [LockId(lock) for (lock,) in rows]


def rewrite(tx: Transaction, key: Key) -> None:
    """A new code goes to the doors that it is leaving, too, unless it is withheld from one."""
    again = "UPDATE doors SET withheld = ? WHERE lock_id = ? AND key_id = ? AND leaves NOTNULL"
    tx.later(again, *((door.withheld, lock, key.id) for lock, door in key.doors.items()))
    tx.woken.update(key.doors)


async def shut(tx: Transaction, key: KeyId, shuts: Callable[[LockId], bool]) -> None:
    """Of the doors that a key is leaving those go at once that staff shuts."""
    rows = await tx.rows("SELECT lock_id FROM doors WHERE key_id = ? AND leaves NOTNULL", (key,))
    gone = [LockId(lock) for (lock,) in rows if shuts(LockId(lock))]
    tx.later("DELETE FROM doors WHERE lock_id = ? AND key_id = ?", *((lock, key) for lock in gone))
    tx.woken.update(gone)


async def leave_none_but(tx: Transaction, locks: Iterable[LockId]) -> None:
    """No key keeps a door that it is leaving at a lock that is no property's any more (S1-14)."""
    rows = await tx.rows(
        "DELETE FROM doors WHERE leaves NOTNULL "
        "AND lock_id NOT IN (SELECT value FROM json_each(?)) RETURNING lock_id",
        (json.dumps([*locks]),),
    )
    tx.woken.update(LockId(lock) for (lock,) in rows)
