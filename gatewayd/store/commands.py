"""Commands that came in: receipts, so that the same command gets the same answer, and brakes."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from gatewayd.domain.ids import CommandId, KeyId
from gatewayd.domain.moment import Now, from_epoch
from gatewayd.store.connection import Row
from gatewayd.store.database import Outgoing, Transaction


async def receipt(tx: Transaction, command: CommandId) -> Row | None:
    """What the command was answered when it was here before: the event's id, type, envelope."""
    return await tx.row(
        "SELECT receipt_id, receipt_type, receipt FROM commands WHERE id = ?", (command,)
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """A command that was answered; `receipt`: the event's envelope."""

    type: str
    received_at: datetime
    receipt: str


async def taken(tx: Transaction, command: CommandId) -> Taken | None:
    """A command that is still remembered."""
    row = await tx.row("SELECT type, received_at, receipt FROM commands WHERE id = ?", (command,))
    return Taken(row[0], from_epoch(row[1]), row[2]) if row else None


def answer(tx: Transaction, now: Now, command: CommandId, type_: str, told: Outgoing) -> None:
    """Remember what a command was answered."""
    tx.later(
        "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?)",
        (
            command,
            type_,
            now.latest.timestamp(),
            told.id,
            told.type,
            told.envelope,
        ),
    )


async def brake(
    tx: Transaction, now: Now, id_: str, command: str, booked: Collection[KeyId]
) -> None:
    """Hold a command until it is confirmed, after these keys were made from what it books."""
    row = (id_, command, now.latest.timestamp(), json.dumps([*booked]))
    await tx.rows("INSERT OR IGNORE INTO brakes VALUES (?, ?, ?, ?)", row)


async def booked(tx: Transaction) -> set[KeyId]:
    """Keys from held commands: as long as nobody has looked they do not count as there, else what
    a feed adds would let it take as much away."""
    rows = await tx.rows("SELECT DISTINCT value FROM brakes, json_each(booked)")
    return {KeyId(key) for (key,) in rows}


async def release(tx: Transaction, id_: str) -> str | None:
    """The command that a brake holds, which ends with it."""
    rows = await tx.rows("DELETE FROM brakes WHERE id = ? RETURNING command", (id_,))
    return rows[0][0] if rows else None
