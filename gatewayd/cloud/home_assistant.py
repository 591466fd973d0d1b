"""The hub and its locks in Home Assistant, over the broker that the hub speaks to anyway.

All of it is retained: a Home Assistant that comes later finds it, and nothing is said again while
it is as it was. What is not so any more is taken back, also when this was switched off.
"""

import asyncio

import structlog

from gatewayd.cloud.connection import Connection
from gatewayd.cloud.entities import Names, Shown, messages
from gatewayd.domain.battery import is_low
from gatewayd.domain.events.alert import AlertCleared, AlertRaised
from gatewayd.domain.events.lock import LockBattery, LockOffline, LockOnline
from gatewayd.domain.health import AlertCode, at_lock
from gatewayd.intake.schemas import SitePut
from gatewayd.store import announced, site, status
from gatewayd.store.database import Database, Transaction

log = structlog.get_logger(__name__)

PAUSE = 1.0
"""Seconds between two looks at the disk: what happens in a row is one change."""
LOSSES = 3
"""Connections in a row that may end in a message of these: some brokers close them at what a client
may not publish, and the codes need one."""
HOUR = 3600.0
"""Seconds."""
SHOWN = {event.type for event in (LockOnline, LockOffline, LockBattery, AlertRaised, AlertCleared)}
"""The events after which it looks different."""


class HomeAssistant:
    """`names`: of what is said; None: nothing is, and what was said is taken back."""

    def __init__(self, database: Database, names: Names | None) -> None:
        self._database, self._names = database, names
        self._said: dict[str, bytes] = {}
        self._refused, self._losses, self._again = False, 0, 0.0
        self._wake = asyncio.Event()

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        if tx.site_changed or tx.bolt_turned or any(event.type in SHOWN for event in tx.told):
            self._wake.set()

    async def run(self, connection: Connection) -> None:
        """Say on one connection what is new, until it is cancelled or lost; an hour later, where
        that was the end of the ones before."""
        loop = asyncio.get_running_loop()
        if self._losses == LOSSES:
            log.error("home_assistant.off", why="connections ended in its messages", again_s=HOUR)
            self._losses, self._again = 0, loop.time() + HOUR
        await asyncio.sleep(max(0.0, self._again - loop.time()))
        if self._refused or not connection.session_present:  # a broker that forgot us forgot it too
            self._said.clear()
        self._refused = False
        while True:
            self._wake.clear()
            await self._say(connection)
            await asyncio.sleep(PAUSE)
            await self._wake.wait()

    async def _say(self, connection: Connection) -> None:
        """One message after the other: an event never waits behind more than one of them."""
        read, wanted = self._database.read, dict[str, bytes]()
        if self._names is not None:
            alerts = [(AlertCode(x["code"]), x["subject"]) for x in await status.alerts(read)]
            codes = [code for code, _ in alerts]
            wanted = dict(messages(self._names, await _shown(read, alerts), codes))
        before = await announced.topics(read)
        if new := wanted.keys() - before:
            async with self._database.transaction() as tx:
                announced.add(tx, new)
        gone = set[str]()
        for topic, payload in (wanted | dict.fromkeys(before - wanted.keys(), b"")).items():
            if self._said.get(topic) == payload:
                continue
            self._losses += 1  # unless it comes through
            code = await connection.publish(topic, payload, retain=True)
            self._losses = 0
            self._said[topic] = payload
            if code.is_failure:
                self._refused = True
                log.warning("home_assistant.refused", topic=topic, why=str(code))
            elif not payload:
                gone.add(topic)
        if gone:
            async with self._database.transaction() as tx:
                announced.forget(tx, gone)


async def _shown(read: Transaction, alerts: list[tuple[AlertCode, str]]) -> list[Shown]:
    """The locks of the site."""
    document = await site.document(read)
    if document is None:
        return []
    said = {lock.id: lock for lock in SitePut.model_validate_json(document).locks}
    bolts = await site.bolts(read)
    found = []
    for heard in await status.locks(read):
        if (lock := said.get(heard["lock_id"])) is None:
            continue  # it came between the two questions, and so does the next look
        level, warned = heard["battery"], heard["battery_low"]
        found.append(
            Shown(
                id=heard["lock_id"],
                name=lock.name,
                driver=lock.driver,
                online=heard["online"] if lock.active else None,
                bolt=bolts.get(heard["lock_id"]),
                battery=level,
                battery_low=None if level is None and not warned else is_low(level, warned=warned),
                alerts=tuple({code for code, about in alerts if at_lock(code, about) == lock.id}),
            )
        )
    return found
