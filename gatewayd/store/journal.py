"""What was told, kept for people at the site: after its receipt too, and without any code."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gatewayd.domain.events import Event
from gatewayd.domain.history import kept, where
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.moment import Now, from_epoch
from gatewayd.store.database import Outgoing, Transaction
from gatewayd.store.form import plain

KEPT = timedelta(days=30)
ROOM = 20_000
"""Entries at the most: some 10 MB, and a month of a busy site's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: `seq` is its place in the outbox, `id` and `cause` are as in its envelope."""

    seq: int
    id: str
    at: datetime
    type: str
    lock_id: LockId | None
    key_id: KeyId | None
    cause: CommandId | None
    data: dict[str, Any]


def add(tx: Transaction, now: Now, told: Outgoing, event: Event, cause: CommandId | None) -> None:
    """Write it down with what else the transaction does."""
    data = json.dumps(kept(event), default=plain, separators=(",", ":"))
    named = cause.encode(errors="replace").decode() if cause else None  # a bad one is any text
    tx.later(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (told.seq, told.id, now.latest.timestamp(), told.type, *where(event), named, data),
    )


async def last(
    tx: Transaction,
    *,
    lock: LockId | None = None,
    key: KeyId | None = None,
    types: Collection[str] | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """The newest entries first: about a lock, about a key, of some types, between two places."""
    asked = _asked(lock, key, types) | {"seq < ?": before, "seq > ?": after}
    return await _found(tx, asked, "seq DESC", limit)


async def following(
    tx: Transaction,
    after: int,
    *,
    lock: LockId | None = None,
    key: KeyId | None = None,
    types: Collection[str] | None = None,
    limit: int = 100,
) -> list[Entry]:
    """The entries that come after a place, the oldest first."""
    return await _found(tx, _asked(lock, key, types) | {"seq > ?": after}, "seq", limit)


async def end(tx: Transaction) -> int:
    """The place of the last entry."""
    ((seq,),) = await tx.rows("SELECT coalesce(max(seq), 0) FROM journal")
    return int(seq)


async def outcome(tx: Transaction, command: CommandId) -> str | None:
    """The type of the last answer to a command, where it is still known."""
    row = await tx.row(OUTCOME, (command,))
    return row[0] if row else None


OUTCOME = """
SELECT type FROM journal WHERE cause = ? AND type IN
    ('command.accepted', 'command.done', 'command.rejected', 'command.expired')
ORDER BY seq DESC LIMIT 1
"""


async def forget(tx: Transaction, now: Now, room: int = ROOM) -> None:
    """Drop what is old, and the oldest where it is too much."""
    await tx.rows("DELETE FROM journal WHERE at < ?", ((now.earliest - KEPT).timestamp(),))
    await tx.rows(
        "DELETE FROM journal WHERE seq <= "
        "(SELECT seq FROM journal ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (room,),
    )


def _entry(seq: int, id_: str, at: float, *rest: Any) -> Entry:
    type_, lock, key, cause, data = rest
    return Entry(seq, id_, from_epoch(at), type_, lock, key, cause, json.loads(data))


def _asked(
    lock: LockId | None, key: KeyId | None, types: Collection[str] | None
) -> dict[str, object]:
    """Conditions, each with its value."""
    named = None if types is None else json.dumps([*types])
    return {
        "lock_id = ?": lock,
        "key_id = ?": key,
        "type IN (SELECT value FROM json_each(?))": named,
    }


async def _found(
    tx: Transaction, asked: Mapping[str, object], order: str, limit: int
) -> list[Entry]:
    given = {condition: value for condition, value in asked.items() if value is not None}
    rows = await tx.rows(
        "SELECT seq, id, at, type, lock_id, key_id, cause, data FROM journal "  # noqa: S608  # constants
        f"WHERE {' AND '.join(given) or 'TRUE'} ORDER BY {order} LIMIT ?",
        (*given.values(), limit),
    )
    return [_entry(*row) for row in rows]
