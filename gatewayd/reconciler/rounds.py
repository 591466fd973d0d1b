"""The hub's own rounds: pools of backup codes, the watch over what is needed soon, the daily check,
a commissioning that is under way.

Level-based as the workers: each look compares what is with what should be, so that nothing is lost
with a restart. The clock's recheck is often enough for a guest who left and for a code that is
missing. The locks are asked by their workers, which find on disk what to look at again.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import structlog

from gatewayd.domain.ids import CommandId
from gatewayd.domain.policy import narrow
from gatewayd.domain.retry import Tick
from gatewayd.intake import backups, commission, health, removals
from gatewayd.intake.change import Change
from gatewayd.reconciler.worker import Tools
from gatewayd.store import checks
from gatewayd.store.checks import AtDoor
from gatewayd.store.database import Transaction

log = structlog.get_logger(__name__)

PACE = 2.0
"""Seconds between two looks at what the locks have answered to a check."""
GUEST_GONE = {"code.removed"}
ENDS_ALERT = {"code.confirmed", "lock.online"}
TYPED = {"code.confirmed", "lock.used", "lock.wrong_code", "lock.keypad_disabled"}


@dataclass(slots=True)
class _Check:
    """One under way, for these commands, until a tick."""

    causes: list[CommandId]
    until: Tick


@dataclass(slots=True)
class Rounds:
    """Makes its rounds for ever; `wake` means "look again"."""

    tools: Tools
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _since: dict[AtDoor, Tick] = field(default_factory=dict)
    _check: _Check | None = None
    _over_in: float | None = None  # seconds that a commissioning lasts; None: there is none

    async def run(self) -> None:
        """For ever; ends only by cancellation."""
        while True:
            self.wake.clear()
            wait = await self._look()
            await self.tools.clock.wait(self.wake, wait)

    def committed(self, tx: Transaction) -> None:
        """A transaction became true: look again where it may concern the rounds."""
        looked_for = GUEST_GONE | ENDS_ALERT if self._since else GUEST_GONE
        looked_for = looked_for if self._over_in is None else looked_for | TYPED
        news = any(event.type in looked_for for event in tx.told)
        if tx.site_changed or tx.rounds_wanted or news:
            self.wake.set()

    async def _look(self) -> float | None:
        """Returns the seconds until to look again; None: with the clock's recheck."""
        attend = self.tools.intake.attend
        for lock in await attend(backups.unkept):
            await attend(partial(backups.keep, lock=lock))
        await attend(self._watch)
        pace = None if self._check is None else await self._go_on(self._check)
        return min((x for x in (pace, self._over_in) if x is not None), default=None)

    async def _watch(self, change: Change) -> None:
        await health.watch(change, self._since, self.tools.clock.tick())
        await removals.watch(change)
        self._over_in = await commission.watch(change, self.tools.clock.tick())
        if self._check is None:
            await self._begin(change)

    async def _begin(self, change: Change) -> None:
        """Ask the locks, where a check is due or wanted."""
        causes, tick = await checks.wanted_by(change.tx), self.tools.clock.tick()
        if causes or await health.is_due(change):
            await checks.ask(change.tx, change.now, tick)
            within = narrow(change.site.policy if change.site else {}).check_within
            self._check = _Check(causes, Tick(tick + within.total_seconds()))
            log.info("check.begun", commands=causes)

    async def _go_on(self, check: _Check) -> float | None:
        tick = self.tools.clock.tick()
        last = tick >= check.until
        conclude = partial(health.conclude, causes=check.causes, tick=tick, last=last)
        if not await self.tools.intake.attend(conclude):
            return PACE
        log.info("check.done", commands=check.causes)
        self._check = None
        return None
