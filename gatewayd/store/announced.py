"""What the broker may retain for Home Assistant: so that it can be taken back."""

from collections.abc import Iterable

from gatewayd.store.database import Transaction


async def topics(tx: Transaction) -> set[str]:
    """Those on which a message may lie."""
    return {topic for (topic,) in await tx.rows("SELECT topic FROM announced")}


def add(tx: Transaction, names: Iterable[str]) -> None:
    """Before the first message there."""
    tx.later("INSERT OR IGNORE INTO announced VALUES (?)", *((topic,) for topic in names))


def forget(tx: Transaction, names: Iterable[str]) -> None:
    """The broker has none there any more."""
    tx.later("DELETE FROM announced WHERE topic = ?", *((topic,) for topic in names))
