"""What follows from what a lock tells by itself: never a write, only facts and another look."""

from dataclasses import replace
from typing import assert_never

from gatewayd.domain.backup import backup_of
from gatewayd.domain.battery import CRITICAL, is_low
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.backup import BackupUsed
from gatewayd.domain.events.lock import (
    LockBattery,
    LockClockSkew,
    LockForeignCode,
    LockJammed,
    LockKeypadDisabled,
    LockReset,
    LockTampered,
    LockUsed,
    LockWrongCode,
)
from gatewayd.domain.health import AlertCode
from gatewayd.domain.hours import LocalTime
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.outcome import PIN_ALERTS, Outcome, not_taken, unreachable
from gatewayd.domain.report import (
    Alive,
    Battery,
    ClockSkew,
    CodeAdded,
    CodeDeleted,
    Dead,
    DuplicateRefused,
    Flapping,
    Jammed,
    KeypadBattery,
    KeypadDisabled,
    PinRefused,
    PinUnanswered,
    Report,
    Tampered,
    Turned,
    Used,
    WrongCode,
)
from gatewayd.domain.reservation import reservation_of
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Occupied
from gatewayd.errors import Reason


def reported(s: Situation, report: Report, now: Now, tick: Tick) -> Outcome:  # noqa: PLR0912  # a table
    """The situation after a lock's own report, and what the cloud hears of it."""
    match report:
        case Alive():
            return Outcome(_came_back(s, tick))
        case Flapping():
            return _restless(s, now)
        case Dead():
            return Outcome(s)  # the next step at the lock finds out, on the ladder
        case Used():
            return _used(s, report)
        case CodeDeleted(slot=slot):
            return _deleted(s, slot, now)
        case CodeAdded(slot=slot):
            return _added(s, slot, now)
        case DuplicateRefused():
            return _duplicate_refused(s, now, tick)
        case WrongCode(at=at):
            return Outcome(s, (LockWrongCode(s.lock, at),))
        case KeypadDisabled():
            alert = raised(AlertCode.KEYPAD_DISABLED, s.lock)
            return Outcome(s, (LockKeypadDisabled(s.lock), alert))
        case Jammed():
            return Outcome(s, (LockJammed(s.lock), raised(AlertCode.LOCK_JAMMED, s.lock)))
        case Tampered():
            return Outcome(s, (LockTampered(s.lock), raised(AlertCode.LOCK_TAMPERED, s.lock)))
        case Battery():
            return _battery(s, report)
        case KeypadBattery(low=low):
            return Outcome(s, ((raised if low else cleared)(AlertCode.KEYPAD_BATTERY_LOW, s.lock),))
        case ClockSkew(seconds=seconds, mended=mended):
            return Outcome(s, (LockClockSkew(s.lock, seconds, mended),))
        case Turned():
            return Outcome(s)  # codes are the same wherever the bolt is
        case LocalTime():
            return Outcome(s)  # another look: who keeps the hours may have changed
        case PinRefused():
            return _left_alone(s, Reason.PIN_REFUSED, now, tick)
        case PinUnanswered():
            return _left_alone(s, Reason.PIN_UNANSWERED, now, tick)
        case _:
            assert_never(report)


def _battery(s: Situation, report: Battery) -> Outcome:
    """Low by the lock's word or its level; a level alone says that it is all but empty, or not."""
    low = is_low(report.level, warned=report.low)
    told = LockBattery(s.lock, report.level, low, report.days_left)
    events: list[Event] = [told, (raised if low else cleared)(AlertCode.BATTERY_LOW, s.lock)]
    if report.level is not None or not low:
        critical = report.level is not None and report.level < CRITICAL
        events.append((raised if critical else cleared)(AlertCode.BATTERY_CRITICAL, s.lock))
    return Outcome(s, tuple(events))


def _used(s: Situation, report: Used) -> Outcome:
    """A turned bolt ends a jam, a used code what was wrong with the keypad or its cover; and it is
    the best proof there is."""
    lease = _lease_in(s, report.slot)
    used = LockUsed(
        s.lock,
        report.slot,
        lease.key_id if lease else None,
        "unlock" if report.opened else "lock",
        report.at,
    )
    events: list[Event] = [used, cleared(AlertCode.LOCK_JAMMED, s.lock)]
    if report.slot is not None:
        ended = (AlertCode.KEYPAD_DISABLED, AlertCode.LOCK_TAMPERED)
        events += (cleared(alert, s.lock) for alert in ended)
    if lease:
        events += _backup_used(s, lease, report)
    if lease and lease.proven:
        s = s.with_lease(replace(lease, proof=Proof.USED))
    return Outcome(s, tuple(events))


