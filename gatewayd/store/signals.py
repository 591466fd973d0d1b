"""What locks tell of themselves over time: wrong codes, battery levels, silence."""

from datetime import date, datetime, timedelta

from gatewayd.domain.ids import LockId
from gatewayd.domain.moment import from_epoch
from gatewayd.store.database import Transaction

KEPT = timedelta(days=1)
"""Wrong codes; an alert looks back half an hour."""
LEVELS_KEPT = timedelta(days=90)
"""Battery levels: a straight line through more would be of another season."""


def wrong_code(tx: Transaction, lock: LockId, at: datetime) -> None:
    """A code that a lock does not know was typed there."""
    tx.later("DELETE FROM wrong_codes WHERE at < ?", ((at - KEPT).timestamp(),))
    tx.later("INSERT INTO wrong_codes VALUES (?, ?)", (lock, at.timestamp()))


async def wrong_codes(tx: Transaction, since: datetime) -> list[tuple[LockId, datetime]]:
    """Where and when wrong codes were typed."""
    rows = await tx.rows("SELECT lock_id, at FROM wrong_codes WHERE at >= ?", (since.timestamp(),))
    return [(LockId(lock), from_epoch(at)) for lock, at in rows]


def battery_level(tx: Transaction, lock: LockId, day: date, level: int) -> None:
    """A battery's last level of a day."""
    oldest = (day - LEVELS_KEPT).isoformat()
    tx.later("DELETE FROM battery_levels WHERE lock_id = ? AND day < ?", (lock, oldest))
    row = (lock, day.isoformat(), level)
    tx.later("INSERT OR REPLACE INTO battery_levels VALUES (?, ?, ?)", row)


async def battery_levels(tx: Transaction, lock: LockId) -> list[tuple[date, int]]:
    """One a day, oldest first."""
    sql = "SELECT day, level FROM battery_levels WHERE lock_id = ? ORDER BY day"
    return [(date.fromisoformat(day), level) for day, level in await tx.rows(sql, (lock,))]


async def silent(tx: Transaction, since: datetime) -> set[str]:
    """Locks with a battery of which nothing was heard since then."""
    rows = await tx.rows(
        "SELECT id FROM locks WHERE listed AND active AND last_contact < ? "
        "AND coalesce(battery, battery_low) IS NOT NULL",
        (since.timestamp(),),
    )
    return {lock for (lock,) in rows}


async def offline(tx: Transaction) -> list[tuple[str, int, int]]:
    """By driver: how many locks do not answer, of how many."""
    rows = await tx.rows(
        "SELECT driver, sum(failures IS NOT NULL), count(*) FROM locks WHERE listed AND active "
        "GROUP BY driver"
    )
    return [(driver, silent, all_) for driver, silent, all_ in rows]
