"""What follows from a step's result: the situation after it, and events for the cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from gatewayd.domain.events import (
    CodeConfirmed,
    CodeFailed,
    CodeLost,
    CodeRemovalFailed,
    CodeRemoved,
    Event,
    LockForeignCode,
    LockOffline,
    LockOnline,
    cleared,
    raised,
)
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.plan import Clear, Free, LockStep, Observe, Take, Write, holds, mangled
from gatewayd.domain.retry import Ladder, Tick, failed
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Holds, Observation, Occupied
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Unreachable,
    Unsupported,
)

TOLD_EACH = 6
"""Every failure of the first rungs is told; later ones every hour (12 tries of 5 minutes)."""
TOLD_LATER = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """The situation after, what to tell, and keys whose code the lock refuses as a duplicate."""

    situation: Situation
    events: tuple[Event, ...] = ()
    refused: tuple[KeyId, ...] = ()


def taken(s: Situation, step: Take | Free) -> Outcome:
    """A lease is taken or freed; the lock is not touched."""
    match step:
        case Free(lease=lease):
            gone = (
                CodeRemoved(lease.key_id, s.lock),
                cleared(AlertCode.REMOVAL_FAILED, removal_subject(s, lease)),
            )
            touched = lease.stage is not Stage.TAKEN
            return Outcome(s.without_lease(lease), gone if touched else ())
        case Take(key_id=key_id, code=code, slot=slot):
            old = s.lease_of(key_id, code)
            events: list[Event] = []
            if old is not None and old.slot is not None and old.stage is not Stage.TAKEN:
                events.append(LockForeignCode(s.lock, old.slot))
                if old.proven:
                    events.append(CodeLost(key_id, s.lock, Reason.FOREIGN_SLOT))
            return Outcome(s.with_lease(Lease(key_id, code, slot)), tuple(events))
        case _:
            assert_never(step)


def begun(s: Situation, step: LockStep) -> Situation:
    """The situation to have on disk before the lock is touched."""
    match step:
        case Observe():
            return s
        case Write(lease=lease, entry=entry):
            proof = lease.proof if mangled(lease) else None
            lease = replace(lease, stage=Stage.WRITING, proof=proof, doubted_since=None)
            lease = replace(lease, window=entry.window, enabled=entry.enabled)
        case Clear(lease=lease):
            if lease.stage not in (Stage.CLEARING, Stage.CLEARED):  # a ladder of its own
                lease = replace(lease, ladder=None, reason=None)
            lease = replace(lease, stage=Stage.CLEARING, doubted_since=None)
    return s.with_lease(lease).with_seen(lease, None)


@dataclass(frozen=True, slots=True)
class Touched:
    """What touching the lock gave: slots as it showed them afterwards; `slot`: where a write went.

    After a look at the whole list it is all that the lock holds.
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
        return _listed(s, result.seen, now, tick)
    outcome = Outcome(s) if isinstance(step, Observe) else acknowledged(s, step, result.slot)
    s, events = outcome.situation, [*outcome.events]
    for slot, seen in result.seen.items():
        looked = observed(s, slot, seen, now, tick)
        s = looked.situation
        events += looked.events
    return Outcome(replace(s, inventoried=s.inventoried or not s.unread()), tuple(events))


def _listed(s: Situation, seen: Mapping[int, Observation], now: Now, tick: Tick) -> Outcome:
    """A lock that numbers its codes itself showed them all. A code that we may have added, and
    whose number we never heard, is ours."""
    outcome = _answered(replace(s, inventoried=True))
    s, events = outcome.situation, [*outcome.events]
    for lease in s.leases:
        if lease.slot is None and lease.stage not in (Stage.TAKEN, Stage.GONE):
            leased = {other.slot for other in s.leases}
            same = [n for n, o in seen.items() if isinstance(o, Holds) and o.code == lease.code]
            slot = next((n for n in same if n not in leased), None)
            s = s.with_lease(replace(lease, slot=slot))
            if slot is None:
                gone = _shown(s, lease, Empty(now.earliest), now, tick)
                s, events = gone.situation, [*events, *gone.events]
    there = {lease.slot: Empty(now.earliest) for lease in s.leases if lease.slot is not None}
    for slot, shown in (there | dict(seen)).items():
        looked = observed(s, slot, shown, now, tick)
        s, events = looked.situation, [*events, *looked.events]
    known = {lease.slot for lease in s.leases} | seen.keys()
    return Outcome(
        replace(s, slots={n: o for n, o in s.slots.items() if n in known}), tuple(events)
    )