def _backup_used(s: Situation, lease: Lease, report: Used) -> tuple[Event, ...]:
    """Somebody came with a backup code; one that nobody was given is known to somebody (S0-3)."""
    if (backup := backup_of(lease.key_id)) is None:
        return ()
    claim = s.claims.get(lease.key_id)
    guest = claim.issued_to if claim and claim.code == lease.code else None
    stay = reservation_of(guest) if guest else None
    used = BackupUsed(s.lock, backup.label, guest, stay, report.at)
    return (used,) if guest else (used, raised(AlertCode.BACKUP_UNEXPLAINED, backup.subject))


def _deleted(s: Situation, slot: int | None, now: Now) -> Outcome:
    """A person's deletion is respected (S1-17), a reset is not one; nor is our own clear's echo."""
    if slot is None:
        events = (LockReset(s.lock), raised(AlertCode.LOCK_RESET, s.lock))
        return Outcome(replace(s, slots={}), events)
    lease = _lease_in(s, slot)
    s = s.with_slot(slot, None)
    if lease is None or not lease.proven or not s.rightful(lease, now):
        return Outcome(s)
    if not s.claims[lease.key_id].respects_deletion:
        return Outcome(s)
    return Outcome(s.with_lease(replace(lease, reason=Reason.DELETED_AT_LOCK)))


def _added(s: Situation, slot: int | None, now: Now) -> Outcome:
    """Where we have a lease the slot is not known any more, nor on a lock of which all slots are to
    be known; elsewhere it is a foreign code."""
    if slot is None:
        return Outcome(s)
    if _lease_in(s, slot) is not None or s.capabilities.checksum:
        return Outcome(s.with_slot(slot, None))  # the look at it tells
    return Outcome(s.with_slot(slot, Occupied(now.earliest)), (LockForeignCode(s.lock, slot),))


def _lease_in(s: Situation, slot: int | None) -> Lease | None:
    held = (x for x in s.leases if x.slot == slot and x.stage is not Stage.TAKEN)
    return next(held, None)


def _came_back(s: Situation, tick: Tick) -> Situation:
    """The lock reports that it is there: its ladder is due now, and stays where it is."""
    return s if s.ladder is None else replace(s, ladder=s.ladder.at_once(tick))


def _left_alone(s: Situation, why: Reason, now: Now, tick: Tick) -> Outcome:
    """Nothing is tried with the PIN any more: no answer, and on a ladder that is the reason now."""
    if s.ladder is None:
        return unreachable(s, why, now, tick)
    told = () if s.reason is why else (raised(PIN_ALERTS[why], s.lock),)
    return Outcome(replace(s, reason=why), told)


def _restless(s: Situation, now: Now) -> Outcome:
    """Codes that are being set up may be what it stumbles over: by their labels (S1-24)."""
    named = (c for c in s.claims.values() if c.label and c.wanted(now) and c.withheld is None)
    unproven = (c.key_id for c in named if not s.done(c, now))
    return Outcome(s, misnamed=tuple((key, Reason.REFUSED) for key in unproven))


def _duplicate_refused(s: Situation, now: Now, tick: Tick) -> Outcome:
    """The lock reports that it has this code already: it means the last write not yet proven."""
    unproven = [x for x in s.leases if not x.proven and _may_be_refused(s, x)]
    if not unproven:
        return Outcome(s)
    lease = unproven[-1]
    after, events = not_taken(s, lease, Reason.DUPLICATE_CODE, now, tick)
    return Outcome(after, events, (lease.key_id,))


def _may_be_refused(s: Situation, lease: Lease) -> bool:
    claim = s.claims.get(lease.key_id)
    if claim is None or claim.code != lease.code:
        return False
    refused = lease.stage is Stage.TAKEN and lease.reason is Reason.REFUSED
    return refused or lease.stage in (Stage.WRITING, Stage.WRITTEN)
