"""The difference between what is wanted and what was seen at one lock, as one next step.

A code is done when the plan is empty. Order: what is over goes first (it opens a door that it
should not, and frees slots), then the nearest arrival. What is unread is read before it is
written, so no foreign code is ever overwritten. A lock that numbers its codes itself is read as
one list: once for all that was written or removed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from gatewayd.domain.changes import changes
from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import GIVEN_UP, SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.rebuild import may_hold, unread_lost, unsettled
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Entry, Foreign, Holds, Observation, Occupied
from gatewayd.errors import Reason

FRESH = timedelta(seconds=30)
"""A slot read longer ago is read again before it is touched: a person may have been there."""
AT_ONCE, PACE = 10, timedelta(seconds=5)
"""So many slots of an inventory in that time: batteries last, and the radio is free for others."""


@dataclass(frozen=True, slots=True)
class Take:
    """Lease a slot for a key's code; in place of its old lease where a foreign code sits. The slot
    is None where the lock will choose it."""

    key_id: KeyId
    code: Code
    slot: int | None


@dataclass(frozen=True, slots=True)
class Free:
    """Give a slot back; the lock is not touched."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Observe:
    """Read these slots; none named: the whole list, of a lock that numbers its codes itself."""

    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """Ask whether the lock still holds just what was seen of it, for the sake of these slots."""

    slots: tuple[int, ...]
    seen: Mapping[int, Observation]