def acknowledged(s: Situation, step: Write | Clear, slot: int | None = None) -> Outcome:
    """The lock said yes to a write or clear: what that is worth, the next look tells."""
    lease = s.lease_of(step.lease.key_id, step.lease.code) or step.lease
    if isinstance(step, Write):
        slot = lease.slot if slot is None else slot
        lease = replace(lease, stage=Stage.WRITTEN, proof=Proof.ACCEPTED, slot=slot)
    else:
        lease = replace(lease, stage=Stage.CLEARED)
    return _answered(s.with_lease(lease))


def observed(s: Situation, slot: int, seen: Observation, now: Now, tick: Tick) -> Outcome:
    """The lock showed one slot."""
    lease = next((x for x in s.leases if x.slot == slot), None)
    before, s = s.slots.get(slot), s.with_slot(slot, seen)
    if lease is None or lease.stage is Stage.TAKEN:
        news = isinstance(seen, Holds | Occupied) and not isinstance(before, Holds | Occupied)
        return _answered(s, (LockForeignCode(s.lock, slot),) if news else ())
    return _shown(s, lease, seen, now, tick)


def _shown(s: Situation, lease: Lease, seen: Observation, now: Now, tick: Tick) -> Outcome:
    """The slot of a lease that has touched the lock."""
    if not s.rightful(lease, now):
        return _answered(*_over(s, lease, seen, now, tick))
    if isinstance(seen, Empty):
        return _answered(*_absent(s, lease, now, tick))
    ours = holds(s, lease)
    if ours and lease.limits(seen):
        return _answered(*_present(s, lease, seen, tick))
    if mangled(lease) and lease.stage is Stage.WRITTEN:  # told once; to be written again
        again = replace(lease, stage=Stage.WRITING, proof=None if ours else lease.proof)
        return _answered(*_not_taken(s, again, Reason.MISMATCH, now, tick))
    return _answered(*(_altered(s, lease) if ours else _overwritten(s, lease, seen, tick)))


def failed_step(s: Situation, step: LockStep, error: LockError, now: Now, tick: Tick) -> Outcome:
    """The step raised: what the error means for the lock's ladder or the code's."""
    if isinstance(error, RadioDown):
        return Outcome(s)
    if isinstance(error, Unsupported) and isinstance(step, Observe):
        # No such slot: nothing is to be put there, and the lock has answered all the same.
        nowhere = {slot: Occupied(now.earliest) for slot in step.slots}
        return _answered(replace(s, slots={**s.slots, **nowhere}))
    if isinstance(error, Unreachable) or isinstance(step, Observe):
        return _unreachable(s, error.reason, now, tick)
    lease = s.lease_of(step.lease.key_id, step.lease.code) or step.lease
    if isinstance(step, Clear):
        return Outcome(*_still_there(s, lease, error.reason, now, tick))
    if not isinstance(error, OutcomeUnknown):  # the lock said no: it holds what it held before
        old = step.lease
        lease = replace(lease, stage=old.stage, proof=old.proof)
        lease = replace(lease, window=old.window, enabled=old.enabled)
    claim = s.claims.get(lease.key_id)
    wanted = claim is not None and claim.code == lease.code
    after, events = _not_taken(s, lease, error.reason, now, tick)
    duplicate = error.reason is Reason.DUPLICATE_CODE and wanted
    return Outcome(after, events, (lease.key_id,) if duplicate else ())


def duplicate_refused(s: Situation, now: Now, tick: Tick) -> Outcome:
    """The lock reports that it has this code already: it means the last write not yet proven."""
    unproven = [x for x in s.leases if not x.proven and _may_be_refused(s, x)]
    if not unproven:
        return Outcome(s)
    lease = unproven[-1]
    after, events = _not_taken(s, lease, Reason.DUPLICATE_CODE, now, tick)
    return Outcome(after, events, (lease.key_id,))


