"""Where keys, doors and locks stand, from what is on disk. No code, no guest's name."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Literal

from gatewayd.clock import Clock
from gatewayd.domain.battery import is_low
from gatewayd.domain.code import Code
from gatewayd.domain.door import door_state
from gatewayd.domain.events.code import DoorState, KeyStatus
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import FOREVER, Now, Window, from_epoch
from gatewayd.domain.rebuild import fingerprint
from gatewayd.domain.situation import Situation
from gatewayd.store import situations
from gatewayd.store.database import Transaction
from gatewayd.store.waits import SETTLED

type Status = Literal["upcoming", "current", "past", "revoked"]

REPORTED_KEYS = 2_000
"""The nearest ones; more never fit into the 256 KiB of a message, since each takes 150 bytes."""


async def key_status(
    tx: Transaction, key: KeyId, here: Situation, now: Now, clock: Clock
) -> KeyStatus | None:
    """A key over all its doors, of which one lock's situation is at hand; None: no such key.

    Answers `waits.settled` ahead, unless that depends on the hour.
    """
    rows = await tx.rows(
        f"SELECT starts, ends, revoked, lock_id, timetable, {SETTLED} "  # noqa: S608  # a constant
        "FROM keys LEFT JOIN doors ON key_id = id WHERE id = ?1 ORDER BY lock_id",
        (key, now.latest.timestamp()),
    )
    if not rows:
        return None
    if rows[0][4] is None:
        tx.ahead["settled", key] = rows[0][5]
    doors: list[DoorState] = []
    for lock in (LockId(row[3]) for row in rows if row[3] is not None):
        situation = here if lock == here.lock else await situations.load(tx, lock, now)
        if (claim := situation.claims.get(key)) is not None:
            doors.append(door_state(situation, claim, now, clock.tick()))
    return KeyStatus(key, _status(rows[0][0], rows[0][1], rows[0][2], now), tuple(doors))


async def reported(tx: Transaction, now: Now, clock: Clock, secret: bytes) -> dict[str, Any]:
    """A summary for a cloud that lost everything or a hub that fell silent; nearest keys first."""
    return {
        "at": now.latest,
        "locks": await locks(tx),
        "keys": await _keys(tx, now, clock),
        "leases": await _leases(tx, secret),
        "alerts": await alerts(tx),
    }


async def locks(tx: Transaction) -> list[dict[str, Any]]:
    """Those of the site, as they were heard of last; with the foreign slots that a lost database
    knew of, until ours are found: another loss finds them so, too."""
    rows = await tx.rows(
        "SELECT id, failures IS NULL, reason, battery, battery_low, last_contact, "
        "coalesce((SELECT foreign_slots FROM lost_locks WHERE lock_id = id), "
        "(SELECT json_group_array(s.slot) FROM slots s WHERE s.lock_id = id AND s.seen <> 'empty' "
        "AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.lock_id = id AND l.slot = s.slot))), "
        "result, other_lock_id, at "
        "FROM locks LEFT JOIN commissionings c ON c.lock_id = id WHERE listed ORDER BY id"
    )
    return [
        {
            "lock_id": id_,
            "online": bool(online),
            "reason": reason,
            "battery": level,
            "battery_low": is_low(level, warned=bool(low)),
            "last_contact": from_epoch(contact) if contact is not None else None,
            "foreign_slots": json.loads(foreign),
            "commissioned": {"result": result, "other_lock_id": other, "at": from_epoch(at)}
            if result is not None
            else None,
        }
        for id_, online, reason, level, low, contact, foreign, result, other, at in rows
    ]


async def alerts(tx: Transaction) -> list[dict[str, Any]]:
    """Those that stand, the oldest first."""
    rows = await tx.rows("SELECT code, subject, raised_at FROM alerts ORDER BY raised_at")
    return [
        {"code": code, "subject": subject, "since": from_epoch(at)} for code, subject, at in rows
    ]


async def _keys(tx: Transaction, now: Now, clock: Clock) -> list[dict[str, Any]]:
    rows = await tx.rows(
        "SELECT id, starts, ends FROM keys WHERE NOT revoked AND ends > ? "
        "ORDER BY ends >= ?, starts, id LIMIT ?",
        (now.earliest.timestamp(), FOREVER.timestamp(), REPORTED_KEYS),
    )
    doors = await door_states(tx, [KeyId(id_) for id_, *_ in rows], now, clock)
    return [
        {
            "key_id": id_,
            "status": _status(starts, ends, 0, now),
            "doors": [dataclasses.asdict(door) for door in doors[id_]],
        }
        for id_, starts, ends in rows
        if id_ in doors
    ]


async def door_states(
    tx: Transaction, keys: Sequence[KeyId], now: Now, clock: Clock
) -> dict[KeyId, list[DoorState]]:
    """Each door at which these keys are wanted, by key."""
    rows = await tx.rows(
        "SELECT key_id, lock_id, due FROM doors "
        "WHERE key_id IN (SELECT value FROM json_each(?)) ORDER BY lock_id",
        (json.dumps(keys),),
    )
    loaded = {lock: await situations.load(tx, LockId(lock), now) for lock in {r[1] for r in rows}}
    found: dict[KeyId, list[DoorState]] = {}
    for key, lock, due in rows:
        claim = loaded[lock].claims.get(key)
        state = DoorState(LockId(lock), "waiting", next_try_at=from_epoch(due))
        if claim is not None:
            state = door_state(loaded[lock], claim, now, clock.tick())
        found.setdefault(key, []).append(state)
    return found


async def _leases(tx: Transaction, secret: bytes) -> list[dict[str, Any]]:
    """Those of a lost database, too, until they are found: it may be lost once more."""
    rows = await tx.rows(
        "SELECT lock_id, slot, key_id, l.code, NULL, k.ends FROM leases l "
        "LEFT JOIN keys k ON k.id = key_id AND NOT k.revoked UNION ALL "
        "SELECT lock_id, slot, key_id, NULL, fingerprint, ends FROM lost_leases ORDER BY 1, 2"
    )
    return [
        {
            "lock_id": lock,
            "slot": slot,
            "key_id": key,
            "fingerprint": fingerprint(Code(code), secret) if code else mark,
            "ends": from_epoch(ends) if ends is not None else None,
        }
        for lock, slot, key, code, mark, ends in rows
    ]


def _status(starts: float, ends: float, revoked: int, now: Now) -> Status:
    if revoked:
        return "revoked"
    return Window(from_epoch(starts), from_epoch(ends)).phase(now).value
