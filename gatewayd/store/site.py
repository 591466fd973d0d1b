"""The site document in force, and its locks."""

import json
from dataclasses import dataclass

from gatewayd.domain.battery import is_low
from gatewayd.domain.bolt import Bolt
from gatewayd.domain.capabilities import Capabilities, of_kind
from gatewayd.domain.hours import LocalTime
from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.moment import Now
from gatewayd.domain.site import Site
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction
from gatewayd.store.situations import dump_capabilities, parse_capabilities

UNSEEN = """
stage = 'moved', proof = NULL, proven_at = NULL, verify_due = NULL, doubted_since = NULL,
missed = 0, failures = NULL, retry_due = NULL, reason = NULL
"""
"""A lease of a code that may be where it was written, or not: a look tells."""


async def document(tx: Transaction) -> str | None:
    """The site document in force (JSON)."""
    row = await tx.row("SELECT document FROM site")
    return row[0] if row else None


async def put(tx: Transaction, site: Site, document: str) -> None:
    """The site document, and its locks as rows."""
    tx.site_changed = True
    await tx.rows("INSERT OR REPLACE INTO site VALUES (1, ?, ?)", (site.version, document))
    await _readdress(tx, site)
    # what is off the site is cleaned, also where it was not active
    gone = await tx.rows("UPDATE locks SET listed = 0, active = 1 RETURNING id")
    tx.later(
        "INSERT INTO locks (id, driver, address, active, listed) VALUES (?, ?, ?, ?, 1) "
        "ON CONFLICT (id) DO UPDATE SET driver = excluded.driver, address = excluded.address, "
        "active = excluded.active, listed = 1",
        *((x.id, x.driver, x.address, x.active) for x in site.locks.values()),
    )
    tx.woken.update(site.locks, (LockId(id_) for (id_,) in gone))


async def _readdress(tx: Transaction, site: Site) -> None:
    """Where a lock is elsewhere now, what was seen there is not known any more. Our codes stay
    where they lie: those at an address that another lock had go with it (suffering 27), and at a
    new address a look tells whether it is the same lock."""
    rows = await tx.rows("SELECT id, driver, address FROM locks")
    before = {LockId(id_): (driver, address) for id_, driver, address in rows}
    served = {(row.driver, row.address): row.id for row in await locks(tx)}
    now = {lock.id: (lock.driver, lock.address) for lock in site.locks.values()}
    came = {id_: served[at] for id_, at in now.items() if served.get(at, id_) != id_}
    let_go = {before[id_]: id_ for id_ in came.keys() & before.keys()}
    for at in let_go.keys() - now.values():
        came |= await _stay(tx, let_go[at])
    await _change_places(tx, came)
    for id_, at in now.items():
        if id_ not in came and before.get(id_, at) == at:
            continue
        await tx.rows("DELETE FROM slots WHERE lock_id = ?", (id_,))
        await tx.rows(  # an alert that it is offline ends with its next answer
            "UPDATE locks SET capabilities = NULL, inventoried = 0, utc_offset = NULL, "
            "bolt = NULL, failures = min(failures, 0), retry_due = min(retry_due, 0) WHERE id = ?",
            (id_,),
        )
        if id_ in came:
            continue
        if before[id_][0] != at[0]:  # another make: nothing of ours is there
            await tx.rows("DELETE FROM leases WHERE lock_id = ?", (id_,))
        await tx.rows(  # the same lock under another address, or another lock: a look tells
            f"UPDATE leases SET {UNSEEN}, slot = iif(?, NULL, slot) "  # noqa: S608  # a constant
            "WHERE lock_id = ? AND stage <> 'taken'",
            (of_kind(at[0]).assigns_slots, id_),
        )


async def _stay(tx: Transaction, lock: LockId) -> dict[LockId, LockId]:
    """What lies at an address that a lock leaves to nobody is cleaned under a name of its own,
    which no lock of a site can have: that name, and the lock whose codes it has."""
    rows = await tx.rows(
        "INSERT OR REPLACE INTO locks (id, driver, address, active, listed, capabilities, "
        "inventoried, utc_offset, offset_at) SELECT id || '@' || address, driver, address, 1, 0, "
        "capabilities, inventoried, utc_offset, offset_at FROM locks WHERE id = ? "
        "AND id IN (SELECT lock_id FROM leases) RETURNING id",
        (lock,),
    )
    return {LockId(name): lock for (name,) in rows}


