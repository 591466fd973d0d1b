"""What locks show beside codes: which name is free, and what takes its place."""

import json
from collections.abc import Sequence

from gatewayd.domain.ids import KeyId
from gatewayd.domain.key import Key
from gatewayd.domain.label import numbered
from gatewayd.domain.moment import Now
from gatewayd.store.database import Transaction

TAKEN = """
SELECT 1 FROM keys WHERE id = ?1 AND relabelled
UNION ALL
SELECT 1 FROM keys WHERE guest = ?2 AND id <> ?1 AND NOT revoked AND ends > ?3
UNION ALL
SELECT 1 FROM keys k WHERE label = ?4 AND label <> '' AND id <> ?1 AND EXISTS (
    SELECT 1 FROM (SELECT lock_id FROM doors WHERE key_id = k.id
        UNION ALL SELECT lock_id FROM leases WHERE key_id = k.id)
    WHERE lock_id IN (SELECT value FROM json_each(?5)))
LIMIT 1
"""


async def taken(tx: Transaction, key: Key, now: Now) -> bool:
    """Whether a key may not have its name as label (S1-24): its guest has another key, another key
    is called so at one of its locks, or a lock has refused it."""
    if tx.holders is not None and tx.holders.name_free(key):
        return False
    if ("name", key.id) in tx.ahead:
        return bool(tx.ahead.pop(("name", key.id)))
    return bool(await tx.rows(*question(key, now)))


def question(key: Key, now: Now) -> tuple[str, Sequence[object]]:
    """What `taken` asks."""
    values = (key.id, key.guest, now.earliest.timestamp(), key.name, json.dumps([*key.doors]))
    return TAKEN, values


async def relabel(tx: Transaction, key: KeyId, plain: str, *, again: bool) -> None:
    """The plain label instead of the name; `again`: a lock has that too, so one with a number."""
    row = await tx.row("SELECT label, relabelled FROM keys WHERE id = ?", (key,))
    if row is None:
        return
    label, number = row
    if label != plain and number <= 1:  # the name
        label, number = plain, 1
    elif again:
        number = max(number, 1) + 1
        label = numbered(plain, number)
    await tx.rows("UPDATE keys SET label = ?, relabelled = ? WHERE id = ?", (label, number, key))
