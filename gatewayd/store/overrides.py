"""Staff's word on keys."""

from gatewayd.domain.ids import KeyId
from gatewayd.store.database import Transaction


async def get(tx: Transaction, key: KeyId) -> tuple[int, str | None] | None:
    """Version and document (JSON; None: taken back), where staff ever said something."""
    if ("override", key) in tx.ahead:
        row = tx.ahead.pop(("override", key))
    else:
        row = await tx.row("SELECT version, document FROM overrides WHERE key_id = ?", (key,))
    return (row[0], row[1]) if row else None


def put(tx: Transaction, key: KeyId, version: int, document: str | None) -> None:
    """What staff says now."""
    tx.later("INSERT OR REPLACE INTO overrides VALUES (?, ?, ?)", (key, version, document))


async def forget_code(tx: Transaction, key: KeyId) -> None:
    """Staff asks for no code any more."""
    without = "UPDATE overrides SET document = json_remove(document, '$.code') WHERE key_id = ?"
    await tx.rows(without, (key,))


async def all_(tx: Transaction) -> list[KeyId]:
    """The keys on which staff has said something."""
    rows = await tx.rows("SELECT key_id FROM overrides WHERE document IS NOT NULL ORDER BY key_id")
    return [KeyId(key) for (key,) in rows]
