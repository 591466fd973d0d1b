"""What follows from a step: leases taken and freed, a lock touched, or a touch that failed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared
from gatewayd.domain.events.code import CodeLost, CodeRemoved
from gatewayd.domain.events.lock import LockForeignCode
from gatewayd.domain.health import AlertCode
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.observed import listed, looked
from gatewayd.domain.outcome import (
    Outcome,
    answered,
    not_taken,
    removal_subject,
    still_there,
    unreachable,
)
from gatewayd.domain.plan import Audit, Clear, Free, LockStep, Observe, Take, Write, mangled
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Observation, Occupied
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Unanswered,
    Unreachable,
    Unsupported,
)


def taken(s: Situation, step: Take | Free) -> Outcome:
    """A lease is taken or freed; the lock is not touched."""
    match step:
        case Free(lease=lease):
            gone = (
                CodeRemoved(lease.key_id, s.lock),
                cleared(AlertCode.REMOVAL_FAILED, removal_subject(s, lease)),
            )
            s = s.without_lease(lease)
            return Outcome(s) if lease.stage is Stage.TAKEN else Outcome(_roomier(s), gone)
        case Take(key_id=key_id, code=code, slot=slot):
            old = s.lease_of(key_id, code)
            events: list[Event] = []
            if old is not None and old.slot is not None and old.stage is not Stage.TAKEN:
                events.append(LockForeignCode(s.lock, old.slot))
                if old.proven:
                    events.append(CodeLost(key_id, s.lock, Reason.FOREIGN_SLOT))
            lease = Lease(key_id, code, slot)
            if old is not None:
                lease = replace(lease, losses=old.losses)
                if old.reason is Reason.WRITE_BUDGET:
                    lease = replace(lease, ladder=old.ladder, reason=old.reason)
            return Outcome(s.with_lease(lease), tuple(events))
        case _:
            assert_never(step)


def _roomier(s: Situation) -> Situation:
    """A code of ours is gone: guests whom the lock refused as too many are tried at once."""
    for lease in s.leases:
        claim = s.claims.get(lease.key_id)
        if lease.reason is Reason.LOCK_FULL and claim is not None and not claim.spare:
            s = s.with_lease(replace(lease, ladder=None, reason=None))
    return s


def begun(s: Situation, step: LockStep) -> Situation:
    """The situation to have on disk before the lock is touched."""
    match step:
        case Observe() | Audit():
            return s
        case Write(lease=lease, entry=entry):
            proof = lease.proof if mangled(lease) else None
            lease = replace(
                lease,
                stage=Stage.WRITING,
                proof=proof,
                doubted_since=None,
                window=entry.window,
                enabled=entry.enabled,
                hours=entry.hours,
                label=entry.label,
            )
        case Clear(lease=lease):
            if lease.stage not in (Stage.CLEARING, Stage.CLEARED):  # a ladder of its own
                lease = replace(lease, ladder=None, reason=None)
            lease = replace(lease, stage=Stage.CLEARING, doubted_since=None)
    return s.with_lease(lease).unseen(lease)


@dataclass(frozen=True, slots=True)
class Touched:
    """What touching the lock gave: slots as it showed them afterwards; `slot`: where a write went.

    After a look at the whole list it is all that the lock holds; after an audit, what still holds.
    """

    seen: Mapping[int, Observation]
    slot: int | None = None


type Result = Touched | LockError


def after(s: Situation, step: LockStep, result: Result, now: Now, tick: Tick) -> Outcome:
    """The situation after a step at the lock; what was written or cleared was read at once, save
    by a lock that is read as a list."""
    if isinstance(result, LockError):
        return failed_step(s, step, result, now, tick)
    if step == Observe():
        return listed(s, result.seen, now, tick)
    if isinstance(step, Audit):
        return _audited(s, step, result.seen, now, tick)
    outcome = Outcome(s) if isinstance(step, Observe) else acknowledged(s, step, result.slot)
    outcome = looked(outcome, result.seen, now, tick)
    return replace(outcome, situation=_inventoried(outcome.situation))


def _audited(
    s: Situation, step: Audit, seen: Mapping[int, Observation], now: Now, tick: Tick
) -> Outcome:
    """What still holds counts as shown again; what does not is to be read."""
    same = {slot: shown for slot, shown in seen.items() if s.slots.get(slot) == shown}
    slots = {n: shown for n, shown in s.slots.items() if n in same or n not in step.slots}
    return looked(answered(replace(s, slots=slots)), same, now, tick)


def _inventoried(s: Situation) -> Situation:
    """Whether that was the last slot; a list is whole or not at all."""
    seen = not s.capabilities.assigns_slots and not s.unread()
    return replace(s, inventoried=s.inventoried or seen)


def acknowledged(s: Situation, step: Write | Clear, slot: int | None = None) -> Outcome:
    """The lock said yes to a write or clear: what that is worth, the next look tells."""
    lease = s.lease_of(step.lease.key_id, step.lease.code) or step.lease
    if isinstance(step, Write):
        slot = lease.slot if slot is None else slot
        if any(other.slot == slot for other in s.leases if other != lease):
            return answered(s)  # a number that it gave to another code: the list will tell
        lease = replace(lease, stage=Stage.WRITTEN, proof=Proof.ACCEPTED, slot=slot)
    else:
        lease = replace(lease, stage=Stage.CLEARED)
    return answered(s.with_lease(lease))


def _one_slot(s: Situation, step: Observe, error: LockError) -> bool:
    """Whether it is only this slot that is not there or not to be read, as far as is known."""
    if isinstance(error, Unsupported):
        return bool(step.slots)
    ours = {lease.slot for lease in s.leases if lease.stage is not Stage.TAKEN}
    known = ours | {lost.slot for lost in s.lost} | s.slots.keys()
    silent = isinstance(error, Unanswered) and known.isdisjoint(step.slots)
    return silent and bool(s.slots) and s.incomplete


def _not_passed(s: Situation) -> Situation:
    """Where the lock was to say that it was one slot alone, and did not: that one is unread."""
    if not s.asked or not s.slots:
        return s
    last = max(s.slots, key=lambda n: s.slots[n].at)
    return s.with_slot(last, None) if isinstance(s.slots[last], Occupied) else s


def _only_named(step: Write, error: LockError) -> bool:
    """Whether a lock refuses nothing but another label beside a code that stands: it is not worth
    another try."""
    said_no = not isinstance(error, OutcomeUnknown)
    return said_no and step.lease.stands and step.lease.is_for(step.entry)


def failed_step(s: Situation, step: LockStep, error: LockError, now: Now, tick: Tick) -> Outcome:
    """The step raised: what the error means for the lock's ladder or the code's."""
    if isinstance(error, RadioDown):
        return Outcome(s)
    if isinstance(step, Observe) and _one_slot(s, step, error):
        nowhere = {slot: Occupied(now.earliest) for slot in step.slots}  # nothing is put there
        leases = tuple(
            replace(lease, verify_due=None) if lease.slot in nowhere else lease
            for lease in s.leases
        )
        s = _inventoried(replace(s, slots={**s.slots, **nowhere}, leases=leases))
        # Silence is no answer: before another slot is passed over the lock has to give one.
        return Outcome(replace(s, asked=True)) if isinstance(error, Unanswered) else answered(s)
    if isinstance(error, Unreachable) or isinstance(step, Observe | Audit):
        return unreachable(_not_passed(s), error.reason, now, tick)
    lease = s.lease_of(step.lease.key_id, step.lease.code) or step.lease
    if isinstance(step, Clear):
        return Outcome(*still_there(s, lease, error.reason, now, tick))
    if _only_named(step, error):
        return Outcome(s.with_lease(replace(step.lease, label=lease.label)))
    if not isinstance(error, OutcomeUnknown):  # the lock said no: it holds what it held before
        old = step.lease
        lease = replace(
            lease,
            stage=old.stage,
            proof=old.proof,
            window=old.window,
            enabled=old.enabled,
            hours=old.hours,
            label=old.label,
        )
    claim = s.claims.get(lease.key_id)
    after, events = not_taken(s, lease, error.reason, now, tick)
    if claim is None or claim.code != lease.code:
        return Outcome(after, events)
    if error.reason is Reason.DUPLICATE_CODE:
        return Outcome(after, events, refused=(lease.key_id,))
    named = bool(claim.label) and error.reason in (Reason.REFUSED, Reason.DUPLICATE_NAME)
    return Outcome(after, events, misnamed=((lease.key_id, error.reason),) if named else ())
