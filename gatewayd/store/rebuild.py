"""What a hub that lost its database waits for, and what it still knows of it."""

from gatewayd.store.database import Transaction


async def awaited(tx: Transaction) -> set[str]:
    """What has not come yet; nothing: the hub knows what it knew."""
    return {what for (what,) in await tx.rows("SELECT what FROM awaited")}
