"""Reservations as they came, with what holds those that have no key."""

from dataclasses import dataclass

from gatewayd.domain.ids import CommandId, KeyId, PropertyId, ReservationId
from gatewayd.domain.moment import Now
from gatewayd.domain.reservation import Reservation
from gatewayd.errors import Reason
from gatewayd.store.database import Transaction


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """A reservation's document (JSON), and why it has no key, where it wants one."""

    version: int
    document: str
    held: Reason | None


async def get(tx: Transaction, id_: ReservationId) -> Stored | None:
    """What is known of a reservation."""
    if ("reservation", id_) in tx.ahead:
        row = tx.ahead.pop(("reservation", id_))
    else:
        row = await tx.row("SELECT version, document, held FROM reservations WHERE id = ?", (id_,))
    return Stored(row[0], row[1], Reason(row[2]) if row[2] else None) if row else None


async def of_key(tx: Transaction, key: KeyId) -> str | None:
    """The document behind a key."""
    row = await tx.row(
        "SELECT document FROM reservations r JOIN keys k ON k.reservation_id = r.id WHERE k.id = ?",
        (key,),
    )
    return row[0] if row else None


async def put(tx: Transaction, now: Now, reservation: Reservation, document: str) -> None:
    """Insert or update; nothing holds it at first."""
    tx.later(
        "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, NULL, ?, ?, NULL)",
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
    tx: Transaction, id_: ReservationId, why: Reason | None, cause: CommandId | None
) -> None:
    """Say why a reservation has no key and which command waits for one, or that nothing holds it
    any more."""
    await tx.rows(
        "UPDATE reservations SET held = ?1, cause = ?2 WHERE id = ?3 "
        "AND (held IS NOT ?1 OR cause IS NOT ?2)",
        (why, cause, id_),
    )


async def of_property(
    tx: Transaction, property_id: PropertyId, after: str, limit: int
) -> list[tuple[str, str, CommandId | None]]:
    """Id, document and waiting command of the next confirmed reservations, in the order of ids."""
    rows = await tx.rows(
        "SELECT id, document, cause FROM reservations "
        "WHERE property_id = ? AND confirmed AND id > ? ORDER BY id LIMIT ?",
        (property_id, after, limit),
    )
    return [(row[0], row[1], row[2]) for row in rows]
