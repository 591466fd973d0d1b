"""Locks that number their codes themselves: a lease has no slot until the lock has told."""

from dataclasses import replace

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.events.code import CodeConfirmed, CodeLost
from gatewayd.domain.events.lock import LockForeignCode, LockOnline
from gatewayd.domain.lease import SETTLES, Proof, Stage
from gatewayd.domain.plan import Clear, Free, Observe, Plan, Take, Write, plan
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Holds, Observation
from gatewayd.domain.steps import Touched, after, begun, failed_step, taken
from gatewayd.errors import OutcomeUnknown
from tests.unit.domain.builders import (
    CODE,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    OVER,
    THEIRS,
    TICK,
    claim,
    lease,
    only,
    situation,
    tick,
)

LIST = Capabilities(slots=2, assigns_slots=True)


def listed(s: Situation, seen: dict[int, Observation], at: float = 0) -> Situation:
    """After a look at the whole list."""
    return after(s, Observe(), Touched(seen), NOW, tick(at)).situation


def at(*claims: Claim, known: bool = True) -> Situation:
    """A lock that has been listed, and was empty."""
    return replace(situation(claims, inventoried=known), capabilities=LIST)


def written(s: Situation, slot: int) -> Situation:
    """The next lease is taken, and its code added under that number."""
    take = plan(s, NOW, TICK).step
    assert isinstance(take, Take)
    assert take.slot is None
    s = taken(s, take).situation
    write = plan(s, NOW, TICK).step
    assert isinstance(write, Write)
    assert write.lease.slot is None
    return after(begun(s, write), write, Touched({}, slot), NOW, TICK).situation


def test_a_new_lock_is_listed_once() -> None:
    """Suffering 26: foreign codes are told."""
    s = at(known=False)
    assert plan(s, NOW, TICK) == Plan(Observe())
    got = after(s, Observe(), Touched({7: Holds(NOON, THEIRS)}), NOW, TICK)
    assert got.events == (LockForeignCode(LOCK, 7),)
    assert plan(got.situation, NOW, TICK).step is None


def test_all_is_written_before_the_list_is_read_once() -> None:
    """One list proves every code; it is as long as the codes are many."""
    s = written(at(claim(), claim(OTHER_KEY, NEW_CODE)), 11)
    s = written(s, 12)
    assert plan(s, NOW, TICK) == Plan(Observe())
    shown: dict[int, Observation] = {11: Holds(NOON, CODE), 12: Holds(NOON, NEW_CODE)}
    got = after(s, Observe(), Touched(shown), NOW, TICK)
    assert [type(e) for e in got.events] == [CodeConfirmed, CodeConfirmed]
    assert [(x.slot, x.proof) for x in got.situation.leases] == [
        (11, Proof.MATCHED),
        (12, Proof.MATCHED),
    ]


def test_a_code_whose_number_was_never_heard_is_recognised() -> None:
    """The link dropped after the command: listed before anything is written again."""
    s = at(claim())
    s = taken(s, Take(KEY, CODE, None)).situation
    write = plan(s, NOW, TICK).step
    assert isinstance(write, Write)
    lost = failed_step(begun(s, write), write, OutcomeUnknown("dropped"), NOW, TICK).situation
    assert plan(lost, NOW, TICK) == Plan(Observe())
    there = listed(lost, {9: Holds(NOON, CODE), 10: Holds(NOON, THEIRS)})
    assert only(there.leases).slot == 9
    assert only(there.leases).proven
    absent = listed(lost, {10: Holds(NOON, THEIRS)})
    assert only(absent.leases).slot is None
    assert plan(absent, NOW, tick(59)).step is None
    assert isinstance(plan(absent, NOW, tick(60)).step, Write)


def test_a_persons_code_with_the_same_digits_is_never_taken_for_ours() -> None:
    """S1-11: the write never reached the lock, which has held these digits all along."""
    twin: dict[int, Observation] = {1: Holds(NOON, CODE)}
    s = at(claim(), known=False)
    assert plan(s, NOW, TICK) == Plan(Observe()), "before anything is added"
    s = taken(listed(s, twin), Take(KEY, CODE, None)).situation
    write = plan(s, NOW, TICK).step
    assert isinstance(write, Write)
    lost = failed_step(begun(s, write), write, OutcomeUnknown("dropped"), NOW, TICK).situation
    once = listed(lost, twin)
    assert only(once.leases).slot is None
    cancelled = replace(once, claims={})
    assert isinstance(plan(listed(cancelled, twin, SETTLES), NOW, tick(SETTLES)).step, Free)
    both = listed(lost, twin | {5: Holds(NOON, CODE)})
    assert only(both.leases).slot == 5, "what is new is ours"


