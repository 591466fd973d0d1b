"""Windows and switches that the lock itself holds: S1-7, sufferings 15, 20 and 22."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.door import door_state
from gatewayd.domain.events.code import CodeConfirmed, CodeFailed, CodeLost
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.observed import observed
from gatewayd.domain.plan import Observe, Plan, Write, plan
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.domain.steps import Touched, after, begun, failed_step
from gatewayd.errors import Reason, Refused
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    TICK,
    claim,
    lease,
    only,
    proven,
    situation,
    tick,
)

TIMED = Capabilities(slots=3, enforces_windows=True)
SWITCHED = Capabilities(slots=3, can_disable=True)
STAY = Window(NOON - HOUR, NOON + 3 * HOUR)
LONGER = Window(NOON - HOUR, NOON + 27 * HOUR)


def at(able: Capabilities, held: Lease, seen: Observation | None, **wish: object) -> Situation:
    """One claim, its lease, and what its slot shows."""
    slots = {} if seen is None else {1: seen}
    s = situation([replace(claim(), **wish)], [held], slots)  # type: ignore[arg-type]  # a claim's
    return replace(s, capabilities=able)


def test_the_lock_gets_the_whole_minutes_around_the_window() -> None:
    """No lock counts seconds, and a guest loses none."""
    second = timedelta(seconds=1)
    odd = claim(start=NOON - HOUR + second, end=NOON + HOUR + second)
    meant = Window(NOON - HOUR, NOON + HOUR + timedelta(minutes=1))
    assert odd.entry(TIMED, NOW) == Entry(CODE, "HMA4XT", window=meant)
    assert odd.entry(Capabilities(), NOW) == Entry(CODE, "HMA4XT")
    tick_ = timedelta(microseconds=1)
    odder = claim(start=NOON - HOUR + tick_, end=NOON + HOUR + tick_)
    assert odder.entry(TIMED, NOW) == Entry(CODE, "HMA4XT", window=meant)


def test_a_code_counts_as_there_only_with_its_window() -> None:
    """Suffering 15: a lock that wiped the window is written again, with the full record."""
    write = Write(lease(), claim().entry(TIMED, NOW))
    s = begun(at(TIMED, lease(), Empty(NOON)), write)
    good = after(s, write, Touched({1: Holds(NOON, CODE, window=STAY)}, 1), NOW, TICK)
    assert isinstance(good.events[0], CodeConfirmed)
    wiped = after(s, write, Touched({1: Holds(NOON, CODE)}, 1), NOW, TICK)
    (failed,) = wiped.events
    assert isinstance(failed, CodeFailed)
    assert failed.reason is Reason.MISMATCH
    again = plan(wiped.situation, NOW, tick(60)).step
    assert isinstance(again, Write)
    assert again.entry.window == STAY


def test_a_window_that_changed_at_the_lock_retracts_the_confirmation() -> None:
    """It may shut the guest out."""
    held = replace(proven(), window=STAY)
    got = observed(at(TIMED, held, None), 1, Holds(NOON, CODE, window=LONGER), NOW, TICK)
    assert got.events == (CodeLost(KEY, LOCK, Reason.MISMATCH),)
    assert isinstance(plan(got.situation, NOW, TICK).step, Write)


def test_an_extension_is_written_in_place_at_once() -> None:
    """Suffering 22; until it is there the door says so, and the old window goes on."""
    held = replace(proven(), window=STAY)
    s = at(TIMED, held, Holds(NOON, CODE, window=STAY), window=LONGER)
    step = plan(s, NOW, TICK).step
    assert step == Write(held, Entry(CODE, "HMA4XT", window=LONGER))
    assert door_state(s, s.claims[KEY], NOW, TICK).state == "writing"
    no = failed_step(begun(s, step), step, Refused("no"), NOW, TICK).situation
    assert only(no.leases).window == STAY
    assert only(no.leases).proven
    assert door_state(no, no.claims[KEY], NOW, TICK).state == "failing"
    seen = observed(no, 1, Holds(NOON, CODE, window=STAY), NOW, TICK)
    assert seen.events == ()
    assert plan(seen.situation, NOW, TICK).look_again_in == 60.0


def test_a_look_that_is_old_comes_before_the_change() -> None:
    """S1-11."""
    held = replace(proven(), window=STAY)
    old = Holds(NOON - HOUR, CODE, window=STAY)
    assert plan(at(TIMED, held, old, window=LONGER), NOW, TICK) == Plan(Observe((1,)))


@pytest.mark.parametrize(("minutes", "enabled"), [(-1, False), (0, True), (1, True)])
def test_a_code_is_switched_on_when_its_window_starts(minutes: int, enabled: bool) -> None:
    """S1-7: written ahead where the lock can hold it disabled."""
    now = Now.exactly(STAY.start + timedelta(minutes=minutes))
    assert claim().entry(SWITCHED, now).enabled is enabled


def test_the_plan_wakes_for_the_switch() -> None:
    """And until then the code is done."""
    before = STAY.start - timedelta(minutes=5)
    now = Now.exactly(before)
    off = replace(proven(), enabled=False)
    s = at(SWITCHED, off, Holds(before, CODE, enabled=False))
    assert plan(s, now, TICK) == Plan(None, 300.0)
    assert door_state(s, claim(), now, TICK).state == "proven"
    then = Now.exactly(STAY.start)
    look = plan(s, then, TICK).step
    assert look == Observe((1,))
    seen = after(s, look, Touched({1: Holds(then.earliest, CODE, enabled=False)}), then, TICK)
    step = plan(seen.situation, then, TICK).step
    assert isinstance(step, Write)
    assert step.entry.enabled


def test_a_masked_code_is_switched_on_too() -> None:
    """Suffering 1: the lock hides the digits and still says whether they open."""
    held = replace(lease(Stage.WRITTEN, Proof.PRESENT), enabled=False)
    step = plan(at(SWITCHED, held, Occupied(NOON, enabled=False)), NOW, TICK).step
    assert isinstance(step, Write)
    assert step.entry.enabled
    on = replace(held, enabled=True)
    assert plan(at(SWITCHED, on, Occupied(NOON)), NOW, TICK).step is None


def test_a_start_that_a_lock_clamped_is_no_other_window() -> None:
    """Suffering 25: what is past is past."""
    held = replace(proven(), window=STAY)
    clamped = Window(NOON - HOUR / 2, STAY.end)
    assert held.limits(Holds(NOON, CODE, window=clamped), NOW)
    assert not held.limits(Holds(NOON, CODE, window=Window(NOON + HOUR, STAY.end)), NOW)
    assert not held.limits(Holds(NOON, CODE, window=LONGER), NOW)
    assert plan(at(TIMED, held, Holds(NOON, CODE, window=clamped)), NOW, TICK).step is None


def test_the_old_code_of_a_handover_opens_when_it_should_too() -> None:
    """The guest may know no other."""
    old = replace(proven(), enabled=False)
    new = replace(lease(Stage.WRITTEN, Proof.MATCHED, code=NEW_CODE, slot=2), enabled=True)
    shown: dict[int, Observation] = {1: Holds(NOON, CODE, enabled=False), 2: Holds(NOON, NEW_CODE)}
    s = situation([claim(code=NEW_CODE, old_codes_go=False)], [old, new], shown)
    assert plan(replace(s, capabilities=SWITCHED), NOW, TICK).step == Write(
        old, Entry(CODE, "HMA4XT", enabled=True)
    )
