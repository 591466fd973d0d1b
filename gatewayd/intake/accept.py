"""The door itself: parse, judge, change, answer; one transaction a command.

What is bad becomes a `command.rejected` event: never a crash, never an unanswered message. A
command that was here before gets the same answer and changes nothing.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from random import Random
from traceback import extract_tb

import structlog

from gatewayd.clock import Clock
from gatewayd.domain.backup import backup_of
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.commission import lock_of
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.command import (
    CommandAccepted,
    CommandDone,
    CommandExpired,
    CommandRejected,
)
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId, ReservationId
from gatewayd.domain.moment import Now
from gatewayd.domain.site import Site
from gatewayd.domain.stay import over_by
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import backups, commission, documents, health, snapshot
from gatewayd.intake.basis import forget_wish, of_key
from gatewayd.intake.brake import TooMuch, brake
from gatewayd.intake.change import Change
from gatewayd.intake.derive import ALERT_OF, HELD
from gatewayd.intake.envelopes import (
    BrakeConfirmCommand,
    Command,
    ReservationCancelCommand,
    ReservationPutCommand,
    ReservationSnapshotCommand,
)
from gatewayd.intake.handlers import derive_lock, handle, look_again
from gatewayd.intake.parse import claimed_id, parse
from gatewayd.intake.recode import reallocate, relabel
from gatewayd.intake.schemas import ReservationSnapshot, SitePut
from gatewayd.store import commands, reservations, site
from gatewayd.store.database import Database, Outgoing, Transaction
from gatewayd.store.outbox import Outbox, ends

log = structlog.get_logger(__name__)

BUGS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, sqlite3.IntegrityError)
"""What a command that nobody thought of can lead to. Their texts may hold its values."""


class Intake:
    """Takes commands for one hub."""

    def __init__(
        self, database: Database, outbox: Outbox, clock: Clock, rng: Random, hub: str
    ) -> None:
        self._database, self._outbox, self._clock = database, outbox, clock
        self._rng, self._hub = rng, hub
        self.held = asyncio.Event()
        self._site: Site | None = None
        self._capabilities: Mapping[LockId, Capabilities] | None = None
        self._low: frozenset[LockId] = frozenset()

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        if tx.held:
            self.held.set()

    async def accept(
        self, payload: bytes, *, kind: str | None = None, retained: bool = False
    ) -> Outgoing:
        """Take one command and answer it; `kind` is the last word of its topic. Returns the answer
        as it is told: for a command that was here before, as it was.

        Raises nothing for bad input; an error here means that nothing was stored.
        """
        try:
            command = self._judge(payload, kind, retained)
        except Rejected as why:
            return await self._refuse(claimed_id(payload), why)
        try:
            try:
                async with self._database.transaction() as tx:
                    return await self._take(tx, command)
            except TooMuch:
                if isinstance(command, ReservationSnapshotCommand):
                    with contextlib.suppress(TooMuch):
                        return await self._hold(command, payload, command.data)
                return await self._hold(command, payload)
        except Rejected as why:
            return await self._reject(command, why)
        except BaseException:
            self._site = None  # it may be committed all the same: read the site again
            raise

    async def another_code(
        self, tx: Transaction, now: Now, key: KeyId, refused: Code, lock: LockId | None = None
    ) -> None:
        """Give a key another code, because a lock has the refused one already; a guest who was told
        keeps it at the doors that have it, and gets a backup code for this one (S1-20). Where there
        is none the ladder goes on."""
        change = await self._change(tx, now, None)
        if (backup := backup_of(key)) is not None:
            await backups.another(change, backup, refused)
            return
        if (commissioned := lock_of(key)) is not None:
            await commission.another(change, commissioned, refused)
            return
        if (basis := await of_key(change, key)) is None:
            return
        if basis.announced:
            await change.tell(raised(AlertCode.CODE_REFUSED, basis.subject))
            if lock is not None:
                await health.lend(change, key, lock, Reason.DUPLICATE_CODE)
            return
        try:
            changed = await reallocate(change, basis, refused)
        except Rejected:
            await change.tell(raised(AlertCode.CODE_IMPOSSIBLE, basis.subject))
            return
        if changed and basis.code is not None:  # what was asked for cannot be
            await forget_wish(change, basis)

    async def attend[T](self, to: Callable[[Change], Awaitable[T]]) -> T:
        """Let the hub itself change something, in one transaction, as a command would."""
        async with self._database.transaction() as tx:
            return await to(await self._change(tx, self._clock.now(), None))

    async def another_label(self, tx: Transaction, now: Now, key: KeyId, why: Reason) -> None:
        """Give a key another label, because a lock may have refused the code for it."""
        change = await self._change(tx, now, None)
        if (basis := await of_key(change, key)) is not None:
            await relabel(change, basis, why)

    async def look_again(self) -> float | None:
        """Reservations whose code was to be made later, and now is; returns the seconds until the
        next one. `held` is set when there is another."""
        if await reservations.due(self._database.read, self._clock.now()):
            async with self._database.transaction() as tx:
                await look_again(await self._change(tx, self._clock.now(), None))
        due = await reservations.next_due(self._database.read)
        return (due - self._clock.now().latest).total_seconds() if due else None

    async def lock_learned(self, tx: Transaction, now: Now, lock: LockId) -> None:
        """A lock told what it can do, or that its battery is low: its keys may be due at another
        time, or need another code."""
        self._capabilities = None
        await derive_lock(await self._change(tx, now, None), lock)

    def _judge(self, payload: bytes, kind: str | None, retained: bool) -> Command:
        """Everything that can be said of a command without the database.

        This is where a signature will be verified: after the size, before anything is believed.
        """
        command = parse(payload)
        if retained:
            raise Rejected(Reason.RETAINED, "commands are never retained")
        if kind is not None and kind != command.type:
            raise Rejected(Reason.INVALID_FIELD, "the topic names another type", path="type")
        if command.hub != self._hub:
            raise Rejected(Reason.WRONG_HUB, "addressed to another hub", path="hub")
        return command

    async def _take(self, tx: Transaction, command: Command) -> Outgoing:
        """Answer a command: as before, or after carrying it out.

        Raises:
            Rejected, TooMuch: everything is rolled back; the answer is a transaction of its own.
        """
        now, id_ = self._clock.now(), CommandId(command.id)
        if (receipt := await commands.receipt(tx, id_)) is not None:
            return await self._outbox.again(tx, *receipt)
        if command.deadline and now.surely_past(command.deadline):
            return await self._answer(tx, now, command, CommandExpired())
        change = await self._change(tx, now, id_)
        done = await _caught(command, self._carry_out(change, command))
        proven = (CommandDone(),) if done else ()
        told = await self._answer(tx, now, command, CommandAccepted(), *proven)
        self._site, self._capabilities = change.site, change.capabilities
        return told

    async def _carry_out(self, change: Change, command: Command) -> bool:
        """Whether its effect is proven by that."""
        if isinstance(command, BrakeConfirmCommand):
            return await self._confirmed(change, command.data.brake_id)
        done = await handle(change, command)
        await brake(change)
        return done

    async def _confirmed(self, change: Change, brake_id: str) -> bool:
        """Carry out what the brake holds; its own events name the held command as their cause."""
        held = await commands.release(change.tx, brake_id)
        if held is None:
            raise Rejected(Reason.INVALID_FIELD, "no such brake", path="data.brake_id")
        await change.tell(cleared(AlertCode.BRAKE_HELD, brake_id))
        confirmation, change.cause = change.cause, CommandId(brake_id)
        if await handle(change, parse(held.encode())):
            await change.tell(CommandDone())
        change.cause = confirmation
        return True

    async def _hold(
        self, command: Command, payload: bytes, books: ReservationSnapshot | None = None
    ) -> Outgoing:
        """The brake keeps the command as it came. What a snapshot books is taken now: guests do not
        wait for a person who looks at what it removes.

        Raises:
            TooMuch: that alone removes too much.
        """
        async with self._database.transaction() as tx:
            now, granted = self._clock.now(), set[KeyId]()
            if books is not None:
                change = await self._change(tx, now, CommandId(command.id))
                await _caught(command, snapshot.book(change, books))
                await brake(change)
                granted = change.granted
            await commands.brake(tx, now, command.id, payload.decode(), granted)
            alert = raised(AlertCode.BRAKE_HELD, command.id)
            return await self._answer(tx, now, command, CommandAccepted(command.id), alert)

    async def _reject(self, command: Command, why: Rejected) -> Outgoing:
        """A command that changed nothing; what a brake held and cannot be any more is let go."""
        answer = CommandRejected(why.reason, why.path, why.message, why.retryable)
        events: list[Event] = [answer]
        async with self._database.transaction() as tx:
            match command:
                case ReservationPutCommand(data=data) if alert := ALERT_OF.get(why.reason):
                    events.append(raised(alert, data.id))
                case ReservationCancelCommand(data=data):
                    if await reservations.get(tx, ReservationId(data.id)) is None:
                        events += (cleared(alert, data.id) for alert in HELD)
            if isinstance(command, BrakeConfirmCommand):
                brake = command.data.brake_id
                if await commands.release(tx, brake):
                    events.append(cleared(AlertCode.BRAKE_HELD, brake))
                    now, held = self._clock.now(), CommandId(brake)
                    await self._outbox.tell(tx, now, (answer,), held)
            told = await self._answer(tx, self._clock.now(), command, *events)
            if isinstance(command, ReservationPutCommand):
                ends(tx, command.data.id, over_by(command.data.departure))
        return told

    async def _answer(
        self, tx: Transaction, now: Now, command: Command, *events: Event
    ) -> Outgoing:
        """The receipt first: it is what the same command gets again."""
        id_ = CommandId(command.id)
        receipt = events[0]
        (told,) = await self._outbox.tell(tx, now, (receipt,), id_)
        commands.answer(tx, now, id_, command.type, told)
        await self._outbox.tell(tx, now, events[1:], id_)
        reason = receipt.reason if isinstance(receipt, CommandRejected) else None
        log.info(receipt.type, command=id_, type=command.type, reason=reason)
        return told

    async def _refuse(self, claimed: str | None, why: Rejected) -> Outgoing:
        """Answer what is no command; its id, if any, stays free for a better one."""
        event = CommandRejected(why.reason, why.path, why.message, why.retryable)
        cause = CommandId(claimed) if claimed else None
        async with self._database.transaction() as tx:
            (told,) = await self._outbox.tell(tx, self._clock.now(), (event,), cause)
        log.warning(event.type, command=claimed, reason=why.reason, path=why.path)
        return told

    async def _change(self, tx: Transaction, now: Now, cause: CommandId | None) -> Change:
        if self._site is None and (document := await site.document(tx)):
            self._site = documents.site(SitePut.model_validate_json(document))
        if self._capabilities is None:
            self._capabilities = await site.capabilities(tx)
            self._low = await site.low_batteries(tx)
        able, low = self._capabilities, self._low
        return Change(tx, self._outbox, now, self._rng, cause, self._site, able, low)


async def _caught[T](command: Command, work: Awaitable[T]) -> T:
    """What nobody thought of is the command's answer: it would come again, and again, until the hub
    had taken it."""
    try:
        return await work
    except BUGS as error:
        what, at = type(error).__name__, extract_tb(error.__traceback__)[-1]
        where = f"{Path(at.filename).name}:{at.lineno}"
        log.error("command.failed", command=command.id, type=command.type, error=what, where=where)
        text = f"the hub cannot carry this out ({what}); its log has more"
        raise Rejected(Reason.INVALID_FIELD, text) from None
