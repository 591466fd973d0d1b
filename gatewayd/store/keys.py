"""Keys and their doors."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.key import Key
from gatewayd.domain.moment import FOREVER, Now, Phase, Window, from_epoch
from gatewayd.domain.policy import PinPolicy
from gatewayd.errors import Reason
from gatewayd.store import doors, labels
from gatewayd.store.database import Transaction

QUARANTINE = timedelta(days=30)
"""A code is not used again this long after, or before, another window with it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a key was before a change; a withdrawn one keeps its last code."""

    code: Code
    window: Window
    withdrawn: bool

    def opens(self, now: Now) -> bool:
        """Whether it gives access now or later."""
        return not self.withdrawn and self.window.phase(now) is not Phase.PAST


async def known(tx: Transaction, key: KeyId) -> Known | None:
    """The key as it is."""
    if ("key", key) in tx.ahead:
        row = tx.ahead.pop(("key", key))
    else:
        row = await tx.row("SELECT code, starts, ends, revoked FROM keys WHERE id = ?", (key,))
    if row is None:
        return None
    code, starts, ends, revoked = row
    return Known(Code(code), Window(from_epoch(starts), from_epoch(ends)), bool(revoked))


async def taken(
    tx: Transaction,
    code: Code,
    key: Key,
    now: Now,
    *,
    at_locks: bool = True,
    quarantine: bool = True,
) -> bool:
    """Whether another key has the code for itself, in a window that overlaps, or within the
    quarantine, or had it until lately; or a lock of this key shows it and it is not ours. Answers
    `labels.taken` ahead."""
    if tx.holders is not None and tx.holders.code_free(key, code):
        return False
    apart = QUARANTINE if quarantine else timedelta()
    first = (key.window.start - apart).timestamp()
    last = (key.window.end + apart).timestamp()
    at = json.dumps([*key.doors] if at_locks else [])
    past = now.earliest if quarantine else FOREVER
    question = (TAKEN, (code.digits, first, last, key.id, at, past.timestamp()))
    if key.name is None:
        return bool(await tx.rows(*question))
    had, named = await tx.each(question, labels.question(key, now))
    tx.ahead["name", key.id] = bool(named)
    return bool(had)


PAST = """
INSERT OR REPLACE INTO past_codes SELECT code, id, ?2 FROM keys WHERE id = ?3 AND code <> ?1
"""
TAKEN = """
SELECT 1 FROM keys WHERE code = ?1 AND id <> ?4 AND (exclusive OR (ends > ?2 AND starts < ?3))
UNION ALL
SELECT 1 FROM past_codes WHERE code = ?1 AND key_id <> ?4 AND until > ?6
UNION ALL
SELECT 1 FROM slots s WHERE code = ?1 AND lock_id IN (SELECT value FROM json_each(?5))
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.lock_id = s.lock_id AND l.slot = s.slot)
LIMIT 1
"""


async def put(
    tx: Transaction,
    key: Key,
    code: Code,
    *,
    new: bool,
    handover: str | None,
    now: Now,
    moved: bool = False,
) -> None:
    """Insert or update a key and its doors; wakes every lock that it had or has. The code that it
    had is not used again for a while.

    `moved`: the guest changes rooms, and keeps the old doors until the new ones open.
    """
    if not new:
        _leave_last(tx, key, code, now)
    if tx.holders is not None:
        tx.holders.put(key, code)
    tx.later(
        "INSERT INTO keys (id, reservation_id, code, exclusive, label, guest, starts, ends, "
        "timetable, handover) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET code = excluded.code, exclusive = excluded.exclusive, "
        "label = iif(relabelled > 1, label, excluded.label), guest = excluded.guest, "
        "starts = excluded.starts, ends = excluded.ends, timetable = excluded.timetable, "
        "revoked = 0, "
        "handover = coalesce(excluded.handover, handover)",
        (
            key.id,
            key.reservation_id,
            code.digits,
            key.policy.pin_policy is PinPolicy.STRICT,
            key.label,
            key.guest,
            key.window.start.timestamp(),
            key.window.end.timestamp(),
            str(key.timetable) if key.timetable else None,
            handover,
        ),
    )
    doors.put(tx, key, await doors.of(tx, key.id, new=new), now, moved=moved)


def recode(tx: Transaction, key: Key, code: Code, now: Now) -> None:
    """Another code for a key of which nothing else changes."""
    _leave_last(tx, key, code, now)
    tx.later("UPDATE keys SET code = ? WHERE id = ?", (code.digits, key.id))
    doors.rewrite(tx, key)


def _leave_last(tx: Transaction, key: Key, code: Code, now: Now) -> None:
    """The code that the key had, where this is another, is not used again for a while."""
    tx.later(PAST, (code.digits, (now.latest + QUARANTINE).timestamp(), key.id))


async def withdraw(tx: Transaction, key: KeyId, ended: datetime | None = None) -> None:
    """Take a key away from all its doors: revoked, or because its window has ended."""
    tx.ahead.pop(("doors", key), None)
    ends = ended.timestamp() if ended else None
    await tx.rows(
        "UPDATE keys SET revoked = max(revoked, ?1 IS NULL), ends = coalesce(?1, ends), "
        "handover = NULL WHERE id = ?2",
        (ends, key),
    )
    locks = await tx.rows(
        "SELECT lock_id FROM doors WHERE key_id = ?1 UNION SELECT lock_id FROM leases "
        "WHERE key_id = ?1",
        (key,),
    )
    await tx.rows("DELETE FROM doors WHERE key_id = ?", (key,))
    tx.woken.update(LockId(lock) for (lock,) in locks)


def correct(tx: Transaction, found: Sequence[tuple[KeyId, Code]]) -> None:
    """These keys have another code than was thought."""
    tx.later("UPDATE keys SET code = ? WHERE id = ?", *((x.digits, key) for key, x in found))


async def unproven(tx: Transaction, key: KeyId) -> list[LockId]:
    """The doors of a key that do not show its code."""
    rows = await tx.rows(
        "SELECT d.lock_id FROM keys k JOIN doors d ON d.key_id = k.id LEFT JOIN leases l "
        "ON l.lock_id = d.lock_id AND l.key_id = k.id AND l.code = k.code "
        "WHERE k.id = ? AND coalesce(l.proof, 'accepted') = 'accepted' ORDER BY d.lock_id",
        (key,),
    )
    return [LockId(lock) for (lock,) in rows]


async def leased(tx: Transaction, key: KeyId, code: Code) -> set[LockId]:
    """The locks that have a code of a key, or may have it."""
    sql = "SELECT lock_id FROM leases WHERE key_id = ? AND code = ?"
    return {LockId(lock) for (lock,) in await tx.rows(sql, (key, code.digits))}


async def refused(tx: Transaction, key: KeyId) -> int:
    """A lock refused the key's code; returns how many in a row that were."""
    counted = "UPDATE keys SET refusals = refusals + 1 WHERE id = ? RETURNING refusals"
    rows = await tx.rows(counted, (key,))
    return int(rows[0][0]) if rows else 0


