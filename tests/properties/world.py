"""A site in virtual time, and a worker that follows the plan as the real one does.

True time is `age` in whole seconds. Ticks count from the last boot; the hub's clock may be stepped
and may be in doubt. Persons come to the keypad while the worker waits, never within a session.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import assert_never

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.events.code import CodeConfirmed, CodeLost
from gatewayd.domain.events.lock import LockOffline, LockOnline
from gatewayd.domain.hours import Keeper
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Audit, Clear, Free, LockStep, Observe, Plan, Take, Write, plan
from gatewayd.domain.reported import reported
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Holds
from gatewayd.domain.steps import Touched, after, begun, failed_step, taken
from gatewayd.errors import LockError, OutcomeUnknown, Reason, Refused, Unreachable
from tests.properties.lock import (
    HARMLESS_TO_WRITES,
    LANDS_WITHIN,
    LATE,
    RESTARTS,
    Fault,
    Stored,
    VirtualLock,
)
from tests.unit.domain.builders import LOCK, NOON

RETRIED_WITHIN = 300
"""Seconds from a failure to the next try, at most."""
GONE_WITHIN = 60
"""Seconds from the end of a window to the end of its code, where the lock answers."""
VISIT = 45
"""Seconds between the worker's last operation and a person at the keypad, at least."""
LIVELOCK = 80
"""Steps without time passing; the longest honest session here takes less than half."""


