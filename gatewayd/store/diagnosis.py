"""What the disk says about a reservation, a key or a lock, for a diagnosis. Nothing is written."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from gatewayd.domain.diagnosis import Attempt, Diagnosis
from gatewayd.domain.diagnosis.attempts import OF_KEY, OF_LOCK, attempt
from gatewayd.domain.diagnosis.diagnose import of_key, of_lock
from gatewayd.domain.diagnosis.door import KeyAtDoor
from gatewayd.domain.diagnosis.facts import Alerts, Case, Door, Grant, Hub, Stay, Told
from gatewayd.domain.events.code import CodeAssigned, CodeChanged
from gatewayd.domain.events.lock import LockUsed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.moment import Now, Window, from_epoch
from gatewayd.domain.reservation import Kind, reservation_of
from gatewayd.domain.retry import Tick
from gatewayd.domain.stay import over_by
from gatewayd.errors import Reason, UnknownSubject
from gatewayd.store import journal, signals, site, situations
from gatewayd.store.connection import Row
from gatewayd.store.database import Transaction
from gatewayd.store.journal import Entry

LATELY = timedelta(hours=3)
"""Wrong codes before that were of another guest, or of another visit."""
ATTEMPTS = 10
SUGGESTED, LIKE = 3, 0.5
"""Ids to name where one is unknown: how many, and how much alike (0 to 1)."""

NAMES = """
SELECT id FROM reservations UNION SELECT id FROM keys UNION SELECT key_id FROM overrides
UNION SELECT id FROM locks
"""
KEY_NAMED = """
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM reservations WHERE id = ?1)
        OR EXISTS (SELECT 1 FROM keys WHERE id = 'res:' || ?1) THEN 'res:' || ?1
    WHEN EXISTS (SELECT 1 FROM keys WHERE id = ?1)
        OR EXISTS (SELECT 1 FROM overrides WHERE key_id = ?1)
        OR EXISTS (SELECT 1 FROM reservations WHERE id = substr(?1, 5) AND 'res:' || id = ?1)
        THEN ?1
    END
"""
STAY = """
SELECT confirmed, changed_at, held, due, document->>'announced_at',
    document->>'kind', document->>'departure', property_id
FROM reservations WHERE id = ?
"""
DOORS = """
SELECT lock_id, due, withheld FROM doors WHERE key_id = ?1
UNION ALL
SELECT DISTINCT lock_id, NULL, NULL FROM leases WHERE key_id = ?1
    AND lock_id NOT IN (SELECT lock_id FROM doors WHERE key_id = ?1)
