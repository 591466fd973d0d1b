"""One lock's worker: look, do the next step, look again.

Everything the worker knows is on disk; being woken says only "look again". It touches the lock
outside of any transaction, and writes down what it saw, with what comes next, in one. A write is
on disk as begun, with its lease, before it is made, so after a crash its outcome is unknown, and
unknown is read before anything else. Whatever is due at the lock is done in one session.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import structlog

from gatewayd.clock import Clock
from gatewayd.domain.code import Code
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.events.lock import LockFull
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.moment import Now
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Audit, Free, LockStep, Observe, Take, plan
from gatewayd.domain.rebuild import recovered
from gatewayd.domain.report import Alive, CodeDeleted, Flapping, Heard
from gatewayd.domain.reported import reported
from gatewayd.domain.retry import RETURNS, Tick, may_return
from gatewayd.domain.situation import Situation
from gatewayd.domain.steps import Result, after, begun, taken
from gatewayd.errors import LockError, OutcomeUnknown, RadioDown, Reason, StoreError
from gatewayd.intake.accept import Intake
from gatewayd.locks.driver import Link, LockDriver, Session
from gatewayd.reconciler.progress import Progress
from gatewayd.reconciler.signals import noted
from gatewayd.reconciler.touch import touch
from gatewayd.reconciler.turns import LAST, TURN, Turns, Urgency
from gatewayd.store import keys, situations, waits
from gatewayd.store import site as sites
from gatewayd.store.database import Database, Transaction
from gatewayd.store.outbox import Outbox
from gatewayd.store.status import key_status

log = structlog.get_logger(__name__)

RADIO_RECHECK = 5.0
"""Seconds until a lock that could not even be asked (interview, link) is looked at again."""
CONTACT_NOTED = 60.0
"""Seconds between two notes of a lock's last contact: it need not be exact."""
LAST_WORDS = 5.0
"""Seconds to write down what a lock told before the end, of the 20 that systemd gives."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every worker shares."""

    database: Database
    outbox: Outbox
    intake: Intake
    clock: Clock
    progress: Progress = field(default_factory=Progress)


