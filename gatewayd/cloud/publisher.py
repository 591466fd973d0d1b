"""From the outbox to the broker. A row ends with the cloud's receipt, not with the PUBACK: what
has none is sent again after 30 s, doubling to 5 min, and in the next connection where it had no
PUBACK or the broker lost the session. An event that the broker refuses, or at which it ends the
connection, is parked: tried again in an hour, after all others.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from functools import partial
from math import inf

import structlog
from paho.mqtt.reasoncodes import ReasonCode

from gatewayd.clock import Clock
from gatewayd.cloud.backlog import Backlog
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
PARKED = 3600.0
"""Seconds until an event is tried again that the broker refused: it may have been busy, or somebody
has mended its rules."""
LOSSES = 3
"""Connections in a row that may end with the same event first on its way: some brokers close them
at what they refuse. Then events go one at a time, and after so many more it is parked."""
WINDOW = 100
"""Events handed to the connection without the broker's PUBACK: it keeps to the broker's own window,
and has the next one at hand when there is room in it."""
REPORT_EVERY = 300.0
"""Seconds between two summaries of what changed: at 256 KiB each, 3 MB an hour at the most."""
REPORT_PROVEN = 30.0
"""The same where a code was proven: a lost database leaves what was written since the last one to
the cloud's echo (ADR 11). On a day on which codes are proven all the time, ten times as much."""


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
        self._late = Tick(inf)  # no receipt is late before
        self._on_way: dict[str, Outgoing] = {}  # in the order in which they went
        self._window = WINDOW
        self._suspect, self._losses = 0, 0  # its seq, and the connections that ended at it
        self._refused: dict[str, tuple[str, str]] = {}
        self._parked: set[str] = set()  # tried again in each connection, and each hour
        self._deadly: set[str] = set()  # at which a connection ended all the same: each hour only
        self._mended: list[str] = []
        self._last = 0
        self._backlog = Backlog(outbox)
        self._reported = clock.tick()
        self._report_due: Tick | None = None
        self._summary: asyncio.Future[ReasonCode] | None = None  # in this connection, the last one
        self._summary_losses = 0  # connections in a row that ended with it alone on its way
        self._summary_off = self._reported  # until then it is left out
        self._wake = asyncio.Event()

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        if tx.report_wanted:
            self.report()
        if tx.told:
            self.more(tx.told)

    def more(self, told: list[Outgoing]) -> None:
        """The outbox has these new rows."""
        self._backlog.told(told)
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
        await self._begin(connection)
        try:
            while True:
                self._wake.clear()
                await self._park()
                if self._mended:
                    await self._unpark()
                if self._has_room():
                    if await self._publish(connection):
                        continue
                    if not self._backlog and self._is_due(self._report_due):
                        await self._publish_report(connection)
                await self._wait()
        finally:
            self._ended(connection)

    async def _begin(self, connection: Connection) -> None:
        """Take up what the last connection left."""
        await self._park()
        tick = self._clock.tick()
        self._parked = set(await self._outbox.parked())
        self._deadly &= self._parked
        self._sent |= {id_: _Sent(tick, 0) for id_ in self._parked - self._deadly}  # as if late
        for id_ in self._sent.keys() - self._deadly:
            if id_ in self._on_way or not connection.session_present:
                self._sent[id_].due = tick
        self._on_way.clear()
        self._late = tick
        await self._unpark()
        self._backlog.resume(self._last)
        self._summary, self._report_due = None, max(tick, self._summary_off)
        self._window = WINDOW if self._losses < LOSSES else 1

    def _ended(self, connection: Connection) -> None:
        """What was first on its way may be why. It is parked where nothing else was on its way so
        many times, neither an event nor another message; once is enough for a parked one."""
        first = next(iter(self._on_way.values()), None)
        if self._summary is not None:
            lost = first is None and not self._summary.done()
            self._summary_losses = self._summary_losses + 1 if lost else 0
        if self._summary_losses == LOSSES:
            self._summary_losses = 0
            self._summary_off = Tick(self._clock.tick() + PARKED)
            self._reported = Tick(self._summary_off - REPORT_EVERY)  # `more` keeps to that
            log.error("report.off", why="connections end at it", again_s=PARKED)
        if first is None:
            return
        if first.seq != self._suspect:
            self._suspect, self._losses = first.seq, 0
        if self._losses < LOSSES or len(connection.unanswered) == 1:
            self._losses += 1  # the next ones count only where it was alone
        if first.id in self._parked:
            self._deadly.add(first.id)
        if first.id in self._parked or self._losses == 2 * LOSSES:
            self._suspect, self._losses = 0, 0
            self._refused[first.id] = (first.type, "connections end at it")

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
        """Whether half of the window is free: one event after each PUBACK would be a wake-up
        for each."""
        return len(self._on_way) <= self._window // 2

    async def _publish(self, connection: Connection) -> int:
        while self._window == 1 and connection.unanswered:
            await asyncio.wait(connection.unanswered.values())  # alone is alone
        room = self._window - len(self._on_way)
        late = await self._overdue(connection, room)
        fresh = await self._backlog.take(room - len(late))
        for row in late:
            self._send(connection, row)
        for row in fresh:
            self._send(connection, row)
            self._last = row.seq
        return len(late) + len(fresh)

    def _send(self, connection: Connection, row: Outgoing) -> None:
        topic, payload = f"{self._prefix}evt/{row.type}", row.envelope.encode()
        if len(payload) > room(topic, connection.largest):  # the broker would end the connection
            self._refused[row.id] = (row.type, "larger than the broker takes")
            return
        future = connection.publish(topic, payload)
        self._on_way[row.id] = row
        future.add_done_callback(partial(self._taken, row))
        times = self._sent[row.id].times + 1 if row.id in self._sent else 1
        due = Tick(self._clock.tick() + min(RESEND[0] * 2 ** (times - 1), RESEND[1]))
        self._sent[row.id], self._late = _Sent(due, times), min(self._late, due)

    async def _overdue(self, connection: Connection, room: int) -> list[Outgoing]:
        """Events whose receipt is late; those that have it meanwhile are forgotten. A parked one
        comes after all else, and alone: the connection may end at it."""
        tick = self._clock.tick()
        if tick < self._late:
            return []
        due = [i for i, s in self._sent.items() if s.due <= tick and i not in self._on_way]
        late = [i for i in due if i not in self._parked][:room]
        if not (late or self._backlog or self._is_due(self._report_due) or connection.unanswered):
            late = due[:1]
        rows = await self._outbox.waiting(late) if late else []
        for id_ in set(late) - {row.id for row in rows}:
            self._sent.pop(id_, None)
        self._late = min((sent.due for sent in self._sent.values()), default=Tick(inf))
        return rows

    def _taken(self, row: Outgoing, future: asyncio.Future[ReasonCode]) -> None:
        self._on_way.pop(row.id, None)
        if row.seq >= self._suspect:  # it was not that one, or that one has its receipt
            self._losses, self._window = 0, min(self._window + 1, WINDOW)
        if not future.cancelled() and future.result().is_failure:
            self._refused[row.id] = (row.type, str(future.result()))
        elif row.id in self._parked:
            self._mended.append(row.id)
        waits = self._backlog or self._is_due(self._late)
        if self._refused or self._mended or (waits and self._has_room()):
            self._wake.set()

    async def _park(self) -> None:
        """What the broker refuses by itself must not hold up the rest."""
        while self._refused:
            id_, (type_, why) = next(iter(self._refused.items()))
            async with self._database.transaction() as tx:
                await park(tx, id_, why)
                # By type: where alerts are refused too, one of them does not lead to the next.
                alert = raised(AlertCode.EVENT_PARKED, type_)
                await self._outbox.tell(tx, self._clock.now(), (alert,))
            due = Tick(self._clock.tick() + PARKED)
            self._sent[id_], self._late = _Sent(due, 0), min(self._late, due)
            self._parked.add(id_)
            del self._refused[id_]
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
        self._summary = connection.publish(topic, payload, retain=True)

    async def _wait(self) -> None:
        """Until something is new, the next receipt is late, or the summary is due."""
        due = self._late if self._report_due is None else min(self._late, self._report_due)
        wait = max(1.0, due - self._clock.tick()) if due < inf else None
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
