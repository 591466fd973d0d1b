"""From the outbox to the broker. A row ends with the cloud's receipt, not with the PUBACK: what
has none is sent again after 30 s, doubling to 5 min, and in the next connection where it had no
PUBACK or the broker lost the session.
"""

import asyncio
import contextlib
import json
from collections import deque
from dataclasses import dataclass

import structlog
from paho.mqtt.reasoncodes import ReasonCode

from gatewayd.clock import Clock
from gatewayd.cloud.connection import Connection
from gatewayd.cloud.summary import fitted, room
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.retry import Tick
from gatewayd.store.database import Database, Outgoing, Transaction
from gatewayd.store.outbox import Outbox, park, receipted, unpark
from gatewayd.store.status import reported

log = structlog.get_logger(__name__)

RESEND = (30.0, 300.0)
"""Seconds without a receipt until an event is sent again: the first, and the longest."""
WINDOW = 100
"""Events on their way to the broker without its PUBACK."""
REPORT_EVERY = 300.0
"""Seconds between two summaries of what changed: at 256 KiB each, 3 MB an hour at the most."""
REPORT_PROVEN = 30.0
"""The same where a code was proven: a lost database leaves what was written since the last one to
the cloud's echo (ADR 11)."""


@dataclass(slots=True)
class _Sent:
    """An event that waits for its receipt."""

    due: Tick
    times: int


