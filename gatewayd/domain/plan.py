"""The difference between what is wanted and what was seen at one lock, as one next step.

A code is done when the plan is empty. Order: what is over goes first (it opens a door that it
should not, and frees slots), then the nearest arrival. What is unread is read before it is
written, so no foreign code is ever overwritten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import Reason

FRESH = timedelta(seconds=30)
"""A slot read longer ago is read again before it is touched: a person may have been there."""


@dataclass(frozen=True, slots=True)
class Take:
    """Lease a slot for a key's code; in place of its old lease where a foreign code sits."""

    key_id: KeyId
    code: Code
    slot: int


@dataclass(frozen=True, slots=True)
class Free:
    """Give a slot back; the lock is not touched."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Observe:
    """Read one slot."""

    slot: int


@dataclass(frozen=True, slots=True)
class Write:
    """Put an entry into a leased slot."""

    lease: Lease
    entry: Entry


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty a leased slot."""

    lease: Lease


type LockStep = Observe | Write | Clear
type Step = Take | Free | LockStep


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step, or how many seconds until to look again (None = when something changes)."""

    step: Step | None
    look_again_in: float | None = None


def plan(situation: Situation, now: Now, tick: Tick) -> Plan:
    """What to do next at this lock."""
    if not situation.active:
        return Plan(None)
    if (wait := _wait(situation.ladder, tick)) > 0:
        return Plan(None, wait)
    waits = list(_changes(situation, now))
    for move in _moves(situation, now, tick):
        if not isinstance(move, float):
            return Plan(move)
        waits.append(move)
    return Plan(None, min(waits, default=None))


def _moves(s: Situation, now: Now, tick: Tick) -> Iterator[Step | float]:
    """Steps and waits (seconds), the most urgent first."""
    for lease in s.leases:
        if not s.rightful(lease, now):
            yield _removal(s, lease, now, tick)
    for claim in sorted(s.claims.values(), key=lambda c: (c.window.start, c.key_id)):
        if claim.wanted(now) and claim.withheld is None:
            yield from _placement(s, claim, now, tick)


def _removal(s: Situation, lease: Lease, now: Now, tick: Tick) -> Step | float:
    if lease.stage in (Stage.TAKEN, Stage.GONE):
        return Free(lease)
    match s.slots.get(lease.slot):
        case None:
            return Observe(lease.slot)
        case Empty() if not lease.in_doubt:
            return Free(lease)
        case Empty():
            if lease.empty_since is None:
                return Observe(lease.slot)
            wait = lease.empty_since + SETTLES - tick
            return wait if wait > 0 else Observe(lease.slot)
        case Holds(code=code) if code != lease.code and not mangled(lease):
            return Free(lease)  # a person's code now: it is not ours to clear
        case Holds() | Occupied() as seen:
            clear = Clear(lease) if _fresh(seen, now) else Observe(lease.slot)
            tried = lease.stage in (Stage.CLEARING, Stage.CLEARED)
            return _gated(lease, clear, tick) if tried else clear


def _placement(s: Situation, claim: Claim, now: Now, tick: Tick) -> Iterator[Step | float]:
    lease = s.lease_of(claim.key_id, claim.code)
    if lease is None:
        if claim.old_codes_go and any(x.key_id == claim.key_id for x in s.leases):
            return  # two codes of one key only in a handover
        if (slot := s.free_slot()) is not None:
            yield Take(claim.key_id, claim.code, slot)
        return
    write = Write(lease, Entry(claim.code, claim.label))
    match s.slots.get(lease.slot):
        case None:
            yield Observe(lease.slot)
        case Holds() | Occupied() if holds(s, lease):
            if lease.verify_due is not None:
                wait = lease.verify_due - tick
                yield wait if wait > 0 else Observe(lease.slot)
        case _ if lease.reason is Reason.DELETED_AT_LOCK:
            return
        case Holds() if mangled(lease):
            yield _gated(lease, write, tick)
        case seen if isinstance(seen, Empty) or (isinstance(seen, Occupied) and lease.in_doubt):
            yield _gated(lease, write if _fresh(seen, now) else Observe(lease.slot), tick)
        case _:
            if (slot := s.free_slot()) is not None:
                yield Take(claim.key_id, claim.code, slot)


def holds(s: Situation, lease: Lease) -> bool:
    """Whether the last look shows the lease's code in its slot.

    A masked slot counts where the lock acknowledged our write, or had shown the code before.
    """
    match s.slots.get(lease.slot):
        case Holds(code=code):
            return code == lease.code and lease.stage is not Stage.TAKEN
        case Occupied():
            over = lease.stage in (Stage.CLEARING, Stage.CLEARED)
            return lease.stage is Stage.WRITTEN or (lease.proven and over)
        case _:
            return False


def mangled(lease: Lease) -> bool:
    """Whether another code in this slot is our write, stored wrongly: acknowledged, never seen."""
    return lease.proof is Proof.ACCEPTED


def _fresh(seen: Observation, now: Now) -> bool:
    """Whether nobody can have been at the slot since; a step back of the clock proves nothing."""
    return seen.at <= now.earliest and not now.surely_past(seen.at + FRESH)


def _gated(lease: Lease, step: Step, tick: Tick) -> Step | float:
    """The step, or the wait that the code's own ladder imposes."""
    wait = _wait(lease.ladder, tick)
    return wait if wait > 0 else step


def _wait(ladder: Ladder | None, tick: Tick) -> float:
    return 0.0 if ladder is None else float(ladder.due - tick)


def _changes(s: Situation, now: Now) -> Iterator[float]:
    """Seconds until a window changes what is wanted."""
    dues = [c.due for c in s.claims.values()] + ([s.next_due] if s.next_due else [])
    yield from ((due - now.latest).total_seconds() for due in dues if not now.maybe_reached(due))
    ends = (c.window.end for c in s.claims.values())
    yield from ((e - now.earliest).total_seconds() for e in ends if not now.surely_past(e))