def accepted(tx: Transaction, key: KeyId) -> None:
    """A lock has shown the key's code: where no other one still may refuse it, what was refused
    before is forgotten."""
    tx.later(
        "UPDATE keys SET refusals = 0 WHERE id = ?1 AND refusals > 0 AND NOT EXISTS ("
        "SELECT 1 FROM doors d LEFT JOIN leases l ON l.lock_id = d.lock_id "
        "AND l.key_id = d.key_id AND l.code = keys.code WHERE d.key_id = ?1 "
        "AND d.withheld IS NULL AND coalesce(l.proof, 'accepted') = 'accepted')",
        (key,),
    )


async def forgive(tx: Transaction, key: KeyId, at: Sequence[str] | None) -> None:
    """What a person deleted at these doors, or at any, is to be put back."""
    await tx.rows(
        "UPDATE leases SET reason = NULL WHERE key_id = ?1 AND reason = ?2 "
        "AND (?3 IS NULL OR lock_id IN (SELECT value FROM json_each(?3)))",
        (key, Reason.DELETED_AT_LOCK, json.dumps(at) if at is not None else None),
    )


def start_afresh(tx: Transaction, key: KeyId) -> None:
    """Its old codes go at once, and what was refused is forgotten."""
    tx.later("UPDATE keys SET handover = NULL, refusals = 0 WHERE id = ?", (key,))


async def live(tx: Transaction, now: Now, but: Collection[KeyId]) -> int:
    """How many keys are active or upcoming, besides some and those of backups."""
    row = await tx.row(
        "SELECT count(*) FROM keys WHERE NOT revoked AND ends > ? AND ends < ? "
        "AND id NOT IN (SELECT value FROM json_each(?))",
        (now.earliest.timestamp(), FOREVER.timestamp(), json.dumps([*but])),
    )
    return int(row[0]) if row else 0