def _may_be_refused(s: Situation, lease: Lease) -> bool:
    claim = s.claims.get(lease.key_id)
    if claim is None or claim.code != lease.code:
        return False
    refused = lease.stage is Stage.TAKEN and lease.reason is Reason.REFUSED
    return refused or lease.stage in (Stage.WRITING, Stage.WRITTEN)


def came_back(s: Situation, tick: Tick) -> Situation:
    """The lock reports that it is there: its ladder is due now, and stays where it is."""
    return s if s.ladder is None else replace(s, ladder=s.ladder.at_once(tick))


def _answered(s: Situation, events: tuple[Event, ...] = ()) -> Outcome:
    """The lock answered, whatever it said: its own ladder ends."""
    if s.ladder is None:
        return Outcome(s, events)
    back = (
        LockOnline(s.lock),
        cleared(AlertCode.LOCK_OFFLINE, s.lock),
        cleared(AlertCode.PIN_REFUSED, s.lock),  # it answers only where the PIN is right
    )
    return Outcome(replace(s, ladder=None, reason=None), (*back, *events))


def _unreachable(s: Situation, reason: Reason, now: Now, tick: Tick) -> Outcome:
    """No answer: one rung for the lock, told for each code that waits for it."""
    ladder = failed(s.ladder, tick)
    events: list[Event] = []
    if s.ladder is None:
        events += [LockOffline(s.lock, reason), raised(AlertCode.LOCK_OFFLINE, s.lock)]
    if told(ladder):
        retry = (reason, ladder.failures, next_try(ladder, now, tick))
        for claim in s.claims.values():
            lease = s.lease_of(claim.key_id, claim.code)
            if claim.wanted(now) and not claim.withheld and not (lease and lease.proven):
                events.append(CodeFailed(claim.key_id, s.lock, *retry))
        for lease in s.leases:
            if not s.rightful(lease, now) and lease.stage is not Stage.TAKEN:
                events.append(CodeRemovalFailed(lease.key_id, s.lock, *retry))
                events.append(raised(AlertCode.REMOVAL_FAILED, removal_subject(s, lease)))
    return Outcome(replace(s, ladder=ladder, reason=reason), tuple(events))


type _After = tuple[Situation, tuple[Event, ...]]


def _present(s: Situation, lease: Lease, seen: Observation, tick: Tick) -> _After:
    """The code is there: the first proof, or a second look that agrees."""
    matched = isinstance(seen, Holds)
    if lease.proven and lease.stage is Stage.WRITTEN:
        due = lease.verify_due if lease.verify_due and tick < lease.verify_due else None
        better = matched and lease.proof is Proof.PRESENT
        proof = Proof.MATCHED if better else lease.proof
        same = replace(lease, proof=proof, verify_due=due, missed=False, reason=None)
        return s.with_lease(same), ()
    proof = Proof.MATCHED if matched else Proof.PRESENT
    shown = replace(
        lease,
        stage=Stage.WRITTEN,
        proof=proof,
        proven_at=seen.at,
        verify_due=Tick(tick + s.claims[lease.key_id].verify_after),
        doubted_since=None,
        missed=False,
        ladder=None,
        reason=None,
    )
    return s.with_lease(shown), (CodeConfirmed(lease.key_id, s.lock, proof, seen.at),)


def _absent(s: Situation, lease: Lease, now: Now, tick: Tick) -> _After:
    """A slot that should hold our code reads Empty."""
    if lease.proven and not lease.missed:  # one look may lie: two before concluding
        return s.with_lease(replace(lease, missed=True)).with_seen(lease, None), ()
    if s.capabilities.assigns_slots:  # that number is not used again
        s, since = s.with_seen(lease, None), lease.doubted_since
        lease = replace(lease, slot=None, doubted_since=tick if since is None else since)
    if lease.proven:
        gone = _lost(lease, Stage.GONE)
        return s.with_lease(gone), (CodeLost(lease.key_id, s.lock, lease.reason),)
    if lease.proof is Proof.ACCEPTED:  # it may still land, but what else comes is a person's
        absent = replace(lease, proof=None)
        return _not_taken(s, absent, lease.reason or Reason.MISMATCH, now, tick)
    return s.with_lease(lease), ()  # begun and never answered: write it again


