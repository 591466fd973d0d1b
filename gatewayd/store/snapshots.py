"""Parts of snapshots, until all have come."""

import json
from datetime import datetime

from gatewayd.domain.ids import ReservationId
from gatewayd.domain.moment import Now
from gatewayd.store.database import Transaction


async def put_part(tx: Transaction, now: Now, snapshot: str, part: int, ids: list[str]) -> None:
    """Remember which reservations a part held."""
    await tx.rows(
        "INSERT OR REPLACE INTO snapshot_parts VALUES (?, ?, ?, ?)",
        (snapshot, part, now.latest.timestamp(), json.dumps(ids)),
    )


async def so_far(tx: Transaction, snapshot: str) -> tuple[int, list[str]]:
    """How many parts of a snapshot have come, and the reservations that they list."""
    rows = await tx.rows("SELECT ids FROM snapshot_parts WHERE snapshot_id = ?", (snapshot,))
    return len(rows), [id_ for (ids,) in rows for id_ in json.loads(ids)]


async def absent(
    tx: Transaction, now: Now, listed: list[str], as_of: datetime
) -> list[ReservationId]:
    """Confirmed reservations not over yet that a snapshot leaves out and that did not change
    since it was taken."""
    rows = await tx.rows(
        "SELECT r.id FROM reservations r LEFT JOIN keys k ON k.reservation_id = r.id "
        "WHERE r.confirmed AND coalesce(k.ends > ?, 1) AND r.changed_at < ? "
        "AND r.id NOT IN (SELECT value FROM json_each(?))",
        (now.earliest.timestamp(), as_of.timestamp(), json.dumps(listed)),
    )
    return [ReservationId(id_) for (id_,) in rows]
