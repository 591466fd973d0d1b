"""What the daily check and the watch ask of the disk: what is needed, what was shown, what is
asked of the locks."""

import json
from dataclasses import dataclass
from datetime import datetime

from gatewayd.domain.check import AHEAD
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.moment import FOREVER, Now, from_epoch
from gatewayd.domain.retry import Tick
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction

LAST, WANTED = "health_checked", "health_wanted"
"""In the table `meta`: when the last check was made, and the commands that want one."""

ASK_LOCKS = """
UPDATE locks SET asked = 1, retry_due = CASE WHEN failures IS NULL THEN NULL ELSE ?1 END
WHERE listed AND active RETURNING id
"""
LOOKED_AT = """
proof IN ('present', 'matched', 'used') AND stage = 'written'
    AND lock_id IN (SELECT id FROM locks WHERE listed AND active)
    AND EXISTS (SELECT 1 FROM keys k JOIN doors d ON d.key_id = k.id AND d.withheld IS NULL
        WHERE d.lock_id = leases.lock_id AND k.id = leases.key_id AND k.code = leases.code
        AND NOT k.revoked AND k.ends > ?2 AND k.starts < ?3)
"""
"""The leases that a worker keeps and reads, of what is needed by then; backups are among them."""
LOOK_AGAIN = f"UPDATE leases SET verify_due = ?1 WHERE {LOOKED_AT}"  # noqa: S608  # a constant
ROOM_AGAIN = """
UPDATE leases SET reason = NULL, failures = NULL, retry_due = NULL
WHERE reason IN ('lock_full', 'duplicate_code')
    AND key_id IN (SELECT id FROM keys WHERE ends >= ?)
"""
"""Backups for which a lock had no room, or which it called duplicates: it may take them now."""
UNREAD = f"""
SELECT 1 FROM locks WHERE asked AND listed AND active
UNION ALL
SELECT 1 FROM leases WHERE verify_due <= ?1 AND {LOOKED_AT}
LIMIT 1
"""  # noqa: S608  # a constant
NEEDED = """
SELECT d.lock_id, d.key_id FROM keys k JOIN doors d ON d.key_id = k.id
    JOIN locks l ON l.id = d.lock_id AND l.listed AND l.active
WHERE NOT k.revoked AND k.ends > ?1 AND k.ends < ?2 AND k.starts < ?3 AND d.withheld IS NULL
ORDER BY k.starts, d.key_id, d.lock_id
"""
UNSHOWN = """
SELECT d.lock_id, d.key_id FROM locks
    JOIN doors d ON d.lock_id = locks.id AND d.due <= ?1
    JOIN keys k ON k.id = d.key_id
    LEFT JOIN leases l ON l.lock_id = d.lock_id AND l.key_id = k.id AND l.code = k.code
WHERE listed AND active AND d.withheld IS NULL AND k.ends > ?2 AND k.ends < ?3
    AND (coalesce(l.proof, 'accepted') = 'accepted'
        OR abs(l.starts - k.starts) >= 60 OR abs(l.ends - k.ends) >= 60
        OR (NOT l.enabled AND k.starts <= ?1))
"""
PROVEN_SINCE = """
SELECT max(coalesce(l.proof, 'accepted') = 'accepted'), max(l.proven_at)
FROM keys k JOIN doors d ON d.key_id = k.id
    LEFT JOIN leases l ON l.lock_id = d.lock_id AND l.key_id = k.id AND l.code = k.code
WHERE k.id = ?1 AND d.withheld IS NULL
"""


@dataclass(frozen=True, slots=True)
class AtDoor:
    """A key at one lock."""

    lock_id: LockId
    key_id: KeyId


async def ask(tx: Transaction, now: Now, tick: Tick) -> None:
    """Let each lock answer now, and show the codes that are needed in the next 24 h."""
    asked = await tx.rows(ASK_LOCKS, (tick,))
    await tx.rows(LOOK_AGAIN, _by(tick, now))
    await tx.rows(ROOM_AGAIN, (FOREVER.timestamp(),))
    tx.woken.update(LockId(lock) for (lock,) in asked)


async def unread(tx: Transaction, now: Now, tick: Tick) -> bool:
    """Whether a lock has not answered yet, or has a code to show."""
    return bool(await tx.row(UNREAD, _by(tick, now)))


def _by(tick: Tick, now: Now) -> tuple[float, float, float]:
    return tick, now.earliest.timestamp(), (now.latest + AHEAD).timestamp()


async def silent(tx: Transaction) -> dict[LockId, Reason | None]:
    """Each lock that is asked, and why it has not answered since: None where it has. Without a
    reason of its own it could not even be asked."""
    rows = await tx.rows("SELECT id, asked, reason FROM locks WHERE listed AND active ORDER BY id")
    return {
        LockId(lock): Reason(why or Reason.RADIO_DOWN) if asked else None
        for lock, asked, why in rows
    }


async def needed(tx: Transaction, now: Now) -> list[AtDoor]:
    """Where guests open in the next 24 h, the nearest first; what is withheld is left out."""
    ahead = (now.latest + AHEAD).timestamp()
    values = (now.earliest.timestamp(), FOREVER.timestamp(), ahead)
    return [AtDoor(LockId(lock), KeyId(key)) for lock, key in await tx.rows(NEEDED, values)]


async def unshown(tx: Transaction, now: Now) -> set[AtDoor]:
    """Where a guest's code is due and the lock has not shown it as it should be now."""
    values = (now.latest.timestamp(), now.earliest.timestamp(), FOREVER.timestamp())
    return {AtDoor(LockId(lock), KeyId(key)) for lock, key in await tx.rows(UNSHOWN, values)}


async def proven_since(tx: Transaction, key: KeyId) -> float | None:
    """When the last of a key's doors at which it is written has shown its code; None: not all."""
    ((lacking, at),) = await tx.rows(PROVEN_SINCE, (key,))
    return None if lacking else at or 0.0


async def last(tx: Transaction) -> datetime | None:
    """When the last check was made."""
    row = await tx.row("SELECT value FROM meta WHERE name = ?", (LAST,))
    return from_epoch(float(row[0])) if row else None


async def checked(tx: Transaction, at: datetime) -> None:
    """A check was made, or counts as made."""
    await tx.rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", (LAST, str(at.timestamp())))


async def want(tx: Transaction, command: CommandId) -> None:
    """A command wants a check now."""
    wanted = json.dumps([*await wanted_by(tx), command])
    await tx.rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", (WANTED, wanted))


async def wanted_by(tx: Transaction) -> list[CommandId]:
    """The commands that want a check and have none yet."""
    row = await tx.row("SELECT value FROM meta WHERE name = ?", (WANTED,))
    return [CommandId(command) for command in json.loads(row[0])] if row else []


async def answered(tx: Transaction, commands: list[CommandId]) -> None:
    """These have their check."""
    left = [command for command in await wanted_by(tx) if command not in commands]
    await tx.rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", (WANTED, json.dumps(left)))