@dataclass
class World:
    """One lock, its hub and its passers-by; the rules are checked at every step."""

    able: Capabilities = field(default_factory=lambda: Capabilities(slots=3))
    lock: VirtualLock = field(default_factory=VirtualLock)
    age: int = 0
    booted: int = 0
    offset: timedelta = timedelta()
    doubt: tuple[timedelta, timedelta] = (timedelta(), timedelta())
    unread: set[int] = field(default_factory=set)  # touched by us and not read since
    tries: list[int] = field(default_factory=list)  # ages of all operations at the lock
    touches: list[tuple[int, Code]] = field(default_factory=list)  # writes and clears
    respected: set[Code] = field(default_factory=set)  # deleted by a person at the keypad
    wishes_changed: int = 0
    faulted: int = -RETRIED_WITHIN
    offline: bool = False
    codes: int = 0
    s: Situation = field(init=False)

    def __post_init__(self) -> None:
        self.s = Situation(LOCK, self.able)

    @property
    def now(self) -> Now:
        """What the hub's clock tells."""
        at = NOON + timedelta(seconds=self.age) + self.offset
        return Now(at - self.doubt[0], at + self.doubt[1])

    @property
    def tick(self) -> Tick:
        """Seconds since boot."""
        return Tick(float(self.age - self.booted))

    # --- the worker ------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """The plan now; it shows no secret."""
        p = plan(self.s, self.now, self.tick)
        self.check_silence(p)
        assert p.step is not None or p.look_again_in is None or p.look_again_in > 0
        return p

    def work(self, faults: Iterator[Fault]) -> None:
        """One session: steps until the plan has none."""
        for _ in range(LIVELOCK * (1 + len(self.lock.mail))):
            match self.plan().step:
                case None if self.lock.mail:
                    self.follow(reported(self.s, self.lock.mail.pop(0), self.now, self.tick))
                case None:
                    self.check_rest()
                    return
                case Take() | Free() as step:
                    self.check_lease(step)
                    self.follow(taken(self.s, step))
                case step:
                    self.operate(step, next(faults, Fault.NONE))
        raise AssertionError("the worker goes round in circles")

    def live(self, seconds: int, faults: Iterable[Fault] = ()) -> None:
        """The worker at work for that long, looking again whenever its plan says so."""
        until, met = self.age + seconds, iter(faults)
        while True:
            self.work(met)
            wait = self.plan().look_again_in
            if wait is None or self.age + wait > until:
                break
            self.sleep(int(wait))
        self.sleep(until - self.age)
        self.work(met)

    def sleep(self, seconds: int) -> None:
        """Time passes, and what was under way lands."""
        self.age += seconds
        self.lock.settle(self.age)
        self.check_ends()

    def reboot(self) -> None:
        """The hub is away for a minute; ticks begin anew, as its start makes of them."""
        self.faulted = self.age
        self.sleep(LANDS_WITHIN)
        self.lock.mail.clear()
        self.booted = self.age
        self.faulted = self.age
        due, ladder = self.tick, self.s.ladder
        leases = tuple(
            replace(
                x,
                ladder=x.ladder.at_once(due) if x.ladder else None,
                verify_due=due if x.verify_due is not None else None,
                doubted_since=None,
            )
            for x in self.s.leases
        )
        self.s = replace(self.s, leases=leases, ladder=ladder.at_once(due) if ladder else None)

    def follow(self, outcome: Outcome) -> None:
        """What the caller does with an outcome."""
        self.check_silence(outcome)
        self.check_losses(outcome)
        self.s = outcome.situation
        for event in outcome.events:
            if isinstance(event, LockOffline | LockOnline):  # told once, and in turn
                assert self.offline is isinstance(event, LockOnline)
                self.offline = not self.offline
            elif isinstance(event, CodeConfirmed):
                self.respected.discard(self.s.claims[event.key_id].code)
        for key in outcome.refused:
            self.wish(replace(self.s.claims[key], code=self.new_code(), old_codes_go=False))
        for claim in self.s.claims.values():
            new = self.s.lease_of(claim.key_id, claim.code)
            if not claim.old_codes_go and new is not None and new.proven:
                self.wish(replace(claim, old_codes_go=True))

    # --- the lock --------------------------------------------------------------------------------

    def operate(self, step: LockStep, fault: Fault) -> None:
        """One operation: on disk first, then at the lock, then its result."""
        fault = self.possible(step, fault)
        if fault not in (HARMLESS_TO_WRITES if isinstance(step, Write) else {Fault.NONE}):
            self.faulted = self.age
        self.s = begun(self.s, step)
        self.tries.append(self.age)
        if isinstance(step, Write | Clear):
            self.check_touch(step)
            self.touches.append((self.age, step.lease.code))
            slot = self.lock.number() if step.lease.slot is None else step.lease.slot
            code, content = step.lease.code, None
            if isinstance(step, Write):
                limits = step.entry.enabled, step.entry.window
                content = Stored(code, step.lease.key_id, code, *limits)
            self.unread.add(slot)
            self.lock.touch(slot, content, fault, self.age, self.new_code)
        if fault in RESTARTS:
            self.lock.mail.clear()
        elif (error := self.error(fault)) is not None:
            self.follow(failed_step(self.s, step, error, self.now, self.tick))
        elif isinstance(step, Audit):
            same = all(self.lock.shows(slot, seen) for slot, seen in step.seen.items())
            shown = {slot: step.seen[slot] for slot in step.slots if same}
            self.follow(after(self.s, step, Touched(shown), self.now, self.tick))
        elif isinstance(step, Observe):
            slots = step.slots or tuple(self.lock.stored)
            shown = {slot: self.lock.look(slot, fault, self.now.earliest) for slot in slots}
            if not step.slots:
                shown = {slot: seen for slot, seen in shown.items() if not isinstance(seen, Empty)}
            self.unread.difference_update(slots)
            self.follow(after(self.s, step, Touched(shown), self.now, self.tick))
        elif self.lock.counts:
            self.follow(after(self.s, step, Touched({}, slot), self.now, self.tick))
        else:  # what was written is read at once
            seen = self.lock.look(slot, Fault.NONE, self.now.earliest)
            self.unread.discard(slot)
            self.follow(after(self.s, step, Touched({slot: seen}, slot), self.now, self.tick))

    def possible(self, step: LockStep, fault: Fault) -> Fault:
        """The fault, where it can befall this operation; one untruth at a time."""
        if self.lock.counts and fault in LATE:  # what is sent on a connection ends with it
            fault = Fault.UNKNOWN_NOT_DONE
        if isinstance(step, Clear):
            return Fault.FALSE_ACK if fault in (Fault.MANGLED, Fault.WIPED) else fault
        if isinstance(step, Write):
            return Fault.NONE if fault in (Fault.MASKED, Fault.LYING) else fault
        if isinstance(step, Audit) or not step.slots:
            return fault if fault is Fault.UNREACHABLE or fault in RESTARTS else Fault.NONE
        (slot,) = step.slots
        content, lease = self.lock.stored.get(slot), self.lease_in(slot)
        match fault:
            case Fault.UNREACHABLE | Fault.RESTART_DONE | Fault.RESTART_NOT_DONE:
                return fault
            case Fault.MASKED if content and (lease is None or lease.code == content.code):
                return fault
            case Fault.LYING if content and lease and lease.code == content.code:
                fresh = lease.proven and lease.stage is Stage.WRITTEN and slot not in self.lock.lied
                return fault if fresh else Fault.NONE
            case _:
                return Fault.NONE

    def error(self, fault: Fault) -> LockError | None:
        """What the driver raises."""
        match fault:
            case Fault.UNREACHABLE | Fault.UNREAD:
                return Unreachable("no answer")
            case Fault.REFUSED:
                return Refused("no")
            case Fault.DUPLICATE:
                return Refused("no", Reason.DUPLICATE_CODE)
            case Fault.UNKNOWN_DONE | Fault.UNKNOWN_NOT_DONE | Fault.UNKNOWN_LATE:
                return OutcomeUnknown("silence")
            case _:
                return None

    def lease_in(self, slot: int) -> Lease | None:
        """The lease of a slot, where it has touched the lock."""
        held = (x for x in self.s.leases if x.slot == slot and x.stage is not Stage.TAKEN)
        return next(held, None)

    # --- people ----------------------------------------------------------------------------------

    def may_touch(self, slot: int) -> bool:
        """Whether a person's hand in this slot could be told from our own doing."""
        lease = self.lease_in(slot)
        under_way = slot in self.unread or self.lock.has_pending(slot)
        mangled = slot in self.lock.mangled and lease is not None and lease.proof is Proof.ACCEPTED
        return not (under_way or mangled or (self.lock.masked and lease is not None))

    def person_adds(self, slot: int) -> None:
        """A person programs a code at the keypad, over whatever is there."""
        self.let_pass()
        if self.lock.counts:
            slot = self.lock.number() if len(self.lock.stored) < self.able.slots else 0
        if slot and self.may_touch(slot):
            code = self.new_code()
            self.lock.land(slot, Stored(code, None, code))

    def person_deletes(self, slot: int) -> None:
        """A person deletes a code, ours where the lock shows what it holds."""
        self.let_pass()
        if slot in self.lock.stored and self.may_touch(slot):
            self.lock.land(slot, None)

    def let_pass(self) -> None:
        """Nobody stands at the keypad in the very seconds of a session."""
        while self.tries and self.age - self.tries[-1] < VISIT:
            self.live(VISIT)

    def wish(self, claim: Claim) -> None:
        """A key wants something else."""
        self.wishes_changed = self.age
        self.s = replace(self.s, claims={**self.s.claims, claim.key_id: claim})

    def unwish(self, key: KeyId) -> None:
        """A key is cancelled."""
        self.wishes_changed = self.age
        rest = {k: c for k, c in self.s.claims.items() if k != key}
        self.s = replace(self.s, claims=rest)

    def set_clock(self, offset: timedelta, doubt: tuple[timedelta, timedelta]) -> None:
        """The hub's clock is stepped, or falls in or out of doubt."""
        self.wishes_changed = self.age
        self.offset, self.doubt = offset, doubt

    def new_code(self) -> Code:
        """Digits that nothing else here shows."""
        self.codes += 1
        return Code(f"97{self.codes:04d}86")

    # --- the rules -------------------------------------------------------------------------------

    def check_silence(self, shown: object) -> None:
        """No repr shows a code."""
        text = repr(shown) + repr(self.s)
        assert not any(f"97{n:04d}86" in text for n in range(1, self.codes + 1))

    def check_losses(self, outcome: Outcome) -> None:
        """A proof is withdrawn only where the code is truly gone, or opens at other times than was
        written: a change that the lock acknowledged and did not make shows once its start is not
        surely past any more."""
        for lease in self.s.leases:
            after = outcome.situation.lease_of(lease.key_id, lease.code)
            if lease.proven and after is not None and not after.proven:  # suffering 13
                content = self.lock.stored.get(lease.slot or 0)
                altered = content is not None and content.window != lease.window
                assert content is None or content.key is None or altered
                lost = [e for e in outcome.events if isinstance(e, CodeLost)]
                (told,) = [e for e in lost if e.key_id == lease.key_id]
                if told.reason is Reason.DELETED_AT_LOCK:
                    self.respected.add(lease.code)

    def check_lease(self, step: Take | Free) -> None:
        """A lease is sticky; a slot has one."""
        if isinstance(step, Free):
            assert not self.s.rightful(step.lease, self.now), "freed while its stay lasts"
            self.respected.discard(step.lease.code)  # a stay that comes again is another wish
            return
        others = {x.slot for x in self.s.leases} - {None}
        assert step.slot not in others, "two leases of one slot"
        old = self.s.lease_of(step.key_id, step.code)
        if old is not None:  # S1-11, and suffering 5
            content = self.lock.stored.get(old.slot or 0)
            assert content is None or content.key is None, "moved from its own code"
            assert not isinstance(self.s.seen(old), Empty), "moved from a free slot"

    def check_touch(self, step: Write | Clear) -> None:
        """Only our own slots, only in their time."""
        lease, content, now = step.lease, self.lock.stored.get(step.lease.slot or 0), self.now
        assert content is None or content.key is not None, "a person's code is touched"  # S1-11
        assert content is None or content.key == lease.key_id
        claim = self.s.claims.get(lease.key_id)
        match step:
            case Write(entry=entry):
                assert entry.code not in self.respected, "a person's deletion is undone"  # S1-17
                assert claim is not None
                assert claim.withheld is None
                assert entry.code == lease.code
                assert claim.code == entry.code or not claim.old_codes_go
                assert claim.due <= now.latest, "written before it is due"
                assert now.earliest < claim.window.end, "written after the end"
                others = {x.code for x in self.lock.stored.values() if x.key == lease.key_id}
                alone = not {x for x in others if x != claim.code and x in self.codes_of(lease)}
                assert alone or not claim.old_codes_go, "two codes outside a handover"
            case Clear():
                over = claim is None or now.earliest >= claim.window.end or now.latest < claim.due
                replaced = claim is not None and claim.code != lease.code and claim.old_codes_go
                shut = claim is not None and claim.keeper is Keeper.HUB and not claim.wanted(now)
                gave_way = self.gives_way(claim)
                assert over or replaced or shut or gave_way, "cleared while its stay lasts"
            case _:
                assert_never(step)

    def gives_way(self, claim: Claim | None) -> bool:
        """Whether a stay that has not begun may lose its place to a nearer one (S1-19)."""
        if claim is None or self.now.latest >= claim.window.start or self.s.has_room():
            return False
        wanted = (c for c in self.s.claims.values() if c.wanted(self.now) and c.withheld is None)
        nearer = [c for c in wanted if c.window.start < claim.window.start]
        return any(not self.s.done(c, self.now) for c in nearer)

    def codes_of(self, lease: Lease) -> set[Code]:
        """The codes for which this key holds leases."""
        return {x.code for x in self.s.leases if x.key_id == lease.key_id}

    def check_rest(self) -> None:
        """What holds whenever the worker has nothing to do."""
        leases = self.s.leases
        touches = Counter(code for _, code in self.touches)
        for x in leases:  # once for each try, however often the slot is read
            once = x.ladder is None or x.ladder.failures <= touches[x.code]
            claim = self.s.claims.get(x.key_id)
            given_up = x.reason is Reason.DUPLICATE_CODE or not claim or claim.code != x.code
            assert once or given_up  # S3-13
            seen = self.s.seen(x)
            if x.proven and self.s.rightful(x, self.now) and isinstance(seen, Holds):
                assert seen.code == x.code, "another code is there, and it is not told"
                self.check_limits(x)
        assert self.s.ladder is None or self.s.ladder.failures <= len(self.tries)
        slots = [x.slot for x in leases if x.slot is not None]
        assert len(set(slots)) == len(slots)
        assert len({(x.key_id, x.code) for x in leases}) == len(leases)
        ours = [x for x in self.lock.stored.values() if x.key is not None]
        assert len({(x.key, x.meant) for x in ours}) == len(ours), "one code in two slots"
        self.check_ends()

    def check_limits(self, lease: Lease) -> None:
        """What is proven opens when it should, once the lock could be told."""
        claim, content = self.s.claims[lease.key_id], self.lock.stored.get(lease.slot or 0)
        wanted = claim.entry(self.able, self.now)
        waits = self.s.ladder or lease.ladder or claim.withheld or lease.code != claim.code
        if content is not None and content.key == lease.key_id and not waits:
            assert content.enabled == wanted.enabled
            assert same(content.window, wanted.window, self.now), "it opens at other times"

    def check_ends(self) -> None:
        """Where the lock answers, a code is gone within a minute of its end."""
        excused = self.faulted + RETRIED_WITHIN
        for slot, content in self.lock.stored.items():
            if content.key is not None and (since := self.over_since(content)) is not None:
                assert self.age - max(since, excused) <= GONE_WITHIN, f"slot {slot} still opens"

    def over_since(self, content: Stored) -> int | None:
        """The age since when this code should not be there."""
        claim = self.s.claims.get(content.key) if content.key else None
        if claim is None or (content.meant != claim.code and claim.old_codes_go):
            return self.wishes_changed
        if self.now.latest < claim.due:
            return self.wishes_changed
        past = (self.now.earliest - claim.window.end).total_seconds()
        return max(self.wishes_changed, self.age - int(past)) if past >= 0 else None


def same(shown: Window | None, wanted: Window | None, now: Now) -> bool:
    """Whether both open at the same times from now on."""
    if shown is None or wanted is None or shown.end != wanted.end:
        return shown == wanted
    return shown.start == wanted.start or now.surely_past(max(shown.start, wanted.start))