async def _change_places(tx: Transaction, came: dict[LockId, LockId]) -> None:
    """The leases of each lock, also those of a lost database, are those of another one: by way of
    names that no lock has, since two locks may have the same slots and keys."""
    for table in ("leases", "lost_leases"):
        for id_, other in came.items():
            await tx.rows(f"UPDATE {table} SET lock_id = '>' || ? WHERE lock_id = ?", (id_, other))  # noqa: S608  # a constant
        for id_ in came:
            await tx.rows(f"DELETE FROM {table} WHERE lock_id = ?", (id_,))  # noqa: S608
            await tx.rows(f"UPDATE {table} SET lock_id = ?1 WHERE lock_id = '>' || ?1", (id_,))  # noqa: S608


async def distrust(tx: Transaction) -> None:
    """Believe nothing of what was seen at any lock: what is known is of another time. Our codes may
    be where they were, and only a look tells; a deletion by a person is still respected."""
    await tx.rows("DELETE FROM slots")
    await tx.rows(  # an alert that one is offline ends with its next answer
        "UPDATE locks SET inventoried = 0, bolt = NULL, failures = min(failures, 0), "
        "retry_due = min(retry_due, 0)"
    )
    await tx.rows(
        f"UPDATE leases SET {UNSEEN} WHERE stage <> 'taken' "  # noqa: S608  # a constant
        "AND NOT (stage = 'gone' AND reason IS ?)",
        (Reason.DELETED_AT_LOCK,),
    )


async def capabilities(tx: Transaction) -> dict[LockId, Capabilities]:
    """What each lock that has told can do."""
    rows = await tx.rows("SELECT id, capabilities FROM locks WHERE capabilities IS NOT NULL")
    return {LockId(id_): parse_capabilities(document) for id_, document in rows}


@dataclass(frozen=True, slots=True)
class LockRow:
    """A lock that needs a worker: it is on the site, or still holds codes of ours, or may."""

    id: LockId
    driver: str
    address: str


async def locks(tx: Transaction) -> list[LockRow]:
    """All locks that need a worker."""
    rows = await tx.rows(
        "SELECT id, driver, address FROM locks "
        "WHERE listed OR id IN (SELECT lock_id FROM leases UNION SELECT lock_id FROM lost_leases) "
        "ORDER BY id"
    )
    return [LockRow(LockId(id_), driver, address) for id_, driver, address in rows]


async def inactive(tx: Transaction) -> set[LockId]:
    """Locks that nobody touches, and on which codes of ours may lie."""
    ours = "SELECT lock_id FROM leases"
    rows = await tx.rows(f"SELECT id FROM locks WHERE NOT active AND id IN ({ours})")  # noqa: S608  # a constant
    return {LockId(id_) for (id_,) in rows}


async def learned(tx: Transaction, lock: LockId, able: Capabilities) -> None:
    """What a lock can do, as it told."""
    await tx.rows("UPDATE locks SET capabilities = ? WHERE id = ?", (dump_capabilities(able), lock))


async def battery(
    tx: Transaction, lock: LockId, level: int | None, *, low: bool
) -> tuple[int | None, bool] | None:
    """A lock's battery; its level and warning until now, or None where that is no news."""
    row = await tx.row("SELECT battery, battery_low FROM locks WHERE id = ?", (lock,))
    if row is None or (row[0] if level is None else level, low) == row:
        return None
    tx.later(
        "UPDATE locks SET battery = coalesce(?, battery), battery_low = ? WHERE id = ?",
        (level, low, lock),
    )
    return row[0], bool(row[1])


async def low_batteries(tx: Transaction) -> frozenset[LockId]:
    """Locks whose battery is low, by their word or by its level."""
    rows = await tx.rows("SELECT id, battery, battery_low FROM locks WHERE battery_low NOT NULL")
    return frozenset(LockId(id_) for id_, level, low in rows if is_low(level, warned=bool(low)))


def local_time(tx: Transaction, lock: LockId, told: LocalTime) -> None:
    """What a lock takes for local time."""
    row = (told.offset.total_seconds(), told.at.timestamp(), lock)
    tx.later("UPDATE locks SET utc_offset = ?, offset_at = ? WHERE id = ?", row)


