"""Commands that came in: receipts, so that the same command gets the same answer, and brakes."""

from dataclasses import dataclass

from gatewayd.domain.ids import CommandId
from gatewayd.domain.moment import Now
from gatewayd.store.database import Transaction
from gatewayd.store.outbox import put_back


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer that a command got: its event's id, type and envelope."""

    id: str
    type: str
    envelope: str


async def answered(tx: Transaction, command: CommandId) -> bool:
    """Whether the command was here before; if so its receipt goes out again."""
    row = await tx.row(
        "SELECT receipt_id, receipt_type, receipt FROM commands WHERE id = ?", (command,)
    )
    if row is None:
        return False
    put_back(tx, *row)
    return True


def answer(tx: Transaction, now: Now, command: CommandId, type_: str, receipt: Receipt) -> None:
    """Remember what a command was answered."""
    tx.later(
        "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?)",
        (
            command,
            type_,
            now.latest.timestamp(),
            receipt.id,
            receipt.type,
            receipt.envelope,
        ),
    )


async def brake(tx: Transaction, now: Now, id_: str, command: str) -> None:
    """Hold a command until it is confirmed."""
    await tx.rows(
        "INSERT OR IGNORE INTO brakes VALUES (?, ?, ?)", (id_, command, now.latest.timestamp())
    )


async def release(tx: Transaction, id_: str) -> str | None:
    """The command that a brake holds, which ends with it."""
    rows = await tx.rows("DELETE FROM brakes WHERE id = ? RETURNING command", (id_,))
    return rows[0][0] if rows else None
