"""Everything that is known and wanted at one lock at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gatewayd.domain.backup import backup_of
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.commission import lock_of
from gatewayd.domain.hours import Keeper, Timetable
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, LostLease, Stage
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.policy import HUB_TIMED_LEAD
from gatewayd.domain.retry import Ladder, Retry
from gatewayd.domain.slot import Empty, Entry, Foreign, Holds, Observation, Occupied
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class Claim:
    """What a key wants at this lock.

    `due`: when its code belongs on the lock; `withheld`: why nothing new is written;
    `old_codes_go`: the handover is over, codes other than `code` may be removed; `left`: the guest
    has other doors now, and they open; `keeps`: how long the code stays after its window, where the
    lock itself ends it; `keeper`: who keeps the code to its timetable; `issued_to`: the key of the
    guest who has this backup code.
    """

    key_id: KeyId
    code: Code
    window: Window
    due: datetime
    label: str = field(default="", repr=False)
    withheld: Reason | None = None
    old_codes_go: bool = True
    verify_after: float = 60.0
    left: bool = False
    retry: Retry = Retry.LADDER
    respects_deletion: bool = True
    keeps: timedelta = timedelta()
    timetable: Timetable | None = None
    keeper: Keeper = Keeper.LOCK
    issued_to: KeyId | None = None

    @property
    def spare(self) -> bool:
        """Whether no guest comes with it: a backup code that nobody has, or an installer's."""
        nobodys = self.issued_to is None and backup_of(self.key_id) is not None
        return nobodys or lock_of(self.key_id) is not None

    @property
    def needed_at(self) -> datetime:
        """When somebody comes to open with it."""
        return FOREVER if self.spare else self.window.start

    def wanted(self, now: Now) -> bool:
        """Whether the code belongs on the lock now."""
        due = self.next_due(now)
        return due is not None and now.maybe_reached(due) and self.timely(now)

    def timely(self, now: Now) -> bool:
        """The same, whatever its hours."""
        over = self.left or now.surely_past(self.window.end)
        return now.maybe_reached(self.due) and not over

    @property
    def gone(self) -> datetime:
        """When nothing of it is left on the lock."""
        return self.window.end + self.keeps

    def kept(self, now: Now) -> bool:
        """Whether it is over, and may still lie on a lock that ends it itself."""
        past = now.surely_past(self.window.end) and not now.surely_past(self.gone)
        return past and not self.left

    def next_due(self, now: Now) -> datetime | None:
        """When the code is put on the lock, or was last; None: not any more."""
        if self.keeper is not Keeper.HUB:
            return self.due
        opening = self.opening(now)
        return max(self.due, opening.start - HUB_TIMED_LEAD) if opening else None

    def opening(self, now: Now) -> Window | None:
        """When the key opens: now or next; None: not any more."""
        if self.timetable is None:
            return self.window
        found = self.timetable.opening(max(now.earliest, self.window.start))
        start, end = max(found.start, self.window.start), min(found.end, self.window.end)
        return Window(start, end) if start < end else None

    def opens_later(self, now: Now) -> datetime | None:
        """When its hours begin, where it surely is outside of them."""
        opening = self.opening(now) if self.timetable else None
        return opening.start if opening and not now.maybe_reached(opening.start) else None

    def entry(self, able: Capabilities, now: Now) -> Entry:
        """What belongs in the slot: limits by the lock itself where it can, else enabled by us when
        it may open where it can hold a code disabled. What has no end has no limits."""
        limited = able.enforces_windows and not self.window.endless
        window = _whole_minutes(self.window) if limited else None
        hours = self.timetable.hours if self.timetable and self.keeper is Keeper.LOCK else None
        switched = able.can_disable and (window is None or self.keeper is Keeper.SWITCH)
        opening = self.opening(now)
        begun = opening is not None and now.maybe_reached(opening.start)
        return Entry(self.code, self.label, begun or not switched, window, hours)