@dataclass(frozen=True, slots=True)
class Write:
    """Put an entry into a leased slot."""

    lease: Lease
    entry: Entry


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty a leased slot."""

    lease: Lease


type LockStep = Observe | Audit | Write | Clear
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
    waits, the_list = list(changes(situation, now)), None
    for move in _moves(situation, now, tick):
        if isinstance(move, float):
            waits.append(move)
        elif move == Observe():
            the_list = move
        elif _harmless(situation, move):
            return Plan(move)
    return Plan(the_list) if the_list else Plan(None, min(waits, default=None))


def _moves(s: Situation, now: Now, tick: Tick) -> Iterator[Step | float]:
    """Steps and waits (seconds), the most urgent first."""
    for slot in unread_lost(s):
        yield Observe() if s.capabilities.assigns_slots else Observe((slot,))
    if s.ladder is not None and not s.slots:  # else it would be the same mute slot each time
        yield _probe(s)
    for lease in s.leases:
        if not s.rightful(lease, now):
            yield _removal(s, lease, now, tick)
    out = s.giving_way(now)
    for claim in sorted(s.claims.values(), key=lambda c: (c.needed_at, c.key_id)):
        if claim.wanted(now) and claim.withheld is None and claim.key_id not in out:
            yield from _placement(s, claim, now, tick)
            yield from _handed_over(s, claim, now, tick)
    if s.ladder is not None or s.asked:
        yield _probe(s)
    elif s.incomplete:
        yield from _inventory(s, now)


def _harmless(s: Situation, step: Step) -> bool:
    """Whether a hub that does not know yet what it had on a lock may do that. A lease from a backup
    that the lock does not bear out is no reason to write: its code may have been removed since."""
    return not unsettled(s) or (
        isinstance(step, Observe | Audit)
        or (isinstance(step, Write) and step.lease.stage is not Stage.MOVED)
        or (isinstance(step, Take) and not may_hold(s, step.key_id, step.code))
    )


def _inventory(s: Situation, now: Now) -> Iterator[Step | float]:
    """A lock that is new to us is read as a whole, once and in no hurry."""
    if s.capabilities.assigns_slots:
        yield Observe()
        return
    if not (unread := s.unread()):
        return
    ages = [abs(now.earliest - seen.at) for seen in s.slots.values()]
    recent = [age for age in ages if age < PACE]
    if len(recent) >= AT_ONCE:
        yield (PACE - max(recent)).total_seconds()
    elif ages and min(ages) > PACE:  # it has said nothing for longer than an inventory waits
        yield _probe(s)
    else:
        yield Observe((unread[0],))


def _probe(s: Situation) -> Observe:
    """Whether the lock answers: at a slot that it has shown, where one that is Occupied may have
    been passed over; else each time at another one."""
    if s.capabilities.assigns_slots:
        return Observe()
    if answered := [n for n, seen in s.slots.items() if not isinstance(seen, Occupied)]:
        return Observe((min(answered),))
    others = sorted(s.slots) or s.unread() or [1]
    return Observe((others[s.ladder.failures % len(others) if s.ladder else 0],))


def _removal(s: Situation, lease: Lease, now: Now, tick: Tick) -> Step | float:
    if lease.stage in (Stage.TAKEN, Stage.GONE):
        return Free(lease)
    match s.seen(lease):
        case None:
            return _look(s, lease)
        case Empty() | Foreign() if not lease.in_doubt:
            return Free(lease)
        case Empty() | Foreign():
            return _settled(s, lease, tick)
        case Holds(code=code) if code != lease.code and not mangled(lease):
            return Free(lease)  # a person's code now: it is not ours to clear
        case Occupied() if lease.stage is Stage.MOVED:
            return Free(lease)  # the same
        case Holds() | Occupied() as seen:
            clear = Clear(lease) if _fresh(seen, now) else _look(s, lease)
            tried = lease.stage in (Stage.CLEARING, Stage.CLEARED)
            return _gated(lease, clear, tick) if tried else clear


def _placement(s: Situation, claim: Claim, now: Now, tick: Tick) -> Iterator[Step | float]:
    lease = s.lease_of(claim.key_id, claim.code)
    if claim.spare and lease is not None and lease.reason in GIVEN_UP:
        return  # the daily check tries again: nobody waits for it
    if lease is not None:
        yield from _upkeep(s, lease, claim.entry(s.capabilities, now), now, tick)
    elif any(other.needed_at < claim.needed_at for other in s.waiting(now)):
        return  # what room there is, or will be, is somebody else's
    elif claim.old_codes_go and any(x.key_id == claim.key_id for x in s.leases):
        return  # two codes of one key only in a handover
    elif s.capabilities.assigns_slots and not s.inventoried:
        yield Observe()  # what is there before cannot be taken for ours afterwards
    elif s.has_room():
        yield Take(claim.key_id, claim.code, s.free_slot())


def _handed_over(s: Situation, claim: Claim, now: Now, tick: Tick) -> Iterator[Step | float]:
    """Until the new code is proven everywhere the old one opens when it should."""
    for lease in s.leases:
        if lease.key_id == claim.key_id and lease.code != claim.code and not claim.old_codes_go:
            entry = replace(claim.entry(s.capabilities, now), code=lease.code)
            if lease.proven and not lease.is_for(entry):
                yield from _upkeep(s, lease, entry, now, tick)


def _upkeep(
    s: Situation, lease: Lease, entry: Entry, now: Now, tick: Tick
) -> Iterator[Step | float]:
    match s.seen(lease):
        case None:
            yield _look(s, lease)
        case Holds() | Occupied() as seen if holds(s, lease):
            if not (lease.is_for(entry) and lease.limits(seen, now)) or s.misnamed(lease, entry):
                yield _write(s, lease, entry, now, tick)
            elif lease.stage is not Stage.WRITTEN:
                yield _look(s, lease)  # it should have gone, say, and is wanted again
            elif lease.verify_due is not None:
                wait = lease.verify_due - tick
                yield wait if wait > 0 else _audit(s, lease, tick)
        case _ if lease.reason is Reason.DELETED_AT_LOCK:
            return
        case Holds() if mangled(lease):
            yield _write(s, lease, entry, now, tick)
        case seen if isinstance(seen, Empty) or (isinstance(seen, Occupied) and lease.in_doubt):
            yield _write(s, lease, entry, now, tick)
        case _ if lease.stage is Stage.WRITING:
            yield _settled(s, lease, tick)  # ours may still land here, and must not be left behind
        case _:
            if s.has_room():
                yield Take(lease.key_id, lease.code, s.free_slot())


def _write(s: Situation, lease: Lease, entry: Entry, now: Now, tick: Tick) -> Step | float:
    """The write; first another look where the last one is of a while ago."""
    seen = s.seen(lease)
    known = lease.slot is None or (seen is not None and _fresh(seen, now))
    return _gated(lease, Write(lease, entry) if known else _look(s, lease), tick)


def _look(s: Situation, lease: Lease) -> Observe:
    if s.capabilities.assigns_slots or lease.slot is None:
        return Observe()
    return Observe((lease.slot,))


def _audit(s: Situation, lease: Lease, tick: Tick) -> Observe | Audit:
    """Another look at a code that was there: at all that are due in one answer, where there are
    several, and the lock gives one, and what it should be follows from what it has shown."""
    due = [x.slot for x in s.leases if x.slot is not None and x.stands and x.look_due(tick)]
    shown = (s.slots.get(n) for n in range(1, s.capabilities.slots + 1))
    if (
        len(due) > 1
        and s.capabilities.checksum
        and all(isinstance(x, Empty | Holds) for x in shown)
    ):
        return Audit(tuple(due), s.slots)
    return _look(s, lease)


def _settled(s: Situation, lease: Lease, tick: Tick) -> Step | float:
    """The wait for the second look that ends a doubt, or that look."""
    if lease.doubted_since is None:
        return _look(s, lease)
    wait = lease.doubted_since + SETTLES - tick
    return wait if wait > 0 else _look(s, lease)


def holds(s: Situation, lease: Lease) -> bool:
    """Whether the last look shows the lease's code in its slot, within whatever limits.

    A masked slot counts where the lock acknowledged our write, or had shown the code before.
    """
    match s.seen(lease):
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
