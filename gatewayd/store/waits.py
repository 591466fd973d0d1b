"""Commands that wait until their effect on a key is proven; each is told of that once."""

import json
from collections.abc import Iterable

from gatewayd.domain.ids import CommandId, KeyId
from gatewayd.domain.moment import Now
from gatewayd.store import situations
from gatewayd.store.database import Transaction

SETTLED = """
(SELECT json_group_array(command) FROM waits WHERE key_id = ?1
    AND NOT EXISTS (SELECT 1 FROM reservations
        WHERE id = substr(?1, 5) AND 'res:' || id = ?1 AND held IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM keys s JOIN doors d ON d.key_id = s.id LEFT JOIN leases l
        ON l.lock_id = d.lock_id AND l.key_id = d.key_id AND l.code = s.code
        WHERE s.id = ?1 AND s.timetable IS NULL AND d.withheld IS NULL AND d.leaves IS NULL
        AND (coalesce(l.proof, 'accepted') = 'accepted' OR l.stage <> 'written'
            OR abs(l.starts - s.starts) >= 60 OR abs(l.ends - s.ends) >= 60
            OR l.hours IS NOT NULL OR (NOT l.enabled AND s.starts <= ?2)))
    AND NOT EXISTS (SELECT 1 FROM leases l JOIN keys s ON s.id = l.key_id
        LEFT JOIN doors d ON l.lock_id = d.lock_id AND l.key_id = d.key_id
        WHERE l.key_id = ?1 AND (d.key_id IS NULL OR d.leaves IS NOT NULL
            OR (l.code <> s.code AND (d.withheld IS NULL OR s.handover IS NULL)))))
"""
"""The commands that wait for a key, where its reservation is not held, each door that is neither
withheld nor being left shows the key's code, within its window to the minute where the lock
enforces it, enabled once that has begun, and no other lease is left. Of a key with a timetable only
the last: what its doors should show depends on the hour. What has no key has nothing to show."""

TIMED = """
(SELECT json_group_array(d.lock_id) FROM keys s JOIN doors d ON d.key_id = s.id
    WHERE s.id = ?1 AND s.timetable IS NOT NULL AND d.withheld IS NULL AND d.leaves IS NULL)
"""


def put(tx: Transaction, key: KeyId, command: CommandId) -> None:
    """Let a command wait until the key is proven on all doors, or nothing of it is left."""
    tx.later("INSERT OR IGNORE INTO waits VALUES (?, ?)", (key, command))


async def settled(tx: Transaction, key: KeyId, now: Now) -> list[CommandId]:
    """The commands about a key if their effect is now proven on all doors; told only once."""
    if ("settled", key) in tx.ahead:
        commands, timed = tx.ahead.pop(("settled", key)), "[]"
    else:
        at = now.latest.timestamp()
        ((commands, timed),) = await tx.rows(f"SELECT {SETTLED}, {TIMED}", (key, at))
    if commands == "[]":
        return []
    for lock in json.loads(timed):
        there = await situations.load(tx, lock, now)
        claim = there.claims.get(key)
        if claim is None or not there.met(claim, now):
            return []
    tx.later("DELETE FROM waits WHERE key_id = ?", (key,))
    return [CommandId(command) for command in json.loads(commands)]


async def awaited(tx: Transaction, keys: Iterable[KeyId]) -> list[KeyId]:
    """Those of the keys for which a command waits."""
    rows = await tx.rows(
        "SELECT DISTINCT key_id FROM waits WHERE key_id IN (SELECT value FROM json_each(?))",
        (json.dumps([*keys]),),
    )
    return [KeyId(key) for (key,) in rows]


async def end(tx: Transaction, key: KeyId) -> list[CommandId]:
    """The commands that wait for a key of which nothing is left."""
    rows = await tx.rows("DELETE FROM waits WHERE key_id = ? RETURNING command", (key,))
    return [CommandId(command) for (command,) in rows]