@dataclass(frozen=True, slots=True)
class Situation:
    """One lock: claims are those due, or holding a lease; `next_due` is the first of the others;
    `inventoried`: all its slots were seen once; `asked`: it is to answer, whatever is due there;
    `rebuilding`, `lost`, `echoed` (keys), `foreign` (slots): of a lost database, see `rebuild`."""

    lock: LockId
    capabilities: Capabilities
    claims: Mapping[KeyId, Claim] = field(default_factory=dict)
    leases: tuple[Lease, ...] = ()
    slots: Mapping[int, Observation] = field(default_factory=dict)
    ladder: Ladder | None = None
    reason: Reason | None = None  # why the lock's ladder was climbed
    active: bool = True
    next_due: datetime | None = None
    inventoried: bool = False
    asked: bool = False
    rebuilding: bool = False
    lost: tuple[LostLease, ...] = ()
    echoed: tuple[KeyId, ...] = ()
    foreign: frozenset[int] = frozenset()

    def lease_of(self, key: KeyId, code: Code) -> Lease | None:
        """At most one per key and code."""
        return next((le for le in self.leases if le.key_id == key and le.code == code), None)

    def rightful(self, lease: Lease, now: Now) -> bool:
        """Whether a lease's code may be on the lock. One that a person deleted there is remembered
        between two openings: it is not put back."""
        claim = self.claims.get(lease.key_id)
        if claim is None:
            return False
        wanted = claim.wanted(now)
        ended = claim.kept(now) and lease.ends_by_itself(now)
        if not (wanted or (lease.respects and claim.timely(now)) or ended):
            return False
        begun = wanted and now.maybe_reached(claim.window.start) and not claim.spare
        if not begun and claim.key_id in self.giving_way(now):
            return False
        return lease.code == claim.code or not claim.old_codes_go

    def done(self, claim: Claim, now: Now) -> bool:
        """Whether the lock has shown a claim's code, with the limits that it should have now."""
        lease = self.lease_of(claim.key_id, claim.code)
        entry = claim.entry(self.capabilities, now)
        return lease is not None and lease.stands and lease.is_for(entry)

    def misnamed(self, lease: Lease, entry: Entry) -> bool:
        """Whether a backup that nobody has lies there under another label than its own (S0-3); a
        guest's code is not touched for a name."""
        claim = self.claims.get(lease.key_id)
        shown = claim is not None and claim.spare and self.capabilities.label_length > 0
        return shown and lease.label != entry.label

    def met(self, claim: Claim, now: Now) -> bool:
        """Whether the lock is for a claim that is due as it should be now, outside of its hours
        too."""
        if claim.wanted(now):
            return self.done(claim, now)
        held = any(lease.key_id == claim.key_id for lease in self.leases)
        return now.maybe_reached(claim.due) and not held

    def in_step(self, now: Now) -> bool:
        """Whether the lock has shown all that belongs on it, and nothing of ours that does not,
        since what was seen there was forgotten."""
        out = self.crowded_out(now)
        due = [c for c in self.claims.values() if c.wanted(now) and c.withheld is None]
        shown = all(self._shown(c, now) for c in due if c.key_id not in out)
        return self.ladder is None and shown and all(self.rightful(x, now) for x in self.leases)

    def _shown(self, claim: Claim, now: Now) -> bool:
        lease = self.lease_of(claim.key_id, claim.code)
        if lease is not None and lease.reason is Reason.DELETED_AT_LOCK:
            return True
        return lease is not None and self.done(claim, now) and lease.slot in self.slots

    def seen(self, lease: Lease) -> Observation | None:
        """What was last seen of a lease's slot; None = to be read."""
        if lease.slot is not None:
            return self.slots.get(lease.slot)
        unclear = lease.stage not in (Stage.TAKEN, Stage.GONE) and lease.doubted_since is None
        return None if unclear else Empty(datetime.max.replace(tzinfo=UTC))

    def unseen(self, lease: Lease) -> "Situation":
        """The same with a lease's slot to be read again."""
        return self if lease.slot is None else self.with_slot(lease.slot, None)

    def has_room(self) -> bool:
        """Whether one more code can be put on the lock."""
        if not self.capabilities.assigns_slots:
            taken = {lease.slot for lease in self.leases}
            taken |= {n for n, seen in self.slots.items() if not isinstance(seen, Empty)}
            return len(taken) < self.capabilities.slots
        unseen = sum(lease.slot not in self.slots for lease in self.leases)
        there = sum(not isinstance(seen, Empty) for seen in self.slots.values())
        return there + unseen < self.capabilities.slots

    def unread(self) -> list[int]:
        """Numbered slots of which nothing is known."""
        if self.capabilities.assigns_slots:
            return []
        return [n for n in range(1, self.capabilities.slots + 1) if n not in self.slots]

    @property
    def incomplete(self) -> bool:
        """Whether slots are to be read that nobody waits for: of a lock that is new to us, or one
        whose checksum is of use only to who knows them all."""
        return not self.inventoried or (self.capabilities.checksum and bool(self.unread()))

    def free_slot(self) -> int | None:
        """The lowest slot that was seen empty, else the lowest unread one, else None."""
        if self.capabilities.assigns_slots:
            return None
        leased = {lease.slot for lease in self.leases}
        free = [n for n in range(1, self.capabilities.slots + 1) if n not in leased]
        empty = (n for n in free if isinstance(self.slots.get(n), Empty))
        return next(empty, next((n for n in free if n not in self.slots), None))

    def crowded_out(self, now: Now) -> tuple[KeyId, ...]:
        """Keys that are wanted here and find no free slot; a lock that numbers its codes itself may
        have less room than it says, and refuse them."""
        refused = {x.key_id for x in self.leases if x.reason is Reason.LOCK_FULL and not x.proven}
        full = not self.has_room()
        if not (full or refused):
            return ()
        due = (c for c in self.claims.values() if c.wanted(now) and c.withheld is None)
        return tuple(c.key_id for c in due if c.key_id in refused or (full and self._nowhere(c)))

    def turned_away(self, now: Now) -> tuple[KeyId, ...]:
        """Those of them with which somebody comes."""
        return tuple(key for key in self.crowded_out(now) if not self.claims[key].spare)

    def waiting(self, now: Now) -> list[Claim]:
        """The guests' codes that have no place, the nearest first."""
        found = (self.claims[key] for key in self.turned_away(now))
        return sorted(found, key=lambda c: (c.window.start, c.key_id))

    def giving_way(self, now: Now) -> frozenset[KeyId]:
        """Keys that leave a full lock for others: what is over first, then the farthest arrivals
        for nearer ones, then backup codes that nobody has, the last one first, for guests who are
        there or at the door; none whose stay lasts (S1-19, suffering 10)."""
        if not (waiting := self.waiting(now)):
            return frozenset()
        out = {c.key_id for c in waiting}
        keys = {x.key_id for x in self.leases} & self.claims.keys() - out
        leased = [self.claims[key] for key in keys]
        over = {c.key_id for c in leased if c.kept(now)}
        upcoming = {c.key_id: c for c in leased if not now.maybe_reached(c.window.start)}
        farthest = sorted(upcoming.values(), key=lambda c: (c.window.start, c.key_id), reverse=True)
        pairs = zip(farthest, waiting[len(over) :], strict=False)
        yielding = {c.key_id for c, near in pairs if near.window.start < c.window.start}
        left = waiting[len(over) + len(yielding) :]
        here = sum(now.maybe_reached(c.window.start - HUB_TIMED_LEAD) for c in left)
        spare = sorted({c.key_id for c in leased if c.spare}, reverse=True)
        return frozenset({*over, *yielding, *spare[:here]})

    def _nowhere(self, claim: Claim) -> bool:
        """Whether a key has no slot, nor one that its old code leaves to it, or one in which a
        person's code was found."""
        lease = self.lease_of(claim.key_id, claim.code)
        if lease is None:
            return not (claim.old_codes_go and any(x.key_id == claim.key_id for x in self.leases))
        seen = self.seen(lease)
        ours = lease.stage not in (Stage.TAKEN, Stage.GONE)
        if ours or lease.reason is Reason.DELETED_AT_LOCK:
            return False
        return isinstance(seen, Holds | Occupied | Foreign)

    def with_lease(self, lease: Lease) -> "Situation":
        """The same with this lease added, or in place of the one of the same key and code."""
        others = self._others(lease)
        return replace(self, leases=(*others, lease))

    def without_lease(self, lease: Lease) -> "Situation":
        """The same with this lease freed."""
        return replace(self, leases=tuple(self._others(lease)))

    def with_slot(self, slot: int, seen: Observation | None) -> "Situation":
        """The same with what was seen in a slot; None = no longer known."""
        slots = {n: o for n, o in self.slots.items() if n != slot}
        return replace(self, slots=slots if seen is None else slots | {slot: seen})

    def _others(self, lease: Lease) -> Iterable[Lease]:
        return (x for x in self.leases if (x.key_id, x.code) != (lease.key_id, lease.code))


def _whole_minutes(window: Window) -> Window:
    """The shortest window of whole minutes around it: Z-Wave locks count no seconds."""
    start, end = (at.replace(second=0, microsecond=0) for at in (window.start, window.end))
    return Window(start, end if end == window.end else end + timedelta(minutes=1))