@dataclass(slots=True)
class Worker:
    """Keeps one lock; `wake` means "look again", `reports` are what the lock told by itself."""

    lock: LockId
    driver: LockDriver
    link: Link
    turns: Turns
    tools: Tools
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    reports: deque[Heard] = field(default_factory=deque)
    _returns: deque[Tick] = field(default_factory=lambda: deque(maxlen=RETURNS))
    _look_again_in: float | None = None
    _contact_due: Tick = Tick(0.0)  # noqa: RUF009  # a NewType's call makes nothing
    _full: bool = True  # an alert of an earlier run may stand
    _reset: bool = True  # the same

    async def run(self) -> None:
        """For ever; ends only by cancellation, and then writes down what the lock has told."""
        try:
            while True:
                self.wake.clear()
                wait = await self._round()
                await self.tools.clock.wait(self.wake, wait)
        except asyncio.CancelledError:
            try:
                with contextlib.suppress(StoreError, TimeoutError):  # it ends all the same
                    async with asyncio.timeout(LAST_WORDS):
                        await self._hear()
            finally:
                if self.reports:  # of the first one the commit may still go on
                    log.error("reports.unwritten", lock=self.lock, reports=len(self.reports))
            raise

    def report(self, report: Heard) -> None:
        """The lock told something by itself."""
        self.reports.append(report)
        self.wake.set()

    async def _round(self) -> float | None:
        """Do what is due; returns the seconds until to look again."""
        await self._hear()
        situation, step = await self._look()
        if step is None:
            await self._rest(situation)
            return self._look_again_in
        if not self.link.up.is_set():
            return None  # woken when it is back
        async with self.turns.take(self._urgency(situation)):
            return await self._session(situation, step)

    async def _session(self, situation: Situation, step: LockStep) -> float:
        """One wake of the lock; returns the seconds until to look again."""
        clock = self.tools.clock
        until = Tick(clock.tick() + TURN)
        try:
            with self.tools.progress.touching(self.lock, clock) as got_on:
                async with self._reached() as session:
                    await self._learn(situation)
                    todo: LockStep | None = step
                    if not isinstance(step, Observe | Audit):
                        _, todo = await self._decide(touching=True)
                    while todo is not None:
                        step = todo
                        async with self.turns.air:
                            result = await touch(session, step, situation.capabilities)
                        todo = await self._conclude(step, result, until)
                        got_on()
        except LockError as failed:
            # Without its radio it is as after a power cut: what was begun is on disk, and is read.
            gone = failed.reason is Reason.RADIO_DOWN or not self.link.up.is_set()
            lost = isinstance(failed, OutcomeUnknown) and gone
            error = RadioDown(str(failed)) if lost else failed
            what = type(step).__name__.lower()
            log.warning("step.failed", lock=self.lock, step=what, reason=error.reason)
            await self._conclude(step, error, until=Tick(0))
            return RADIO_RECHECK if isinstance(error, RadioDown) else 0.0
        return 0.0

    @contextlib.asynccontextmanager
    async def _reached(self) -> AsyncIterator[Session]:
        """A session; to begin it may be an exchange, too."""
        async with contextlib.AsyncExitStack() as opened:
            async with self.turns.air:
                session = await opened.enter_async_context(self.driver.session())
            yield session

    async def _look(self) -> tuple[Situation, LockStep | None]:
        """What the lock is needed for; a read needs nothing on disk before it."""
        now = self.tools.clock.now()
        there = await situations.load(self.tools.database.read, self.lock, now)
        outcome, step = self._next(now, Outcome(there))
        if step is None and outcome.situation is not there:
            return await self._decide(touching=False)
        return outcome.situation, step

    async def _decide(self, *, touching: bool) -> tuple[Situation, LockStep | None]:
        """The next step at the lock; if it touches it now it is written down as begun."""
        async with self.tools.database.transaction() as tx:
            now = self.tools.clock.now()
            there = await situations.load(tx, self.lock, now)
            outcome, step = self._next(now, Outcome(there))
            if touching and step is not None:
                outcome = replace(outcome, situation=begun(outcome.situation, step))
            await self._keep(tx, now, there, outcome)
            return outcome.situation, step

    async def _conclude(self, step: LockStep, result: Result, until: Tick) -> LockStep | None:
        """Write down what a step gave and, until the turn is over, the next one as begun."""
        clock = self.tools.clock
        async with self.tools.database.transaction() as tx:
            now, tick = clock.now(), clock.tick()
            there = await situations.load(tx, self.lock, now)
            if not isinstance(result, LockError) and tick > self._contact_due:
                self._contact_due = Tick(tick + CONTACT_NOTED)
                sites.contact(tx, self.lock, now)
            outcome, todo = after(there, step, result, now, tick), None
            if tick <= until and not outcome.refused:  # else the next round looks again
                outcome, todo = self._next(now, outcome)
            if todo is not None:
                outcome = replace(outcome, situation=begun(outcome.situation, todo))
            await self._keep(tx, now, there, outcome)
            return todo

    def _next(self, now: Now, outcome: Outcome) -> tuple[Outcome, LockStep | None]:
        """Take and free leases, lost ones too, until the lock itself is needed."""
        tick, secret = self.tools.clock.tick(), self.tools.database.identity.secret
        outcome = outcome.then(recovered(outcome.situation, secret))
        while isinstance((todo := plan(outcome.situation, now, tick)).step, Take | Free):
            outcome = outcome.then(taken(outcome.situation, todo.step))
        self._look_again_in = todo.look_again_in
        return outcome, todo.step

    async def _hear(self) -> None:
        """What the lock told by itself: a report is kept until it is on disk, and told once."""
        while self.reports:
            async with self.tools.database.transaction() as tx:
                if self.reports:  # a commit that went on without its caller may have been the last
                    await self._digest(tx, self.reports[0])
                    tx.then = self.reports.popleft

    async def _digest(self, tx: Transaction, report: Heard) -> None:
        """A report becomes facts and events."""
        now, tick = self.tools.clock.now(), self.tools.clock.tick()
        self._reset |= report == CodeDeleted(None)
        if isinstance(report, Alive):
            if may_return(self._returns, tick):
                self._returns.append(tick)
            else:
                report = Flapping()  # the ladder goes on
        if (news := await noted(tx, self.tools.intake, now, self.lock, report)) is None:
            return
        situation = await situations.load(tx, self.lock, now)
        await self._keep(tx, now, situation, reported(situation, news, now, tick))

    async def _keep(self, tx: Transaction, now: Now, there: Situation, outcome: Outcome) -> None:
        """Save what changed, tell it, and see to the keys that it concerns."""
        here = outcome.situation
        situations.save(tx, there, here)
        await self.tools.outbox.tell(tx, now, outcome.events)
        keys.correct(tx, outcome.recoded)
        for refused in outcome.refused:
            code = here.claims[refused].code
            await self.tools.intake.another_code(tx, now, refused, code, self.lock)
        for misnamed, why in outcome.misnamed:
            await self.tools.intake.another_label(tx, now, misnamed, why)
        changed = {key for key, _ in _proofs(there) ^ _proofs(here)}
        confirmed = {told.key_id for told in outcome.events if isinstance(told, CodeConfirmed)}
        for key in changed | confirmed:  # one that should have gone may be wanted again
            await self._tell_key(tx, now, key, here)
        for key in confirmed:
            keys.accepted(tx, key)
        for lease in there.leases:
            if here.lease_of(lease.key_id, lease.code) is None:
                await self._tell_done(tx, now, await waits.settled(tx, lease.key_id, now))

    async def _tell_key(self, tx: Transaction, now: Now, key: KeyId, here: Situation) -> None:
        """A key's proof came or went at this door."""
        status = await key_status(tx, key, here, now, self.tools.clock)
        if status is not None:
            others = {door.lock_id for door in status.doors} - {self.lock}
            tx.woken.update(others)  # a handover may be over there
            await self.tools.outbox.tell(tx, now, (status,))
        await self._tell_done(tx, now, await waits.settled(tx, key, now))

    async def _tell_done(self, tx: Transaction, now: Now, done: list[CommandId]) -> None:
        """A command is done when all its doors agree."""
        for command in done:
            await self.tools.outbox.tell(tx, now, (CommandDone(),), command)

    async def _learn(self, situation: Situation) -> None:
        """Ask the driver what the lock can do: firmware changes; what is new is kept."""
        able = await self.driver.capabilities()
        if able == situation.capabilities:
            return
        async with self.tools.database.transaction() as tx:
            await sites.learned(tx, self.lock, able)
            if able.for_keys != situation.capabilities.for_keys:
                await self.tools.intake.lock_learned(tx, self.tools.clock.now(), self.lock)

    async def _rest(self, situation: Situation) -> None:
        """Nothing to do: what is over is dropped; a full lock is told, and one that is in step
        again after a reset or a resync."""
        now, tell = self.tools.clock.now(), self.tools.outbox.tell
        waits = self._reset or await sites.resynced(self.tools.database.read, self.lock)
        back = waits and situation.active and situation.in_step(now)
        full = self._full or situation.turned_away(now)
        if not (back or full or situations.over(situation, now)):
            return
        async with self.tools.database.transaction() as tx:
            there = await situations.load(tx, self.lock, now)  # it may be another by now
            situations.prune(tx, self.lock, situations.over(there, now))
            out = there.turned_away(now)
            alert = (raised if out else cleared)(AlertCode.LOCK_FULL, self.lock)
            if await tell(tx, now, (alert,)) and out:
                await tell(tx, now, (LockFull(self.lock, out),))
            if back := there.active and there.in_step(now):
                await tell(tx, now, (cleared(AlertCode.LOCK_RESET, self.lock),))
                for resync in await sites.forget_resyncs(tx, self.lock):
                    await tell(tx, now, (CommandDone(),), resync)
        self._full, self._reset = bool(out), self._reset and not back

    def _urgency(self, s: Situation) -> Urgency:
        """Locks that did not answer last time go after those that did, an inventory after all."""
        now = self.tools.clock.now()
        waiting = [c.needed_at for c in s.claims.values() if c.wanted(now) and not s.done(c, now)]
        if any(not s.rightful(lease, now) for lease in s.leases):
            waiting.append(now.latest)
        return Urgency(s.ladder is not None, min(waiting, default=LAST))


def _proofs(situation: Situation) -> set[tuple[KeyId, Code]]:
    return {(lease.key_id, lease.code) for lease in situation.leases if lease.proven}