def contact(tx: Transaction, lock: LockId, now: Now) -> None:
    """The lock answered."""
    tx.later("UPDATE locks SET last_contact = ? WHERE id = ?", (now.latest.timestamp(), lock))


def turned(tx: Transaction, lock: LockId, bolt: Bolt) -> None:
    """Where it said that its bolt is."""
    tx.bolt_turned = True
    tx.later("UPDATE locks SET bolt = ? WHERE id = ?", (bolt, lock))


async def bolts(tx: Transaction) -> dict[LockId, Bolt]:
    """Where the bolt of each lock was that has said so."""
    rows = await tx.rows("SELECT id, bolt FROM locks WHERE bolt IS NOT NULL")
    return {LockId(id_): Bolt(bolt) for id_, bolt in rows}


async def resynced(tx: Transaction, lock: LockId) -> list[CommandId]:
    """Each command about all of a lock's codes whose effect is not told yet."""
    row = await tx.row("SELECT cause FROM locks WHERE id = ?", (lock,))
    return [CommandId(cause) for cause in json.loads((row and row[0]) or "[]")]


async def forget_resyncs(tx: Transaction, lock: LockId) -> list[CommandId]:
    """The same, to be told now."""
    causes = await resynced(tx, lock)
    tx.later("UPDATE locks SET cause = NULL WHERE id = ?", (lock,))
    return causes


async def resync(tx: Transaction, lock: LockId, cause: CommandId | None) -> bool:
    """Forget what was seen at a lock and respected there; False where there is no such lock."""
    known = await await_step(tx, lock, cause)
    await tx.rows("DELETE FROM slots WHERE lock_id = ?", (lock,))
    await tx.rows("UPDATE leases SET reason = NULL WHERE lock_id = ?", (lock,))
    tx.woken.add(lock)
    return known


async def sync_now(tx: Transaction, lock: LockId, cause: CommandId | None) -> bool:
    """Whatever waits for its ladder is due, each on its rung, and our codes are to be looked at;
    False where there is no such lock."""
    known = await await_step(tx, lock, cause)
    due = "SET retry_due = 0 WHERE retry_due IS NOT NULL"
    await tx.rows(f"UPDATE locks {due} AND id = ?", (lock,))
    await tx.rows(f"UPDATE leases {due} AND lock_id = ?", (lock,))
    ours = "SELECT slot FROM leases WHERE lock_id = ?1"
    await tx.rows(f"DELETE FROM slots WHERE lock_id = ?1 AND slot IN ({ours})", (lock,))  # noqa: S608  # a constant
    tx.woken.add(lock)
    return known


async def unlisted(tx: Transaction) -> list[LockId]:
    """The locks that are not on the site, and for which a command waits."""
    rows = await tx.rows("SELECT id FROM locks WHERE NOT listed AND cause IS NOT NULL")
    return [LockId(id_) for (id_,) in rows]


async def answers(tx: Transaction, lock: LockId) -> bool:
    """Whether a lock was reached, the last time too."""
    reached = "SELECT 1 FROM locks WHERE id = ? AND last_contact IS NOT NULL AND failures IS NULL"
    return bool(await tx.row(reached, (lock,)))


async def forget_codes(tx: Transaction, lock: LockId) -> None:
    """Nothing on it is ours any more."""
    await tx.rows("DELETE FROM leases WHERE lock_id = ?", (lock,))
    await tx.rows("DELETE FROM slots WHERE lock_id = ?", (lock,))
    for table in ("lost_leases", "echoed", "lost_locks"):
        await tx.rows(f"DELETE FROM {table} WHERE lock_id = ?", (lock,))  # noqa: S608  # our own
    await tx.rows(
        "UPDATE locks SET failures = NULL, retry_due = NULL, reason = NULL WHERE id = ?", (lock,)
    )


async def await_step(tx: Transaction, lock: LockId, cause: CommandId | None) -> bool:
    """Let a command wait until the lock is in step; False where there is no such lock."""
    known = await tx.rows(
        "UPDATE locks SET cause = iif(?1 IS NULL, cause, "
        "json_insert(coalesce(cause, '[]'), '$[#]', ?1)) WHERE id = ?2 AND listed RETURNING 1",
        (cause, lock),
    )
    return bool(known)
