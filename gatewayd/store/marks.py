"""The last time that was certain, for a hub that starts without one."""

import json

from gatewayd.domain.moment import Mark, from_epoch
from gatewayd.domain.retry import Tick
from gatewayd.store.database import Transaction

NAME = "clock_mark"


async def get(tx: Transaction) -> Mark | None:
    """As it was put last."""
    row = await tx.row("SELECT value FROM meta WHERE name = ?", (NAME,))
    if row is None:
        return None
    at, tick, boot = json.loads(row[0])
    return Mark(from_epoch(at), Tick(tick), boot)


def put(tx: Transaction, mark: Mark) -> None:
    """Instead of the one before, be it earlier or later: one bad step must not stay."""
    value = json.dumps([mark.at.timestamp(), mark.tick, mark.boot])
    tx.later("INSERT OR REPLACE INTO meta VALUES (?, ?)", (NAME, value))
