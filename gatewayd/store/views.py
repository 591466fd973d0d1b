"""What is shown at the local door: keys by their doors, counts, and what a command still waits for.
Codes are told by `codes` alone; no guest's name."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gatewayd.clock import Clock
from gatewayd.domain.code import Code
from gatewayd.domain.events.code import DoorState
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.lease import Proof
from gatewayd.domain.moment import FOREVER, Now, from_epoch
from gatewayd.store import status
from gatewayd.store.database import Transaction

PHASE = """
CASE WHEN revoked THEN 'revoked' WHEN ends <= ?1 THEN 'past' WHEN starts <= ?2 THEN 'current'
    ELSE 'upcoming' END
"""
"""Of a key, as `Window.phase` has it."""
KEYS = f"""
SELECT id, reservation_id, issued_to, {PHASE} AS status, starts, ends, timetable FROM keys
WHERE (?3 = '[]' OR {PHASE} IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR id = ?4)
    AND (?5 IS NULL OR reservation_id = ?5 OR issued_to = 'res:' || ?5)
    AND (?6 IS NULL OR id IN (SELECT key_id FROM doors WHERE lock_id = ?6
        UNION SELECT key_id FROM leases WHERE lock_id = ?6))
    AND (?7 IS NULL OR (ends >= ?8, starts, id) > (
        SELECT ends >= ?8, starts, id FROM keys WHERE id = ?7))
ORDER BY ends >= ?8, starts, id LIMIT ?9
"""  # noqa: S608  # constants
"""The nearest first, what has no end last; a backup belongs to the reservation that has it, too."""
LEFT = """
SELECT l.key_id, l.lock_id, l.proof FROM leases l WHERE l.key_id IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM doors d WHERE d.key_id = l.key_id AND d.lock_id = l.lock_id)
"""
"""Codes at doors at which their key is not wanted any more."""
ARRIVALS = """
SELECT lock_id, min(starts) FROM keys JOIN doors ON key_id = id
WHERE starts > ? AND leaves IS NULL GROUP BY lock_id
"""
USES = """
SELECT lock_id, data->>'at', at, key_id FROM journal WHERE seq IN (
    SELECT (SELECT max(seq) FROM journal WHERE lock_id = locks.id AND type = 'lock.used')
    FROM locks WHERE listed)
"""
WAITS = """
SELECT key_id, NULL FROM waits WHERE command = ?1
UNION ALL
SELECT NULL, id FROM locks WHERE cause IS NOT NULL AND ?1 IN (SELECT value FROM json_each(cause))
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys: all that is named must be so; nothing named: all of them."""

    status: tuple[str, ...] = ()
    key: str | None = None
    reservation: str | None = None
    lock: str | None = None


async def keys(
    tx: Transaction,
    now: Now,
    clock: Clock,
    wanted: Wanted,
    *,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Keys beyond the one named `after`, each with all its doors."""
    rows = await tx.rows(
        KEYS,
        (
            now.earliest.timestamp(),
            now.latest.timestamp(),
            json.dumps(wanted.status),
            wanted.key,
            wanted.reservation,
            wanted.lock,
            after,
            FOREVER.timestamp(),
            limit,
        ),
    )
    ids = [KeyId(id_) for id_, *_ in rows]
    doors = await status.door_states(tx, ids, now, clock)
    for key, lock, proof in await tx.rows(LEFT, (json.dumps(ids),)):
        left = DoorState(LockId(lock), "removing", Proof(proof) if proof else None)
        doors.setdefault(key, []).append(left)
    return [
        {
            "key_id": id_,
            "reservation_id": reservation,
            "issued_to": issued_to,
            "status": phase,
            "starts": from_epoch(starts),
            "ends": None if ends >= FOREVER.timestamp() else from_epoch(ends),
            "hours": timetable,
            "doors": doors.get(id_, []),
        }
        for id_, reservation, issued_to, phase, starts, ends, timetable in rows
    ]


async def known(tx: Transaction, key: str) -> bool:
    """Whether there is such a key."""
    return await tx.row("SELECT 1 FROM keys WHERE id = ?", (key,)) is not None


async def count(tx: Transaction, now: Now) -> Counter[str]:
    """How many keys there are in each status, besides those of backups."""
    rows = await tx.rows(
        f"SELECT {PHASE}, count(*) FROM keys WHERE ends < ?3 GROUP BY 1",  # noqa: S608  # a constant
        (now.earliest.timestamp(), now.latest.timestamp(), FOREVER.timestamp()),
    )
    return Counter(dict(rows))


async def codes(tx: Transaction, keys: Sequence[str]) -> dict[str, Code]:
    """The code of each of these keys."""
    rows = await tx.rows(
        "SELECT id, code FROM keys WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(keys),),
    )
    return {id_: Code(code) for id_, code in rows}


async def slots(tx: Transaction) -> dict[str, tuple[int, int]]:
    """How many codes of ours each lock has shown, and how many it has not yet."""
    rows = await tx.rows(
        "SELECT lock_id, sum(coalesce(proof, 'accepted') <> 'accepted'), count(*) FROM leases "
        "GROUP BY lock_id"
    )
    return {lock: (proven, total - proven) for lock, proven, total in rows}


async def arrivals(tx: Transaction, now: Now) -> dict[str, datetime]:
    """When the next key begins at each lock."""
    rows = await tx.rows(ARRIVALS, (now.latest.timestamp(),))
    return {lock: from_epoch(at) for lock, at in rows}


async def uses(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Who used each lock last, as far as that is known."""
    rows = await tx.rows(USES)
    return {
        lock: {"at": datetime.fromisoformat(at) if at else from_epoch(told), "key_id": key}
        for lock, at, told, key in rows
    }


async def waits(tx: Transaction, command: CommandId) -> tuple[list[KeyId], list[LockId]]:
    """The keys and the locks that still lack what a command is about."""
    rows = await tx.rows(WAITS, (command,))
    keys_ = [KeyId(key) for key, _ in rows if key is not None]
    return keys_, [LockId(lock) for _, lock in rows if lock is not None]
