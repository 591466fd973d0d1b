"""What locks tell beside their codes: noted as it comes, and watched over time and over locks."""

import asyncio
from dataclasses import dataclass, field, replace

from gatewayd.clock import Clock
from gatewayd.domain.battery import SILENT, days_left, is_low
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.lock import LockWrongCode
from gatewayd.domain.health import AlertCode, radio_at_fault
from gatewayd.domain.hours import LocalTime
from gatewayd.domain.ids import LockId
from gatewayd.domain.keypad import QUIET, attacked, unexplained
from gatewayd.domain.moment import Now
from gatewayd.domain.report import Battery, Dead, Heard, Logged, Report, Turned, WrongCode
from gatewayd.intake.accept import Intake
from gatewayd.store import commissionings, keyring, signals, site
from gatewayd.store.database import Database, Transaction
from gatewayd.store.outbox import Outbox, of_nobody, subjects


async def noted(
    tx: Transaction, intake: Intake, now: Now, lock: LockId, report: Heard
) -> Report | None:
    """Keep what only tells together with other reports; None where it is no news."""
    if isinstance(report, Logged):
        new = await keyring.log_told(tx, report.address, report.index)
        return await noted(tx, intake, now, lock, report.told) if new and report.told else None
    if not isinstance(report, Dead):
        site.contact(tx, lock, now)
    if isinstance(report, WrongCode):
        at = report.at or now.latest
        signals.wrong_code(tx, lock, min(at, now.latest))
    if isinstance(report, Turned):
        site.turned(tx, lock, report.bolt)
        return None
    if isinstance(report, LocalTime):
        site.local_time(tx, lock, report)
    if isinstance(report, Battery):
        return await _battery(tx, intake, now, lock, report)
    return report


async def _battery(
    tx: Transaction, intake: Intake, now: Now, lock: LockId, report: Battery
) -> Battery | None:
    """With a forecast; where it becomes low, or no longer is, codes are due at another time."""
    if report.level is not None:
        signals.battery_level(tx, lock, now.latest.date(), report.level)
    before = await site.battery(tx, lock, report.level, low=report.low)
    if before is None:
        return None
    level, warned = before
    new = level if report.level is None else report.level
    if is_low(level, warned=warned) != is_low(new, warned=report.low):
        await intake.lock_learned(tx, now, lock)
    return replace(report, days_left=days_left(await signals.battery_levels(tx, lock)))


@dataclass(frozen=True, slots=True)
class Watch:
    """Alerts that no single report raises; each is judged anew every time, so none is missed."""

    database: Database
    outbox: Outbox
    clock: Clock
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """At each recheck of the clock, and when somebody tries codes, some reads of the database;
        for ever, until cancelled."""
        while True:
            self.wake.clear()
            await self.look()
            await self.clock.wait(self.wake, None)

    def committed(self, tx: Transaction) -> None:
        """A transaction became true: an attack is told while it lasts."""
        if any(event.type == LockWrongCode.type for event in tx.told):
            self.wake.set()

    async def look(self) -> None:
        """Raise what is so now, and clear what no longer is."""
        now, read = self.clock.now(), self.database.read
        typed = await signals.wrong_codes(read, now.earliest - QUIET)
        wrong = unexplained(typed, await commissionings.spans(read))
        attacks = await subjects(read, AlertCode.KEYPAD_ATTACK)
        there = {
            AlertCode.KEYPAD_ATTACK: attacked(wrong, attacks, now),
            AlertCode.BATTERY_SILENT: await signals.silent(read, now.earliest - SILENT),
            AlertCode.LOCKS_OFFLINE: {
                driver for driver, *locks in await signals.offline(read) if radio_at_fault(*locks)
            },
            AlertCode.CLOCK_IN_DOUBT: {"hub"} if now.doubtful else set(),
        }
        events: list[Event] = []
        for code, wanted in there.items():
            stands = await subjects(read, code)
            events += [raised(code, subject) for subject in sorted(wanted - stands)]
            events += [cleared(code, subject) for subject in sorted(stands - wanted)]
        if events or await of_nobody(read):
            async with self.database.transaction() as tx:
                events += [cleared(*alert) for alert in await of_nobody(tx)]
                await self.outbox.tell(tx, now, events)
