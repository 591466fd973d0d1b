"""Reservations as they came, with what holds those that have no key."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gatewayd.domain.ids import PropertyId, ReservationId
from gatewayd.domain.moment import Now, from_epoch
from gatewayd.domain.reservation import Reservation
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """A reservation's document (JSON); why it has no key, where it wants one, and until when;
    whether it is confirmed still; when the guest came and went."""

    version: int
    document: str
    held: Reason | None
    due: datetime | None
    confirmed: bool
    checked_in: datetime | None = None
    checked_out: datetime | None = None


async def get(tx: Transaction, id_: ReservationId) -> Stored | None:
    """What is known of a reservation."""
    if ("reservation", id_) in tx.ahead:
        row = tx.ahead.pop(("reservation", id_))
    else:
        row = await tx.row(f"SELECT {STORED} FROM reservations WHERE id = ?", (id_,))  # noqa: S608  # a constant
    return stored(*row) if row else None


STORED = "version, document, held, due, confirmed, checked_in, checked_out"


def stored(version: int, document: str, held: str | None, *rest: Any) -> Stored:
    """From a row."""
    due, confirmed, came, went = rest
    until, came_at, went_at = (from_epoch(x) if x is not None else None for x in (due, came, went))
    why = Reason(held) if held else None
    return Stored(version, document, why, until, bool(confirmed), came_at, went_at)


async def put(tx: Transaction, now: Now, reservation: Reservation, document: str) -> None:
    """Insert or update; nothing holds it at first."""
    tx.later(
        "INSERT INTO reservations (id, version, property_id, document, confirmed, changed_at) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, "
        "property_id = excluded.property_id, document = excluded.document, held = NULL, "
        "confirmed = excluded.confirmed, changed_at = excluded.changed_at, due = NULL",
        (
            reservation.id,
            reservation.version,
            reservation.property_id,
            document,
            reservation.confirmed,
            now.latest.timestamp(),
        ),
    )


async def hold(
    tx: Transaction,
    id_: ReservationId,
    why: Reason | None,
    until: datetime | None = None,
) -> None:
    """Say why a reservation has no key, and until when; or that nothing holds it any more."""
    due = until.timestamp() if until else None
    tx.held |= until is not None
    await tx.rows(
        "UPDATE reservations SET held = ?1, due = ?2 WHERE id = ?3 "
        "AND (held IS NOT ?1 OR due IS NOT ?2)",
        (why, due, id_),
    )


async def forget_code(tx: Transaction, id_: ReservationId) -> None:
    """It asks for no code any more."""
    without = "UPDATE reservations SET document = json_remove(document, '$.code') WHERE id = ?"
    await tx.rows(without, (id_,))


def came(tx: Transaction, id_: ReservationId, at: datetime) -> None:
    """The guest has checked in; what was said of a departure before that is taken back."""
    tx.later(
        "UPDATE reservations SET checked_in = ?1, "
        "checked_out = iif(checked_out < ?1, NULL, checked_out) WHERE id = ?2",
        (at.timestamp(), id_),
    )


def went(tx: Transaction, id_: ReservationId, at: datetime) -> None:
    """The guest has checked out."""
    tx.later("UPDATE reservations SET checked_out = ? WHERE id = ?", (at.timestamp(), id_))


async def due(tx: Transaction, now: Now) -> list[ReservationId]:
    """Held ones whose time has come."""
    at = (now.latest.timestamp(),)
    return [
        ReservationId(x) for (x,) in await tx.rows("SELECT id FROM reservations WHERE due <= ?", at)
    ]


async def next_due(tx: Transaction) -> datetime | None:
    """When the next held one is to be looked at."""
    ((at,),) = await tx.rows("SELECT min(due) FROM reservations WHERE due IS NOT NULL")
    return from_epoch(at) if at is not None else None


async def chosen(
    tx: Transaction, now: Now, only: list[str] | None, property_id: PropertyId | None
) -> list[tuple[ReservationId, bool, Reason | None]]:
    """Confirmed reservations, by id, by property or all: whether its key is live, and why it has
    none."""
    rows = await tx.rows(
        "SELECT r.id, coalesce(NOT k.revoked AND k.ends > ?1, 0), r.held FROM reservations r "
        "LEFT JOIN keys k ON k.id = 'res:' || r.id WHERE r.confirmed "
        "AND (?2 IS NULL OR r.id IN (SELECT value FROM json_each(?2))) "
        "AND (?3 IS NULL OR r.property_id = ?3) ORDER BY r.id",
        (now.earliest.timestamp(), None if only is None else json.dumps(only), property_id),
    )
    return [
        (ReservationId(id_), bool(live), Reason(held) if held else None) for id_, live, held in rows
    ]


async def of_property(
    tx: Transaction, property_id: PropertyId, after: str, limit: int
) -> list[ReservationId]:
    """The next confirmed reservations, in the order of ids."""
    rows = await tx.rows(
        "SELECT id FROM reservations "
        "WHERE property_id = ? AND confirmed AND id > ? ORDER BY id LIMIT ?",
        (property_id, after, limit),
    )
    return [ReservationId(id_) for (id_,) in rows]


async def confirmed(tx: Transaction, ids: list[ReservationId]) -> set[ReservationId]:
    """Those of them that stand."""
    rows = await tx.rows(
        "SELECT id FROM reservations WHERE confirmed AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    return {ReservationId(id_) for (id_,) in rows}
