"""What follows from a look at a lock: at one slot, or at the list of one that numbers its codes."""

from collections.abc import Mapping
from dataclasses import replace

from gatewayd.domain.backup import backup_of
from gatewayd.domain.events import Event
from gatewayd.domain.events.backup import BackupReady
from gatewayd.domain.events.code import CodeConfirmed, CodeLost
from gatewayd.domain.events.lock import LockForeignCode
from gatewayd.domain.lease import SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.outcome import After, Outcome, answered, not_taken, still_there
from gatewayd.domain.plan import holds, mangled
from gatewayd.domain.retry import Ladder, Retry, Tick, failed
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Foreign, Holds, Observation, Occupied
from gatewayd.errors import Reason

LOSSES = 10
"""So often a code that a lock has shown, and then did not, is written again at once."""


def observed(s: Situation, slot: int, seen: Observation, now: Now, tick: Tick) -> Outcome:
    """The lock showed one slot."""
    lease = next((x for x in s.leases if x.slot == slot), None)
    before, s = s.slots.get(slot), s.with_slot(slot, seen)
    if lease is None or lease.stage is Stage.TAKEN:
        news = not isinstance(seen, Empty) and isinstance(before, Empty | None)
        return answered(s, (LockForeignCode(s.lock, slot),) if news else ())
    if mangled(lease) and isinstance(before, Holds) and isinstance(seen, Holds):
        changed = before.code != seen.code  # by a person: we were not there in between
        lease = replace(lease, proof=None) if changed else lease
    elif mangled(lease) and isinstance(seen, Foreign):  # nor is that our write
        lease = replace(lease, proof=None)
    return _shown(s, lease, seen, now, tick)


def looked(so_far: Outcome, seen: Mapping[int, Observation], now: Now, tick: Tick) -> Outcome:
    """The lock showed several slots, one after the other."""
    s, events = so_far.situation, so_far.events
    for slot, shown in seen.items():
        outcome = observed(s, slot, shown, now, tick)
        s, events = outcome.situation, (*events, *outcome.events)
    return Outcome(s, events)


def listed(s: Situation, seen: Mapping[int, Observation], now: Now, tick: Tick) -> Outcome:
    """A lock that numbers its codes itself showed them all."""
    outcome = answered(replace(s, inventoried=True))
    s, events = outcome.situation, [*outcome.events]
    for lease in s.leases:
        if lease.slot is None and lease.stage not in (Stage.TAKEN, Stage.GONE):
            slot = _number(s, lease, seen, now)
            s = s.with_lease(replace(lease, slot=slot))
            if slot is None:
                gone = _shown(s, lease, Empty(now.earliest), now, tick)
                s, events = gone.situation, [*events, *gone.events]
    absent = {lease.slot: Empty(now.earliest) for lease in s.leases if lease.slot is not None}
    outcome = looked(Outcome(s, tuple(events)), absent | dict(seen), now, tick)
    s = outcome.situation
    known = {lease.slot for lease in s.leases} | seen.keys()
    return replace(
        outcome, situation=replace(s, slots={n: s.slots[n] for n in s.slots.keys() & known})
    )


def _number(s: Situation, lease: Lease, seen: Mapping[int, Observation], now: Now) -> int | None:
    """The number of a code that we may have added, and never heard it: an entry as we wrote it that
    was not there before. A person's code with the same digits is not ours."""
    leased = {other.slot for other in s.leases}
    for slot, shown in seen.items():
        if isinstance(shown, Holds) and shown.code == lease.code and lease.limits(shown, now):
            before = s.slots.get(slot)
            was_there = isinstance(before, Holds) and before.code == shown.code
            if slot not in leased and not was_there:
                return slot
    return None


def _shown(s: Situation, lease: Lease, seen: Observation, now: Now, tick: Tick) -> Outcome:
    """The slot of a lease that has touched the lock."""
    if not s.rightful(lease, now):
        return answered(*_over(s, lease, seen, now, tick))
    if isinstance(seen, Empty):
        return answered(*_absent(s, lease, now, tick))
    if isinstance(seen, Foreign):
        once = lease.proven and not lease.missed  # as an Empty look, it may lie
        gone = _absent(s, lease, now, tick) if once else _overwritten(s, lease, seen, tick)
        return answered(*gone)
    ours = holds(s, lease)
    if ours and lease.limits(seen, now):
        return answered(*_present(s, lease, seen, tick))
    if mangled(lease) and lease.stage is Stage.WRITTEN:  # told once; to be written again
        again = replace(lease, stage=Stage.WRITING, proof=None if ours else lease.proof)
        return answered(*not_taken(s, again, Reason.MISMATCH, now, tick))
    return answered(*(_altered(s, lease, tick) if ours else _overwritten(s, lease, seen, tick)))