ORDER BY lock_id
"""


async def why(
    tx: Transaction, subject: str, now: Now, tick: Tick, *, connected: bool | None = None
) -> Diagnosis:
    """Why a reservation's or a key's code is, or is not, on its doors; or how a lock is. `subject`:
    an id, or `lock/key` for a key at one of its doors, as alerts name it; `connected`: whether the
    cloud is, None where nobody knows.

    Raises:
        UnknownSubject: nothing here has that id.
    """
    lock, slash, key = subject.rpartition("/")
    names = Names.read(await site.document(tx))
    ((found,),) = await tx.rows(KEY_NAMED, (key,))
    if found is not None:
        look = await _look(tx, now, tick, connected, names)
        return of_key(await _case(tx, look, subject, KeyId(found), LockId(lock) if slash else None))
    if not slash and await tx.row("SELECT 1 FROM locks WHERE id = ?", (subject,)):
        return await _lock(tx, await _look(tx, now, tick, connected, names), LockId(subject))
    ids = [id_ for (id_,) in await tx.rows(NAMES)]
    nearest = await asyncio.to_thread(get_close_matches, subject, ids, SUGGESTED, LIKE)
    raise UnknownSubject(tuple(nearest))


@dataclass(frozen=True, slots=True)
class Names:
    """What a diagnosis needs of the site document."""

    zone: ZoneInfo
    locks: Mapping[str, str]
    properties: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, document: str | None) -> "Names":
        """From JSON; without a site times are UTC."""
        there: dict[str, Any] = json.loads(document or "{}")
        return cls(
            ZoneInfo(there.get("zone", "UTC")),
            {lock["id"]: lock["name"] for lock in there.get("locks", ())},
            {property_["id"]: property_ for property_ in there.get("properties", ())},
        )

    def zone_of(self, property_id: str | None) -> ZoneInfo:
        """A property's zone, else the site's."""
        named = self.properties.get(property_id or "", {}).get("zone")
        return ZoneInfo(named) if named else self.zone

    def locks_of(self, property_id: str) -> int | None:
        """How many locks a property has; None: there is no such property."""
        there = self.properties.get(property_id)
        return None if there is None else len(there.get("locks") or ())


@dataclass(frozen=True, slots=True)
class Look:
    """What is the same wherever one looks."""

    hub: Hub
    names: Names
    alerts: Mapping[str, Alerts]


async def _look(
    tx: Transaction, now: Now, tick: Tick, connected: bool | None, names: Names
) -> Look:
    alerts: dict[str, dict[AlertCode, datetime]] = {}
    for code, subject, at in await tx.rows("SELECT code, subject, raised_at FROM alerts"):
        alerts.setdefault(subject, {})[AlertCode(code)] = from_epoch(at)
    ((last,),) = await tx.rows("SELECT max(received_at) FROM commands")
    hub = Hub(
        now,
        tick,
        names.zone,
        connected,
        from_epoch(last) if last is not None else None,
        alerts.get("hub", {}),
        braked=any(AlertCode.BRAKE_HELD in standing for standing in alerts.values()),
    )
    return Look(hub, names, alerts)


async def _case(tx: Transaction, look: Look, subject: str, key: KeyId, only: LockId | None) -> Case:
    booked = reservation_of(key)
    row = await tx.row(STAY, (booked,)) if booked is not None else None
    zone = look.names.zone_of(row[-1] if row else None)
    look = replace(look, hub=replace(look.hub, zone=zone))
    doors = [
        await _door(tx, look, LockId(lock), key=key, due=due, withheld=withheld)
        for lock, due, withheld in await tx.rows(DOORS, (key,))
        if only in (None, lock)
    ]
    return Case(
        subject,
        key,
        look.hub,
        _stay(booked, row, look) if booked is not None and row else None,
        await _grant(tx, key),
        tuple(doors),
        look.alerts.get(booked or key, {}),
        await _attempts(tx, look, key, doors),
    )


def _stay(id_: ReservationId, row: Row, look: Look) -> Stay:
    confirmed, changed, held, due, announced, kind, departure, property_id = row
    return Stay(
        id_,
        bool(confirmed),
        from_epoch(changed),
        Reason(held) if held else None,
        from_epoch(due) if due is not None else None,
        datetime.fromisoformat(announced) if announced else None,
        look.names.locks_of(property_id),
        blocks=kind != Kind.BOOKING,
        over=look.hub.now.surely_past(over_by(date.fromisoformat(departure))),
    )


async def _grant(tx: Transaction, key: KeyId) -> Grant | None:
    row = await tx.row("SELECT starts, ends, revoked FROM keys WHERE id = ?", (key,))
    if row is None:
        return None
    starts, ends, revoked = row
    types, told = [CodeAssigned.type, CodeChanged.type], None
    for entry in await journal.last(tx, key=key, types=types, limit=1):
        waits = await tx.row("SELECT 1 FROM outbox WHERE id = ?", (entry.id,))
        told = Told(entry.at, not waits, changed=entry.type == CodeChanged.type)
    return Grant(Window(from_epoch(starts), from_epoch(ends)), bool(revoked), told)


async def _door(
    tx: Transaction,
    look: Look,
    lock: LockId,
    *,
    key: KeyId | None = None,
    due: float | None = None,
    withheld: str | None = None,
) -> Door:
    now, alerts = look.hub.now, look.alerts
    row = await tx.row("SELECT driver, listed, last_contact FROM locks WHERE id = ?", (lock,))
    driver, listed, contact = row or ("", 0, None)
    typed = await signals.wrong_codes(tx, now.latest - LATELY)
    used = [LockUsed.type] if key else []
    opened = await journal.last(tx, lock=lock, key=key, types=used, limit=1)
    return Door(
        await situations.load(tx, lock, now),
        look.names.locks.get(lock, lock),
        driver,
        bool(listed),
        from_epoch(contact) if contact is not None else None,
        from_epoch(due) if due is not None else None,
        Reason(withheld) if withheld else None,
        alerts.get(lock, {}),
        alerts.get(f"{lock}/{key}", {}),
        alerts.get(driver, {}),
        tuple(at for at_lock, at in typed if at_lock == lock),
        max(map(_used_at, opened), default=None),
    )


def _used_at(entry: Entry) -> datetime:
    """By the lock's own clock, where that was in its log."""
    told = entry.data.get("at")
    return datetime.fromisoformat(told) if told else entry.at


async def _lock(tx: Transaction, look: Look, lock: LockId) -> Diagnosis:
    door = await _door(tx, look, lock)
    at = [KeyAtDoor(key, door, look.hub) for key in door.situation.claims]
    return of_lock(door, at, look.hub, await _attempts(tx, look, None, [door]))


async def _attempts(
    tx: Transaction, look: Look, key: KeyId | None, doors: Sequence[Door]
) -> tuple[Attempt, ...]:
    """The last ones of a key, or of all keys of a lock, and how the locks answered."""
    found: dict[int, Entry] = {}
    for door in doors:
        about_codes = await journal.last(tx, lock=door.id, key=key, types=OF_KEY, limit=ATTEMPTS)
        of_itself = await journal.last(tx, lock=door.id, types=OF_LOCK, limit=ATTEMPTS)
        found |= {entry.seq: entry for entry in (*about_codes, *of_itself)}
    names = {door.id: door.name for door in doors}
    newest = sorted(found.values(), key=lambda entry: entry.seq, reverse=True)[:ATTEMPTS]
    return tuple(
        attempt(look.hub, x.at, x.type, x.data, names[x.lock_id]) for x in newest if x.lock_id
    )