def _altered(s: Situation, lease: Lease) -> _After:
    """Our code opens at other times than we wrote: it is written again."""
    if not lease.proven:
        return s, ()
    event = CodeLost(lease.key_id, s.lock, Reason.MISMATCH)
    return s.with_lease(_lost(lease, Stage.WRITING)), (event,)


def _overwritten(s: Situation, lease: Lease, seen: Observation, tick: Tick) -> _After:
    """A person's code lies over ours: the plan moves on to another slot, if there is one, once
    nothing of ours can be under way to this one any more."""
    if lease.proven:
        event = CodeLost(lease.key_id, s.lock, lease.reason or Reason.FOREIGN_SLOT)
        return s.with_lease(_lost(lease, Stage.GONE)), (event,)
    if lease.stage is not Stage.WRITING or mangled(lease) or isinstance(seen, Occupied):
        return s, ()
    since = tick if lease.doubted_since is None else lease.doubted_since
    stage = Stage.GONE if tick - since >= SETTLES else lease.stage
    return s.with_lease(replace(lease, doubted_since=since, stage=stage)), ()


def _lost(lease: Lease, stage: Stage) -> Lease:
    return replace(lease, stage=stage, proof=None, proven_at=None, verify_due=None, missed=False)


def _over(s: Situation, lease: Lease, seen: Observation, now: Now, tick: Tick) -> _After:
    """A slot was read whose code should not be there."""
    if isinstance(seen, Empty):
        if not lease.in_doubt:
            return s, ()
        since = lease.doubted_since
        if since is not None and tick - since >= SETTLES:
            return s.with_lease(replace(lease, stage=Stage.GONE)), ()
        proof = None if lease.proof is Proof.ACCEPTED else lease.proof
        since = tick if since is None else since
        return s.with_lease(replace(lease, proof=proof, doubted_since=since)), ()
    if isinstance(seen, Holds) and seen.code != lease.code and not mangled(lease):
        return s, ()  # a person's code
    lease = replace(lease, doubted_since=None)
    as_written = isinstance(seen, Holds) and seen.code == lease.code and lease.limits(seen)
    if as_written and not lease.proven:
        lease = replace(lease, proof=Proof.MATCHED)  # so it is not mangled, nor under way
    if lease.stage is Stage.CLEARED:
        doubted = replace(lease, stage=Stage.CLEARING)
        return _still_there(s, doubted, Reason.REFUSED, now, tick)
    return s.with_lease(lease), ()


def _not_taken(s: Situation, lease: Lease, reason: Reason, now: Now, tick: Tick) -> _After:
    """A write did not put our code there: one rung for this code."""
    ladder = failed(lease.ladder, tick)
    after = s.with_lease(replace(lease, ladder=ladder, reason=reason))
    event = CodeFailed(lease.key_id, s.lock, reason, ladder.failures, next_try(ladder, now, tick))
    return after, (event,) if told(ladder) else ()


def _still_there(s: Situation, lease: Lease, reason: Reason, now: Now, tick: Tick) -> _After:
    """A clear that did not clear, or may not have: the most severe alert."""
    ladder = failed(lease.ladder, tick)
    after = s.with_lease(replace(lease, ladder=ladder, reason=reason))
    event = CodeRemovalFailed(
        lease.key_id, s.lock, reason, ladder.failures, next_try(ladder, now, tick)
    )
    alert = raised(AlertCode.REMOVAL_FAILED, removal_subject(s, lease))
    return after, (event, alert) if told(ladder) else ()


def removal_subject(s: Situation, lease: Lease) -> str:
    """The subject of a removal's alert: the door and the key."""
    return f"{s.lock}/{lease.key_id}"


def told(ladder: Ladder) -> bool:
    """Whether a failure is worth an event: each of the first rungs, then one an hour."""
    return ladder.failures <= TOLD_EACH or ladder.failures % TOLD_LATER == 0


def next_try(ladder: Ladder, now: Now, tick: Tick) -> datetime:
    """When the ladder is due, on the wall clock."""
    return now.latest + timedelta(seconds=ladder.due - tick)