class Publisher:
    """Sends what the outbox holds; `more` says what is new in it, and so that `reported` has
    changed, `report` that it is wanted now."""

    def __init__(
        self, database: Database, outbox: Outbox, clock: Clock, prefix: str, secret: bytes
    ) -> None:
        self._database, self._outbox, self._clock = database, outbox, clock
        self._prefix, self._secret = prefix, secret
        self._sent: dict[str, _Sent] = {}
        self._on_way: set[str] = set()
        self._window = WINDOW
        self._refused: dict[str, tuple[str, str]] = {}
        self._parked: set[str] = set()  # tried again, once in each connection
        self._mended: list[str] = []
        self._last = 0
        self._told: deque[Outgoing] = deque(maxlen=WINDOW)  # just committed, so as not to be read
        self._unread = True  # the outbox may hold rows beyond `_last` that are not in `_told`
        self._reported = clock.tick()
        self._report_due: Tick | None = None
        self._wake = asyncio.Event()

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        if tx.report_wanted:
            self.report()
        if tx.told:
            self.more(tx.told)

    def more(self, told: list[Outgoing]) -> None:
        """The outbox has these new rows."""
        self._told += told
        proven = any(event.type == CodeConfirmed.type for event in told)
        due = Tick(self._reported + (REPORT_PROVEN if proven else REPORT_EVERY))
        self._report_due = due if self._report_due is None else min(self._report_due, due)
        self._wake.set()

    def report(self) -> None:
        """Publish the summary after the events that wait."""
        self._report_due = self._clock.tick()
        self._wake.set()

    async def run(self, connection: Connection) -> None:
        """Publish on one connection until it is cancelled or lost."""
        self._refused.clear()  # this connection may be told another answer
        tick = self._clock.tick()
        for id_, sent in self._sent.items():
            if id_ in self._on_way or not connection.session_present:
                sent.due = tick
        self._on_way.clear()
        self._parked = set(await self._outbox.parked())
        self._sent |= {id_: _Sent(tick, 0) for id_ in self._parked}  # as if late
        await self._unpark()
        self._window = min(WINDOW, connection.window)
        self._unread = True
        self._report_due = tick
        while True:
            self._wake.clear()
            await self._park()
            if self._mended:
                await self._unpark()
            if self._has_room() and await self._publish(connection):
                continue
            if not self._behind() and self._is_due(self._report_due):
                await self._publish_report(connection)
            await self._wait()

    async def receipted(self, payloads: list[bytes]) -> None:
        """`ack` messages: the cloud has stored these events."""
        ids = [id_ for payload in payloads for id_ in _ids(payload)]
        if not ids:
            return
        async with self._database.transaction() as tx:
            await receipted(tx, ids)
        for id_ in ids:
            self._sent.pop(id_, None)

    def _has_room(self) -> bool:
        """Whether half of the window is free: one event after each PUBACK would be one question to
        the store for each."""
        return len(self._on_way) <= self._window // 2

    async def _publish(self, connection: Connection) -> int:
        room = self._window - len(self._on_way)
        rows = await self._overdue(room)
        fresh = await self._fresh(room - len(rows))
        for row in (*rows, *fresh):
            future = connection.publish(f"{self._prefix}evt/{row.type}", row.envelope.encode())
            self._last = max(self._last, row.seq)
            self._on_way.add(row.id)
            future.add_done_callback(lambda f, row=row: self._taken(row, f))  # type: ignore[misc]  # bound now
            times = self._sent[row.id].times + 1 if row.id in self._sent else 1
            wait = min(RESEND[0] * 2 ** (times - 1), RESEND[1])
            self._sent[row.id] = _Sent(Tick(self._clock.tick() + wait), times)
        return len(rows) + len(fresh)

    async def _fresh(self, room: int) -> list[Outgoing]:
        """The next ones: those at hand where none was missed, else as the outbox has them."""
        rows: list[Outgoing] = []
        following = self._last + 1
        while self._told and len(rows) < room and not self._unread:
            row = self._told.popleft()
            self._unread = row.seq > following
            if row.seq == following:
                rows.append(row)
                following += 1
        if rows or not self._unread or room <= 0:
            return rows
        self._told.clear()
        self._unread = False
        rows = await self._outbox.fetch(self._last, room)
        self._unread |= len(rows) == room
        return rows

    async def _overdue(self, room: int) -> list[Outgoing]:
        """Events whose receipt is late; those that have it meanwhile are forgotten."""
        tick = self._clock.tick()
        late = [i for i, s in self._sent.items() if s.due <= tick and i not in self._on_way][:room]
        if not late:
            return []
        rows = await self._outbox.waiting(late)
        for id_ in set(late) - {row.id for row in rows}:
            del self._sent[id_]
        return rows

    def _taken(self, row: Outgoing, future: asyncio.Future[ReasonCode]) -> None:
        self._on_way.discard(row.id)
        if not future.cancelled() and future.result().is_failure:
            self._refused[row.id] = (row.type, str(future.result()))
        elif row.id in self._parked:
            self._mended.append(row.id)
        if self._refused or self._mended or (self._behind() and self._has_room()):
            self._wake.set()

    async def _park(self) -> None:
        """What the broker refuses by itself must not hold up the rest."""
        while self._refused:
            id_, (type_, why) = self._refused.popitem()
            async with self._database.transaction() as tx:
                await park(tx, id_, why)
                # By type: where alerts are refused too, one of them does not lead to the next.
                alert = raised(AlertCode.EVENT_PARKED, type_)
                await self._outbox.tell(tx, self._clock.now(), (alert,))
            self._sent.pop(id_, None)
            log.error("event.parked", id=id_, why=why)

    async def _unpark(self) -> None:
        """What went through at last is an event like others; an alert ends with the last parked
        one of its type."""
        mended, self._mended = self._mended, []
        self._parked.difference_update(mended)
        async with self._database.transaction() as tx:
            types = await unpark(tx, mended)
            alerts = [cleared(AlertCode.EVENT_PARKED, type_) for type_ in types]
            await self._outbox.tell(tx, self._clock.now(), alerts)

    def _behind(self) -> bool:
        return self._unread or bool(self._told)

    def _is_due(self, at: Tick | None) -> bool:
        return at is not None and at <= self._clock.tick()

    async def _publish_report(self, connection: Connection) -> None:
        self._reported, self._report_due = self._clock.tick(), None
        now, topic = self._clock.now(), f"{self._prefix}reported"
        summary = await reported(self._database.read, now, self._clock, self._secret)
        payload = fitted(summary, room(topic, connection.largest))
        if payload is None:
            log.warning("report.too_large", largest=connection.largest)
            return
        connection.publish(topic, payload, retain=True)

    async def _wait(self) -> None:
        """Until something is new, the next receipt is late, or the summary is due."""
        dues = [s.due for s in self._sent.values()]
        if self._report_due is not None:
            dues.append(self._report_due)
        wait = max(1.0, min(dues) - self._clock.tick()) if dues else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()


def _ids(payload: bytes) -> list[str]:
    try:
        ids = json.loads(payload)["ids"]
    except (ValueError, KeyError, TypeError, RecursionError):
        ids = None
    if isinstance(ids, list) and all(isinstance(i, str) and i.isascii() for i in ids):
        return ids
    log.warning("receipt.malformed", size=len(payload))
    return []
