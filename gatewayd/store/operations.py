"""Operations of bolts that are under way: they are in memory alone, the disk has only that their
commands have no last answer yet. What a start finds here was cut off."""

from gatewayd.domain.bolt import Operation
from gatewayd.domain.ids import CommandId
from gatewayd.store.database import Transaction


def accept(tx: Transaction, operation: Operation) -> None:
    """Hand it on, once this is committed."""
    tx.operations.append(operation)
    tx.later("INSERT INTO operations VALUES (?)", (operation.cause,))


async def unanswered(tx: Transaction) -> list[CommandId]:
    """The commands that wait for their last answer."""
    rows = await tx.rows("SELECT command FROM operations")
    return [CommandId(command) for (command,) in rows]


def answered(tx: Transaction, command: CommandId) -> None:
    """With this it has its last answer."""
    tx.later("DELETE FROM operations WHERE command = ?", (command,))
