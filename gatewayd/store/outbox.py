"""Events on their way: a row is kept until the cloud's application says that it has it."""

import dataclasses
import json
from collections.abc import Iterable
from datetime import datetime

import structlog
from ulid import ULID

from gatewayd.domain.events import TELEMETRY, Event
from gatewayd.domain.events.alert import AlertCleared, AlertRaised
from gatewayd.domain.health import OF_LOCKS, AlertCode
from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.moment import Now
from gatewayd.store import journal
from gatewayd.store.database import Database, Outgoing, Transaction
from gatewayd.store.form import plain

log = structlog.get_logger(__name__)

SCHEMA = 1
ROOM = 50_000
"""Events that wait for the cloud before telemetry gives way: some 30 MB, and months of a site's."""


LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"


class Outbox:
    """Writes events of one hub into a transaction and reads them for the publisher."""

    def __init__(self, database: Database, hub: str, epoch: str) -> None:
        self._database, self._hub, self._epoch = database, hub, epoch
        self._seq: int | None = None  # the last one given

    async def tell(
        self, tx: Transaction, now: Now, events: Iterable[Event], cause: CommandId | None = None
    ) -> list[Outgoing]:
        """Add events and return them; an alert that is already in that state is not told again."""
        added = []
        for event in events:
            if isinstance(event, AlertRaised | AlertCleared) and not await _news(tx, now, event):
                continue
            seq, id_ = await self._next(tx), str(ULID())
            row = Outgoing(seq, id_, event.type, self._envelope(seq, id_, event, now, cause))
            _add(tx, row)
            journal.add(tx, now, row, event, cause)
            added.append(row)
        return added

    async def again(self, tx: Transaction, id_: str, type_: str, envelope: str) -> Outgoing:
        """Send an event once more as it was: under its first id, with its first `seq` inside."""
        row = Outgoing(await self._next(tx), id_, type_, envelope)
        _add(tx, row)
        return row

    async def fetch(self, after: int, limit: int) -> list[Outgoing]:
        """The next events beyond `after`, oldest first."""
        rows = await self._database.read.rows(
            "SELECT seq, id, type, envelope FROM outbox WHERE seq > ? AND parked IS NULL "
            "ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [Outgoing(*row) for row in rows]

    async def waiting(self, ids: list[str]) -> list[Outgoing]:
        """Those of the named events that still wait for their receipt, parked or not."""
        rows = await self._database.read.rows(
            "SELECT seq, id, type, envelope FROM outbox WHERE id IN "
            "(SELECT value FROM json_each(?)) ORDER BY seq",
            (json.dumps(ids),),
        )
        return [Outgoing(*row) for row in rows]

    async def untouched(self) -> bool:
        """Whether nothing was ever told: the database is new."""
        return not await self._database.read.rows(LAST)

    async def parked(self) -> list[str]:
        """The ids of the events that the broker refused."""
        rows = await self._database.read.rows("SELECT id FROM outbox WHERE parked IS NOT NULL")
        return [id_ for (id_,) in rows]

    async def shed(self, room: int = ROOM) -> None:
        """Where more than `room` events wait, let the oldest telemetry go, down to nine tenths."""
        if await count(self._database.read) <= room:
            return
        async with self._database.transaction() as tx:
            surplus = await count(tx) - room * 9 // 10
            gone = await tx.rows(SHED, (json.dumps([event.type for event in TELEMETRY]), surplus))
        log.warning("outbox.shed", events=len(gone))

    async def _next(self, tx: Transaction) -> int:
        """The next place; what is rolled back leaves a gap."""
        if self._seq is None:
            row = await tx.row(LAST)
            self._seq = row[0] if row else 0
        self._seq += 1
        return self._seq

    def _envelope(self, seq: int, id_: str, event: Event, now: Now, cause: CommandId | None) -> str:
        doubt = {}
        if not now.trusted:
            doubt = {"ts_earliest": now.earliest, "ts_latest": now.latest}
        envelope = {
            "id": id_,
            "type": event.type,
            "schema_version": SCHEMA,
            "hub": self._hub,
            "epoch": self._epoch,
            "seq": seq,
            "ts": now.latest,
            "ts_trusted": now.trusted,
            **doubt,
            "expires": None,
            "cause": cause,
            "data": dataclasses.asdict(event),
        }
        return json.dumps(envelope, default=plain, separators=(",", ":"))


def _add(tx: Transaction, row: Outgoing) -> None:
    """Once: an event that is sent again may wait for its first receipt still."""
    tx.told.append(row)
    tx.later(
        "INSERT OR IGNORE INTO outbox (seq, id, type, envelope) VALUES (?, ?, ?, ?)",
        (row.seq, row.id, row.type, row.envelope),
    )


SHED = """
DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox
    WHERE type IN (SELECT value FROM json_each(?1)) ORDER BY seq LIMIT ?2)
RETURNING 1
"""


async def count(tx: Transaction) -> int:
    """How many events have no receipt."""
    ((count,),) = await tx.rows("SELECT count(*) FROM outbox")
    return int(count)


async def receipted(tx: Transaction, ids: list[str]) -> None:
    """The cloud has these: its application is responsible for them now."""
    these = (json.dumps(ids),)
    tx.later("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))", these)
    handed = await tx.rows(
        "SELECT DISTINCT lock_id FROM doors JOIN keys ON key_id = id "
        "WHERE handover IN (SELECT value FROM json_each(?))",
        these,
    )
    if handed:
        tx.woken.update(lock for (lock,) in handed)


async def park(tx: Transaction, id_: str, why: str) -> None:
    """Keep an event that the broker refuses out of the way of the others; again costs nothing."""
    await tx.rows("UPDATE outbox SET parked = ?1 WHERE id = ?2 AND parked IS NOT ?1", (why, id_))


async def unpark(tx: Transaction, ids: list[str]) -> list[str]:
    """The broker took these after all; returns the types whose alert has no parked event left."""
    tx.later("UPDATE outbox SET parked = NULL WHERE id = ?", *((id_,) for id_ in ids))
    rows = await tx.rows(
        "SELECT subject FROM alerts WHERE code = ? AND subject NOT IN "
        "(SELECT type FROM outbox WHERE parked IS NOT NULL)",
        (AlertCode.EVENT_PARKED,),
    )
    return [type_ for (type_,) in rows]


async def standing(tx: Transaction, subject: str, codes: list[AlertCode]) -> list[AlertCode]:
    """Which of these alerts stand for a subject."""
    found = tx.ahead.pop(("alerts", subject), None)
    if found is None:
        rows = await tx.rows("SELECT code FROM alerts WHERE subject = ?", (subject,))
        found = [code for (code,) in rows]
    return [AlertCode(code) for code in found if code in codes]


async def about(tx: Transaction, lock: LockId) -> list[tuple[AlertCode, str]]:
    """Each alert that stands for a lock, or for a key at it, with its subject."""
    rows = await tx.rows(f"{AT} {AT_LOCK}", (CODES, lock))
    return [(AlertCode(code), subject) for code, subject in rows]


async def of_nobody(tx: Transaction) -> list[tuple[AlertCode, str]]:
    """Each alert for a lock that is not on the site and has nothing of ours, and for one that does
    not answer, of which that is not so."""
    rows = await tx.rows(f"{AT} {OF_NOBODY} ORDER BY subject, code", (CODES,))
    return [(AlertCode(code), subject) for code, subject in rows]


CODES = json.dumps(sorted(OF_LOCKS))
AT = """
WITH at AS (SELECT code, subject, substr(subject, 1, instr(subject || '/', '/') - 1) AS lock_id
    FROM alerts WHERE code IN (SELECT value FROM json_each(?1)) OR instr(subject, '/'))
"""
"""The alerts of locks, and of keys and backups at locks."""
AT_LOCK = "SELECT code, subject FROM at WHERE lock_id = ?2"
OF_NOBODY = """
SELECT code, subject FROM at
WHERE lock_id NOT IN (SELECT id FROM locks WHERE listed UNION SELECT lock_id FROM leases)
    OR (code = 'lock_offline' AND lock_id IN (SELECT id FROM locks WHERE failures IS NULL))
"""


async def raised_at(tx: Transaction, code: AlertCode, subject: str) -> float | None:
    """Since when an alert stands."""
    sql = "SELECT raised_at FROM alerts WHERE code = ? AND subject = ?"
    row = await tx.row(sql, (code, subject))
    return row[0] if row else None


def ends(tx: Transaction, subject: str, at: datetime) -> None:
    """When that is over which its alerts are about, where nothing else tells."""
    tx.later("UPDATE alerts SET ends = ? WHERE subject = ?", (at.timestamp(), subject))


async def over(tx: Transaction, now: Now) -> set[tuple[AlertCode, str]]:
    """The alerts, with their subjects, about what is."""
    rows = await tx.rows(
        "SELECT code, subject FROM alerts WHERE ends <= ?", (now.earliest.timestamp(),)
    )
    return {(AlertCode(code), subject) for code, subject in rows}


async def subjects(tx: Transaction, code: AlertCode) -> set[str]:
    """For what an alert stands."""
    return {
        subject
        for (subject,) in await tx.rows("SELECT subject FROM alerts WHERE code = ?", (code,))
    }


async def _news(tx: Transaction, now: Now, alert: AlertRaised | AlertCleared) -> bool:
    if isinstance(alert, AlertRaised):
        changed = await tx.rows(
            "INSERT INTO alerts VALUES (?, ?, ?, NULL) ON CONFLICT DO NOTHING RETURNING 1",
            (alert.code, alert.subject, now.latest.timestamp()),
        )
    else:
        changed = await tx.rows(
            "DELETE FROM alerts WHERE code = ? AND subject = ? RETURNING 1",
            (alert.code, alert.subject),
        )
    return bool(changed)
