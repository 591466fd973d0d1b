"""All workers of a site: started, woken and ended as the site document and the radios change."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime

import structlog

from gatewayd.domain.bolt import Operation
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.command import CommandRejected
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.reach import Reach
from gatewayd.domain.report import Heard
from gatewayd.errors import Reason
from gatewayd.locks.driver import IsServed, Link, OnReport, Radio
from gatewayd.reconciler.operate import CUT_OFF, Answer, operate
from gatewayd.reconciler.turns import AT_ONCE, Turns
from gatewayd.reconciler.worker import Tools, Worker
from gatewayd.store import operations, site
from gatewayd.store.database import Transaction
from gatewayd.store.outbox import subjects

log = structlog.get_logger(__name__)

RADIO_GRACE = 30.0
"""Seconds that a radio may be away before an alert: its server restarts in about 4."""


class Reconciler:
    """Owns the workers; `radios` by the driver's name in the site document."""

    def __init__(self, radios: Mapping[str, Radio], tools: Tools) -> None:
        self._radios, self._tools = radios, tools
        self._turns = {name: Turns(radio.sessions) for name, radio in radios.items()}
        self._workers: dict[site.LockRow, tuple[Worker, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._since: dict[str, datetime] = {}
        self._operations: asyncio.Queue[Operation] = asyncio.Queue()
        for name, radio in radios.items():
            radio.on_report, radio.is_served = self._listener(name), self._server(name)

    async def answer_cut_off(self) -> None:
        """Before anything is accepted: operations of an earlier run are not repeated."""
        async with self._tools.database.transaction() as tx:
            for command in await operations.unanswered(tx):
                await self._answer(tx, command, CUT_OFF)
                log.warning("operation.cut_off", command=command)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Keep one worker for each lock, in the given group; for ever."""
        group.create_task(self._take_operations(group), name="operations")
        for radio in self._radios.values():
            for name, link in _links(radio).items():
                group.create_task(self._watch(radio, name, link), name=f"watch {name}")
        while True:
            self._changed.clear()
            wanted = set(await site.locks(self._tools.database.read))
            for row in self._workers.keys() - wanted:
                self._workers.pop(row)[1].cancel()
            for row in sorted(wanted - self._workers.keys(), key=lambda r: r.id):
                if row.driver in self._radios:
                    self._start(group, row)
                else:
                    log.error("lock.no_radio", lock=row.id, driver=row.driver)
            await self._tell_unknown({row.driver for row in wanted} - self._radios.keys())
            await self._changed.wait()

    def reach(self) -> dict[str, Reach]:
        """How it stands with each radio, and with its parts."""
        now, found = self._tools.clock.now().latest, {}
        for radio in self._radios.values():
            for name, link in _links(radio).items():
                up, since = link.up.is_set(), self._since.get(name, now)
                found[name] = Reach(up, since, None if up else radio.unfit)
        return found

    def committed(self, tx: Transaction) -> None:
        """A transaction became true: wake whom it concerns."""
        if tx.site_changed:
            self._changed.set()
        for worker, _ in self._workers.values():
            if worker.lock in tx.woken:
                worker.wake.set()
        for operation in tx.operations:
            self._operations.put_nowait(operation)

    def _start(self, group: asyncio.TaskGroup, row: site.LockRow) -> None:
        radio, turns = self._radios[row.driver], self._turns[row.driver]
        driver, link = radio.lock(row.address), radio.link.of(row.address)
        worker = Worker(LockId(row.id), driver, link, turns, self._tools)
        task = group.create_task(worker.run(), name=f"lock {row.id}")
        self._workers[row] = (worker, task)

    def _listener(self, driver: str) -> OnReport:
        def listen(address: str, report: Heard) -> None:
            for worker in self._serving(driver, address):
                worker.report(report)

        return listen

    def _server(self, driver: str) -> IsServed:
        return lambda address: any(not w.reports for w in self._serving(driver, address))

    def _serving(self, driver: str, address: str) -> Iterator[Worker]:
        for row, (worker, _) in self._workers.items():
            if (row.driver, row.address) == (driver, address):
                yield worker

    async def _take_operations(self, group: asyncio.TaskGroup) -> None:
        """What comes when the group ends already stays where it is, for the next start."""
        while True:
            operation = await self._operations.get()
            group.create_task(self._operate(operation), name=f"operate {operation.lock}")

    async def _operate(self, operation: Operation) -> None:
        """A person waits at the door: in a task of its own, before whatever else is due there, and
        answered whatever comes of it."""
        workers = (worker for worker, _ in self._workers.values())
        worker = next((w for w in workers if w.lock == operation.lock), None)
        answer: Answer = CommandRejected(Reason.RADIO_DOWN, "", "the lock has no radio", True)
        if worker is not None:
            clock, progress = self._tools.clock, self._tools.progress
            async with worker.turns.take(AT_ONCE), worker.turns.air:
                with progress.touching(worker.lock, clock):
                    answer = await operate(worker.driver, clock, operation)
        async with self._tools.database.transaction() as tx:
            await self._answer(tx, operation.cause, answer)
        log.info(answer.type, command=operation.cause, lock=operation.lock)

    async def _answer(self, tx: Transaction, command: CommandId, answer: Answer) -> None:
        operations.answered(tx, command)
        await self._tools.outbox.tell(tx, self._tools.clock.now(), (answer,), command)

    async def _watch(self, radio: Radio, name: str, link: Link) -> None:
        """What comes back, a radio or a part of one, wakes its locks; what stays away is told."""
        while True:
            self._since[name] = self._tools.clock.now().latest
            try:
                async with asyncio.timeout(RADIO_GRACE):
                    await link.up.wait()
            except TimeoutError:
                code = AlertCode.RADIO_UNSAFE if radio.unfit else AlertCode.RADIO_DOWN
                await self._tell(raised(code, name))
                await link.up.wait()
            self._since[name] = self._tools.clock.now().latest
            await self._tell(
                cleared(AlertCode.RADIO_DOWN, name),
                cleared(AlertCode.RADIO_UNSAFE, name),
            )
            for row, (worker, _) in self._workers.items():
                if self._radios.get(row.driver) is radio:
                    worker.wake.set()
            await link.down.wait()

    async def _tell_unknown(self, drivers: set[str]) -> None:
        """Drivers without a radio, until no lock names them any more."""
        stands = await subjects(self._tools.database.read, AlertCode.RADIO_DOWN)
        over = stands - drivers - self._radios.keys()
        over -= {part for radio in self._radios.values() for part in radio.link.parts}
        if drivers or over:
            await self._tell(
                *(raised(AlertCode.RADIO_DOWN, name) for name in sorted(drivers)),
                *(cleared(AlertCode.RADIO_DOWN, name) for name in sorted(over)),
            )

    async def _tell(self, *events: Event) -> None:
        async with self._tools.database.transaction() as tx:
            await self._tools.outbox.tell(tx, self._tools.clock.now(), events)


def _links(radio: Radio) -> dict[str, Link]:
    """Its own, and those of its parts."""
    return {radio.name: radio.link, **radio.link.parts}