def _present(s: Situation, lease: Lease, seen: Observation, tick: Tick) -> After:
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
    events: list[Event] = [CodeConfirmed(lease.key_id, s.lock, proof, seen.at)]
    if (backup := backup_of(lease.key_id)) is not None:
        events.append(BackupReady(s.lock, backup.label, lease.code.digits))
    return s.with_lease(shown), tuple(events)


def _absent(s: Situation, lease: Lease, now: Now, tick: Tick) -> After:
    """A slot that should hold our code reads Empty."""
    if lease.proven and not lease.missed:  # one look may lie: two before concluding
        return s.with_lease(replace(lease, missed=True)).unseen(lease), ()
    if s.capabilities.assigns_slots:  # that number is not used again
        s, lease = s.unseen(lease), replace(lease.doubted(tick), slot=None)
    if lease.proven:
        gone = _lost(lease, Stage.GONE, tick)
        return s.with_lease(gone), (CodeLost(lease.key_id, s.lock, gone.reason),)
    if lease.proof is Proof.ACCEPTED:  # it may still land, but what else comes is a person's
        absent = replace(lease, proof=None)
        return not_taken(s, absent, lease.reason or Reason.MISMATCH, now, tick)
    return s.with_lease(lease), ()  # begun and never answered: write it again


def _altered(s: Situation, lease: Lease, tick: Tick) -> After:
    """Our code opens at other times than we wrote: it is written again."""
    if not lease.proven:
        return s, ()
    event = CodeLost(lease.key_id, s.lock, Reason.MISMATCH)
    return s.with_lease(_lost(lease, Stage.WRITING, tick)), (event,)


def _overwritten(s: Situation, lease: Lease, seen: Observation, tick: Tick) -> After:
    """A person's code lies over ours, or a person has the slot: the plan moves on to another slot,
    if there is one, once nothing of ours can be under way to this one any more."""
    if lease.proven:
        event = CodeLost(lease.key_id, s.lock, lease.reason or Reason.FOREIGN_SLOT)
        return s.with_lease(_lost(lease, Stage.GONE, tick)), (event,)
    if lease.stage is not Stage.WRITING or mangled(lease) or isinstance(seen, Occupied):
        return s, ()
    return s.with_lease(_waited(lease, tick)), ()


def _waited(lease: Lease, tick: Tick) -> Lease:
    """Once nothing of ours can land any more the doubt is over: nothing of ours is there."""
    since = lease.doubted_since
    if since is not None and tick - since >= SETTLES:
        return replace(lease, stage=Stage.GONE)
    return lease.doubted(tick)


def _lost(lease: Lease, stage: Stage, tick: Tick) -> Lease:
    """Written again at once a few times; then somebody else writes there, too, and it is a fight
    that no battery survives."""
    lost = replace(lease, stage=stage, proof=None, proven_at=None, verify_due=None, missed=False)
    lost = replace(lost, losses=lease.losses + 1)
    if lost.losses <= LOSSES or lease.reason is Reason.DELETED_AT_LOCK:
        return lost
    ladder = failed(Ladder(lost.losses - LOSSES - 1, tick), tick, Retry.DAILY)
    return replace(lost, ladder=ladder, reason=Reason.WRITE_BUDGET)


def _over(s: Situation, lease: Lease, seen: Observation, now: Now, tick: Tick) -> After:
    """A slot was read whose code should not be there."""
    if isinstance(seen, Empty | Foreign):
        if not lease.in_doubt:
            return s, ()
        proof = None if lease.proof is Proof.ACCEPTED else lease.proof
        return s.with_lease(_waited(replace(lease, proof=proof), tick)), ()
    if isinstance(seen, Holds) and seen.code != lease.code and not mangled(lease):
        return s, ()  # a person's code
    lease = replace(lease, doubted_since=None)
    as_written = isinstance(seen, Holds) and seen.code == lease.code and lease.limits(seen, now)
    if as_written and not lease.proven:
        lease = replace(lease, proof=Proof.MATCHED)  # so it is not mangled, nor under way
    if lease.stage is Stage.CLEARED:
        doubted = replace(lease, stage=Stage.CLEARING)
        return still_there(s, doubted, Reason.REFUSED, now, tick)
    return s.with_lease(lease), ()
