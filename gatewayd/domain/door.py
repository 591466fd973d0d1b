"""How one key stands at one door, in the words of the contract."""

from collections.abc import Iterator

from gatewayd.domain.events.code import DoorState
from gatewayd.domain.lease import Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.outcome import next_try
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.errors import Reason


def door_state(s: Situation, claim: Claim, now: Now, tick: Tick) -> DoorState:
    """State, proof, the first reason in the way, and the next try."""
    lease = s.lease_of(claim.key_id, claim.code)
    if not claim.wanted(now):
        if lease and lease.stage is not Stage.TAKEN:
            later = claim.gone if s.rightful(lease, now) else None
            return DoorState(s.lock, "removing", lease.proof, next_try_at=later)
        if claim.left or now.surely_past(claim.window.end):
            return DoorState(s.lock, "removed")
        return DoorState(s.lock, "waiting", reason=Reason.NOT_DUE, next_try_at=claim.next_due(now))
    if lease and s.done(claim, now):
        later = claim.opens_later(now)
        return DoorState(s.lock, "proven", lease.proof, Reason.NOT_DUE if later else None, later)
    if lease and lease.reason is Reason.DELETED_AT_LOCK:
        return DoorState(s.lock, "withheld", reason=lease.reason)
    if claim.withheld:
        return DoorState(s.lock, "withheld", reason=claim.withheld)
    if claim.key_id in s.crowded_out(now):
        return DoorState(s.lock, "failing", reason=Reason.LOCK_FULL)
    if s.ladder:
        return DoorState(s.lock, "failing", None, s.reason, next_try(s.ladder, now, tick))
    if lease and lease.ladder:
        return DoorState(s.lock, "failing", None, lease.reason, next_try(lease.ladder, now, tick))
    return DoorState(s.lock, "writing", lease.proof if lease else None)


def door_states(s: Situation, now: Now, tick: Tick) -> Iterator[DoorState]:
    """Each key that is due at a lock, or has a code there, also where it is not wanted any more."""
    for claim in s.claims.values():
        yield door_state(s, claim, now, tick)
    for lease in s.leases:
        if lease.key_id not in s.claims and lease.stage is not Stage.TAKEN:
            yield DoorState(s.lock, "removing", lease.proof)