def test_a_code_with_other_limits_is_not_the_one_that_was_added() -> None:
    """A lost write is there whole or not at all."""
    s = at(claim())
    s = replace(s, capabilities=replace(LIST, enforces_windows=True))
    write = plan(taken(s, Take(KEY, CODE, None)).situation, NOW, TICK).step
    assert isinstance(write, Write)
    begun_ = begun(taken(s, Take(KEY, CODE, None)).situation, write)
    lost = failed_step(begun_, write, OutcomeUnknown("dropped"), NOW, TICK).situation
    assert only(listed(lost, {3: Holds(NOON, CODE)}).leases).slot is None
    ours = listed(lost, {3: Holds(NOON, CODE, window=write.entry.window)})
    assert only(ours.leases).slot == 3


def test_an_added_code_is_recognised_where_the_lock_clamped_its_start() -> None:
    """Suffering 25"""
    s = replace(at(claim()), capabilities=replace(LIST, enforces_windows=True))
    s = taken(s, Take(KEY, CODE, None)).situation
    write = plan(s, NOW, TICK).step
    assert isinstance(write, Write)
    assert write.entry.window is not None
    lost = failed_step(begun(s, write), write, OutcomeUnknown("dropped"), NOW, TICK).situation
    clamped = replace(write.entry.window, start=NOON)
    assert only(listed(lost, {3: Holds(NOON, CODE, window=clamped)}).leases).slot == 3


def test_a_list_is_an_answer_and_tells_what_it_shows() -> None:
    """The lock is back, and the code that it was given before is there."""
    s = written(at(claim()), 11)
    silent = replace(s, ladder=Ladder(2, TICK))
    got = after(silent, Observe(), Touched({11: Holds(NOON, CODE)}), NOW, TICK)
    assert got.situation.ladder is None
    first, *_, last = got.events
    assert first == LockOnline(LOCK)
    assert last == CodeConfirmed(KEY, LOCK, Proof.MATCHED, NOON)


def test_a_removal_in_doubt_looks_twice() -> None:
    """Cancelled while its number is unknown: two lists, a minute apart."""
    s = replace(at(), leases=(lease(Stage.WRITING, slot=None),))
    assert plan(s, NOW, TICK) == Plan(Observe())
    once = listed(s, {})
    assert plan(once, NOW, TICK) == Plan(None, SETTLES)
    twice = listed(once, {}, SETTLES)
    assert isinstance(plan(twice, NOW, tick(SETTLES)).step, Free)
    found = listed(s, {3: Holds(NOW.earliest, CODE)})
    step = plan(found, NOW, TICK).step
    assert isinstance(step, Clear)
    assert step.lease.slot == 3


def test_a_list_without_a_proven_code_is_believed_the_second_time() -> None:
    """Suffering 13; and its number is not used again."""
    held = lease(Stage.WRITTEN, Proof.MATCHED, slot=4)
    s = replace(at(claim()), leases=(held,))
    once = listed(s, {})
    assert plan(once, NOW, TICK) == Plan(Observe())
    twice = after(once, Observe(), Touched({}), NOW, TICK)
    assert twice.events == (CodeLost(KEY, LOCK, None),)
    step = plan(twice.situation, NOW, TICK).step
    assert isinstance(step, Write)
    assert step.lease.slot is None


def test_a_full_list_has_no_room() -> None:
    """S1-19: foreign codes count."""
    full = listed(at(claim()), {1: Holds(NOON, THEIRS), 2: Holds(NOON, NEW_CODE)})
    assert not full.has_room()
    assert plan(full, NOW, TICK).step is None
    assert full.crowded_out(NOW) == (KEY,)
    assert listed(full, {1: Holds(NOON, THEIRS)}).has_room()
    begun_ = listed(at(), {1: Holds(NOON, THEIRS)}).with_lease(lease(Stage.WRITING, slot=None))
    assert not begun_.has_room(), "a code that is being added counts, too"


def test_what_is_over_is_removed_by_its_number() -> None:
    """The hub removes at the end, also where the lock holds the window."""
    held = lease(Stage.WRITTEN, Proof.MATCHED, slot=4)
    s = replace(at(), leases=(held,), slots={4: Holds(OVER.earliest, CODE)})
    assert plan(s, OVER, TICK) == Plan(Clear(held))
    gone = after(begun(s, Clear(held)), Clear(held), Touched({}, 4), OVER, TICK).situation
    assert plan(gone, OVER, TICK) == Plan(Observe())
    assert isinstance(plan(listed(gone, {}), OVER, TICK).step, Free)


def test_a_number_that_is_given_twice_ends_nothing() -> None:
    """The list tells whose it is."""
    s = written(at(claim(), claim(OTHER_KEY, NEW_CODE)), 11)
    s = written(s, 11)
    assert [x.slot for x in s.leases] == [11, None]
    assert plan(s, NOW, TICK) == Plan(Observe())
