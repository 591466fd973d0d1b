"""Commissionings: the one under way, and how the last one of each lock went."""

import json
from collections.abc import Collection
from datetime import datetime

from gatewayd.domain.commission import Commissioning, Verdict
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.moment import Now, from_epoch
from gatewayd.domain.retry import Tick
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction

BEGIN = """
INSERT INTO commissionings (lock_id, under_way, seconds, cause) VALUES (?, 1, ?, ?)
ON CONFLICT (lock_id) DO UPDATE SET under_way = 1, seconds = excluded.seconds,
    cause = excluded.cause, due = NULL, opened = NULL
"""
LEASED = """
SELECT l.lock_id, l.proof FROM leases l JOIN keys k ON k.id = l.key_id AND k.code = l.code
WHERE k.id = ? AND l.proof IN ('present', 'matched', 'used')
"""
HINDRANCE = """
SELECT coalesce((SELECT l.reason FROM leases l JOIN keys k ON k.id = l.key_id AND k.code = l.code
    WHERE l.lock_id = locks.id AND k.id = ?2), reason) FROM locks WHERE id = ?1
"""


async def under_way(tx: Transaction) -> Commissioning | None:
    """There is one at the most."""
    row = await tx.row(
        "SELECT lock_id, seconds, cause, due, opened FROM commissionings WHERE under_way"
    )
    if row is None:
        return None
    lock, seconds, cause, due, opened = row
    return Commissioning(
        LockId(lock),
        seconds,
        CommandId(cause) if cause else None,
        Tick(due) if due is not None else None,
        from_epoch(opened) if opened is not None else None,
    )


async def begin(tx: Transaction, begun: Commissioning) -> None:
    """None is under way; how the lock's last one went is kept until this one ends."""
    await tx.rows(BEGIN, (begun.lock_id, begun.seconds, begun.cause))


async def go_on(tx: Transaction, going: Commissioning) -> None:
    """Keep since when the code is there, and when it ends."""
    opened = going.opened.timestamp() if going.opened else None
    await tx.rows(
        "UPDATE commissionings SET due = ?, opened = ? WHERE under_way", (going.due, opened)
    )


async def end(tx: Transaction, verdict: Verdict, now: Now) -> None:
    """It is over."""
    await tx.rows(
        "UPDATE commissionings SET under_way = 0, result = ?, other_lock_id = ?, at = ? "
        "WHERE under_way",
        (verdict.result, verdict.other, now.latest.timestamp()),
    )


async def forget(tx: Transaction, locks: Collection[LockId]) -> None:
    """How it went at these locks, or what it said of them, is not so any more."""
    await tx.rows(
        "DELETE FROM commissionings WHERE NOT under_way "
        "AND EXISTS (SELECT 1 FROM json_each(?) WHERE value IN (lock_id, other_lock_id))",
        (json.dumps([*locks]),),
    )


async def shown(tx: Transaction, going: Commissioning) -> tuple[bool, set[LockId]]:
    """Whether its lock has shown the code, and the locks at which that was used."""
    proofs = {LockId(lock): proof for lock, proof in await tx.rows(LEASED, (going.key_id,))}
    return going.lock_id in proofs, {lock for lock, proof in proofs.items() if proof == "used"}


async def locked_out(tx: Transaction, since: datetime) -> list[tuple[LockId, datetime]]:
    """Where a keypad has locked itself out since then."""
    rows = await tx.rows(
        "SELECT subject, raised_at FROM alerts WHERE code = ? AND raised_at >= ?",
        (AlertCode.KEYPAD_DISABLED, since.timestamp()),
    )
    return [(LockId(lock), from_epoch(at)) for lock, at in rows]


async def hindrance(tx: Transaction, going: Commissioning) -> Reason | None:
    """Why its lock does not show the code, where that is known."""
    row = await tx.row(HINDRANCE, (going.lock_id, going.key_id))
    return Reason(row[0]) if row and row[0] else None


async def spans(tx: Transaction) -> list[tuple[datetime, datetime | None]]:
    """Since when, and until when, a person had the code of each."""
    rows = await tx.rows(
        "SELECT opened, iif(under_way, NULL, at) FROM commissionings WHERE opened IS NOT NULL"
    )
    return [(from_epoch(opened), from_epoch(at) if at is not None else None) for opened, at in rows]
