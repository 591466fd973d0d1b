"""What a change of reservations asks for one by one, read for all of them in one statement."""

import asyncio
import json
from itertools import batched

from gatewayd.domain.ids import ReservationId
from gatewayd.domain.reservation import key_of
from gatewayd.store.database import Transaction
from gatewayd.store.holders import HOLDERS, Holders

BREATH = 1000
"""Rows between two turns of the event loop, some 500 µs."""
AHEAD = """
SELECT value->>0, value->>1, r.version, r.document, r.held, r.due, r.confirmed,
    r.checked_in, r.checked_out,
    o.version, o.document, k.code, k.starts, k.ends, k.revoked,
    (SELECT json_group_array(code) FROM alerts WHERE subject = value->>0),
    (SELECT json_group_array(json_array(lock_id, due, withheld, verify_after, retry,
        external_delete, free_slot_after)) FROM doors WHERE key_id = value->>1 AND leaves IS NULL)
FROM json_each(?) LEFT JOIN reservations r ON r.id = value->>0 LEFT JOIN keys k ON k.id = value->>1
    LEFT JOIN overrides o ON o.key_id = value->>1
"""


async def read_holders(tx: Transaction) -> None:
    """Spare `keys.taken` and `labels.taken` their question where nobody else has it."""
    tx.holders = Holders()
    for some in batched(await tx.rows(HOLDERS), BREATH):
        for row in some:
            tx.holders.add(*row)
        await asyncio.sleep(0)


async def look_ahead(tx: Transaction, ids: list[ReservationId]) -> None:
    """Answer `reservations.get`, `overrides.get`, `keys.known`, `doors.of` and
    `outbox.standing`, once each."""
    wanted = json.dumps([[id_, key_of(id_)] for id_ in ids])
    for id_, key, *row, code, starts, ends, revoked, alerts, doors in await tx.rows(
        AHEAD, (wanted,)
    ):
        stored, said = row[:7], row[7:]
        tx.ahead["reservation", id_] = None if stored[0] is None else stored
        tx.ahead["override", key] = None if said[0] is None else said
        tx.ahead["key", key] = None if code is None else (code, starts, ends, revoked)
        tx.ahead["doors", key] = json.loads(doors)
        tx.ahead["alerts", id_] = json.loads(alerts)
