"""The next step at one lock, branch by branch."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.lease import SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.plan import (
    FRESH,
    Audit,
    Clear,
    Free,
    Observe,
    Plan,
    Step,
    Take,
    Write,
    holds,
    plan,
)
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    MINUTE,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    OVER,
    THEIRS,
    TICK,
    claim,
    lease,
    proven,
    situation,
    tick,
)

ENTRY = Entry(CODE, "HMA4XT")
UNTIL_THE_END = 3 * HOUR.total_seconds()
STALE = NOON - FRESH - timedelta(seconds=1)
WAITING = Ladder(2, tick(40))
DONE_OR_NOT_BEGUN = (Stage.WRITTEN, Stage.TAKEN)


def at_noon(s: Situation) -> Plan:
    """The plan while the stay lasts."""
    return plan(s, NOW, TICK)


def when_over(held: Lease, seen: Observation | None = None, at: Tick = TICK) -> Plan:
    """The plan for a lease whose stay has ended, the slot read just now."""
    assert held.slot is not None
    slots = {} if seen is None else {held.slot: replace(seen, at=OVER.earliest)}
    return plan(situation(leases=[held], slots=slots), OVER, at)


# --- whether at all ------------------------------------------------------------------------------


def test_an_inactive_lock_is_left_alone() -> None:
    """S2-20: no writes, facts kept, and nothing to wake up for."""
    assert at_noon(situation(active=False)) == Plan(None)


def test_a_lock_that_did_not_answer_is_left_until_its_ladder_is_due() -> None:
    """S3-13: all its codes wait, removals too."""
    s = situation(leases=[proven()], ladder=WAITING)
    assert plan(s, OVER, TICK) == Plan(None, 40.0)
    assert plan(s, OVER, tick(39.5)) == Plan(None, 0.5)
    assert plan(s, OVER, tick(40)).step is not None


def test_a_lock_that_nobody_wants_has_an_empty_plan() -> None:
    """Read only for a reason; suffering 2 and 19."""
    assert at_noon(situation([])) == Plan(None)


# --- when to look again --------------------------------------------------------------------------


def test_a_key_that_is_not_due_is_waited_for() -> None:
    """S1-7: until its lead begins."""
    wish = claim(start=NOON + HOUR)
    assert at_noon(situation([wish])) == Plan(None, 50 * 60.0)


def test_the_first_key_that_is_not_loaded_is_waited_for_as_well() -> None:
    """Claims are those due or leased; `next_due` stands for all others."""
    assert at_noon(situation([], next_due=NOON + HOUR)) == Plan(None, 3600.0)
    assert at_noon(situation([], next_due=NOON)) == Plan(None)


def test_a_stay_that_lasts_is_looked_at_when_it_ends() -> None:
    """S1-12."""
    s = situation(leases=[proven()], slots={1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


def test_a_doubtful_clock_wakes_for_the_first_start_and_the_last_end() -> None:
    """Starts are held against the latest reading, ends against the earliest."""
    doubtful = Now(NOON - HOUR, NOON + HOUR)
    s = situation([claim(start=NOON + 2 * HOUR, end=NOON + 4 * HOUR)])
    assert plan(s, doubtful, TICK) == Plan(None, 50 * 60.0)
    s = situation(leases=[proven()], slots={1: Holds(NOON, CODE)})
    assert plan(s, doubtful, TICK) == Plan(None, 4 * 3600.0)


def test_the_soonest_of_all_reasons_wakes() -> None:
    """A second look, a ladder, a window."""
    wishes = [claim(), claim(OTHER_KEY, NEW_CODE)]
    waits = lease(Stage.WRITING, key=OTHER_KEY, code=NEW_CODE, slot=2, ladder=WAITING)
    s = situation(
        wishes, [proven(verify_due=tick(60)), waits], {1: Holds(NOON, CODE), 2: Empty(NOON)}
    )
    assert at_noon(s) == Plan(None, 40.0)


# --- a lock that is new --------------------------------------------------------------------------


def inventory(read: int, seconds: float = 0, ladder: Ladder | None = None) -> Plan:
    """The plan for a lock of twenty slots of which the first ones were read so long ago."""
    slots = dict.fromkeys(range(1, read + 1), Empty(NOON - timedelta(seconds=seconds)))
    return at_noon(situation([], slots=slots, size=20, ladder=ladder, inventoried=False))


@pytest.mark.parametrize(
    ("read", "seconds", "then"),
    [
        (0, 0, Plan(Observe((1,)))),
        (3, 0, Plan(Observe((4,)))),
        (9, 4.5, Plan(Observe((10,)))),
        (10, 0, Plan(None, 5.0)),  # enough for now
        (10, 3, Plan(None, 2.0)),
        (10, 5, Plan(Observe((11,)))),
        (19, 5, Plan(Observe((20,)))),
        (20, 5, Plan(None)),
    ],
)
def test_a_new_lock_is_read_slot_by_slot_and_in_no_hurry(
    read: int, seconds: float, then: Plan
) -> None:
    """Sufferings 2 and 26: ten slots in five seconds."""
    assert inventory(read, seconds) == then


@pytest.mark.parametrize(
    ("read", "seconds", "ladder", "slot"),
    [
        (3, 6, None, 1),  # it has said nothing for longer than we waited
        (3, 5, None, 4),
        (3, 0, Ladder(1, TICK), 1),
    ],
)
def test_where_an_inventory_stopped_a_slot_that_answered_before_is_asked_first(
    read: int, seconds: float, ladder: Ladder | None, slot: int
) -> None:
    """Suffering 24: is it the lock that is mute, or only the next slot?"""
    assert inventory(read, seconds, ladder) == Plan(Observe((slot,)))


@pytest.mark.parametrize(
    ("slots", "probe"),
    [
        ({1: Occupied(NOON), 2: Empty(NOON), 3: Empty(NOON)}, 2),
        ({1: Occupied(NOON), 2: Occupied(NOON)}, 1),  # a lock that masks its codes
        ({}, 1),
    ],
)
def test_a_lock_that_is_asked_is_asked_for_a_slot_that_was_not_passed_over(
    slots: dict[int, Observation], probe: int
) -> None:
    """Suffering 24"""
    s = situation([], slots=slots, size=20, inventoried=False)
    assert at_noon(replace(s, asked=True)) == Plan(Observe((probe,)))


@pytest.mark.parametrize("slots", [{}, {1: Occupied(NOON), 2: Occupied(NOON), 3: Occupied(NOON)}])
def test_a_lock_of_which_no_slot_is_known_to_answer_is_asked_for_each_in_turn(
    slots: dict[int, Observation],
) -> None:
    """Suffering 24: the first one may be mute for ever."""
    s = situation([], slots=slots, inventoried=False)
    asked = [at_noon(replace(s, ladder=Ladder(n, TICK))).step for n in range(1, 4)]
    assert asked == [Observe((2,)), Observe((3,)), Observe((1,))]


# --- what should be there ------------------------------------------------------------------------


def test_a_key_that_falls_due_takes_a_slot() -> None:
    """Suffering 19: when it falls due, not at booking."""
    assert at_noon(situation()) == Plan(Take(KEY, CODE, 1))
    assert at_noon(situation(slots={1: Occupied(NOON), 2: Empty(NOON)})) == Plan(Take(KEY, CODE, 2))


def test_the_nearest_arrival_goes_first() -> None:
    """S1-19, suffering 10."""
    near, far = claim(start=NOON - HOUR), claim(OTHER_KEY, NEW_CODE, start=NOON)
    assert at_noon(situation([far, near])) == Plan(Take(KEY, CODE, 1))


def test_nobody_is_evicted_from_a_full_lock() -> None:
    """S1-19: who has no slot waits, until something changes."""
    wishes = [claim(), claim(OTHER_KEY, NEW_CODE, start=NOON - 2 * HOUR)]
    s = situation(wishes, [proven()], {1: Holds(NOON, CODE)}, size=1)
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


def test_a_withheld_key_gets_nothing_new() -> None:
    """S3-20."""
    s = situation([claim(withheld=Reason.PROVISIONING_DISABLED_DOOR)])
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


def test_an_unread_slot_is_read_before_it_is_written() -> None:
    """S1-11: no foreign code is overwritten."""
    assert at_noon(situation(leases=[lease()])) == Plan(Observe((1,)))


def test_an_empty_slot_is_written() -> None:
    """With the label of the reservation."""
    held = lease()
    assert at_noon(situation(leases=[held], slots={1: Empty(NOON)})) == Plan(Write(held, ENTRY))


@pytest.mark.parametrize("stage", [Stage.TAKEN, Stage.WRITING, Stage.WRITTEN, Stage.GONE])
def test_what_was_read_a_while_ago_is_read_again_before_a_write(stage: Stage) -> None:
    """S1-11: a person may have been there."""
    held = lease(stage)
    assert at_noon(situation(leases=[held], slots={1: Empty(STALE)})) == Plan(Observe((1,)))
    future = Empty(NOON + HOUR)  # the clock was stepped back since
    assert at_noon(situation(leases=[held], slots={1: future})) == Plan(Observe((1,)))


def test_a_write_of_unknown_outcome_that_did_not_land_waits_for_its_ladder() -> None:
    """S3-13."""
    held = lease(Stage.WRITING, ladder=WAITING)
    s = situation(leases=[held], slots={1: Empty(NOON)})
    assert at_noon(s) == Plan(None, 40.0)
    assert plan(s, NOW, tick(40)) == Plan(Write(held, ENTRY))


def test_a_foreign_code_in_the_slot_moves_the_lease() -> None:
    """S1-11: it is not ours to overwrite; also where it lies on our proven code."""
    for held in (lease(), proven(), lease(Stage.GONE)):
        s = situation(leases=[held], slots={1: Holds(NOON, THEIRS)})
        assert at_noon(s) == Plan(Take(KEY, CODE, 2))


def test_a_foreign_code_where_ours_may_still_land_is_looked_at_again() -> None:
    """S1-11: moving on would leave ours behind, on theirs."""
    s = situation(leases=[lease(Stage.WRITING)], slots={1: Holds(NOON, THEIRS)})
    assert at_noon(s) == Plan(Observe((1,)))


def test_a_masked_code_that_was_there_before_us_is_foreign() -> None:
    """Suffering 1: occupied is never empty."""
    s = situation(leases=[lease()], slots={1: Occupied(NOON)})
    assert at_noon(s) == Plan(Take(KEY, CODE, 2))


def test_a_foreign_code_in_the_last_slot_is_waited_out() -> None:
    """Nothing else can be done."""
    s = situation(leases=[lease()], slots={1: Holds(NOON, THEIRS)}, size=1)
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


def test_a_code_that_the_lock_shows_is_done() -> None:
    """A code is done when the plan is empty."""
    s = situation(leases=[proven()], slots={1: Holds(STALE, CODE)})
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


def test_a_masked_code_that_the_lock_acknowledged_is_done() -> None:
    """Suffering 1: a lock that answers **** is not written for ever."""
    s = situation(leases=[lease(Stage.WRITTEN, Proof.PRESENT)], slots={1: Occupied(STALE)})
    assert at_noon(s) == Plan(None, UNTIL_THE_END)


@pytest.mark.parametrize(
    ("stage", "seen"),
    [
        *((stage, Holds(NOON, CODE)) for stage in Stage if stage not in DONE_OR_NOT_BEGUN),
        (Stage.CLEARING, Occupied(NOON)),
        (Stage.CLEARED, Occupied(NOON)),
    ],
)
def test_a_code_that_did_not_go_and_is_wanted_again_is_looked_at(
    stage: Stage, seen: Observation
) -> None:
    """S3-12: whatever was seen when it should have gone, and whenever a clear was to be next."""
    held = lease(stage, Proof.MATCHED, ladder=WAITING, reason=Reason.REFUSED)
    assert at_noon(situation(leases=[held], slots={1: seen})) == Plan(Observe((1,)))


@pytest.mark.parametrize("stage", [Stage.WRITING, Stage.CLEARING, Stage.CLEARED])
def test_a_masked_code_of_unknown_origin_in_our_slot_is_written_again(stage: Stage) -> None:
    """It was empty before we began, so it is ours; moving would leave it behind."""
    held = lease(stage)
    assert at_noon(situation(leases=[held], slots={1: Occupied(NOON)})) == Plan(Write(held, ENTRY))
    assert at_noon(situation(leases=[held], slots={1: Occupied(STALE)})) == Plan(Observe((1,)))


@pytest.mark.parametrize("seen", [None, Empty(NOON)])
def test_a_slot_that_is_empty_or_unread_holds_nothing(seen: Observation | None) -> None:
    """Also where it has shown our code before."""
    assert holds(situation(slots={1: seen} if seen else {}), proven()) is False


def test_a_mangled_write_is_written_again_on_its_ladder() -> None:
    """Acknowledged, and the first look showed other digits."""
    held = lease(Stage.WRITING, Proof.ACCEPTED, ladder=WAITING)
    s = situation(leases=[held], slots={1: Holds(NOON, THEIRS)})
    assert at_noon(s) == Plan(None, 40.0)
    assert plan(s, NOW, tick(40)) == Plan(Write(held, ENTRY))


def test_a_first_proof_is_looked_at_once_more() -> None:
    """Suffering 6: the code vanished seconds after a good write."""
    s = situation(leases=[proven(verify_due=tick(60))], slots={1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(None, 60.0)
    assert plan(s, NOW, tick(59.5)) == Plan(None, 0.5)
    assert plan(s, NOW, tick(60)) == Plan(Observe((1,)))


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({}, "audit"),
        ({"due": tick(61)}, Observe((1,))),  # one alone is read
        ({"third": Occupied(NOON)}, Observe((1,))),  # masked: no checksum can be expected
        ({"third": None}, Observe((1,))),
        ({"checksum": False}, Observe((1,))),
    ],
)
def test_several_codes_are_looked_at_in_one_answer(
    change: dict[str, Any], step: Observe | str
) -> None:
    """S1-9: where the lock tells a checksum and is known as a whole."""
    due, third = change.get("due", tick(60)), change.get("third", Holds(NOON, THEIRS))
    other = replace(proven(verify_due=due), key_id=OTHER_KEY, code=NEW_CODE, slot=2)
    slots = {1: Holds(NOON, CODE), 2: Holds(NOON, NEW_CODE), 3: third}
    s = situation(
        [claim(), claim(OTHER_KEY, NEW_CODE)],
        [proven(verify_due=tick(60)), other],
        {n: seen for n, seen in slots.items() if seen is not None},
    )
    s = replace(s, capabilities=Capabilities(slots=3, checksum=change.get("checksum", True)))
    assert plan(s, NOW, tick(60)).step == (Audit((1, 2), slots) if step == "audit" else step)


def test_a_lock_with_a_checksum_is_known_as_a_whole() -> None:
    """What somebody changed is read again, though nobody waits for it."""
    s = situation([], slots={1: Empty(NOON), 3: Empty(NOON)})
    assert at_noon(s).step is None
    s = replace(s, capabilities=Capabilities(slots=3, checksum=True))
    assert at_noon(s).step == Observe((2,))


@pytest.mark.parametrize("seen", [Empty(STALE), Empty(NOON), Holds(NOON, THEIRS), Occupied(NOON)])
def test_a_code_deleted_by_a_person_is_not_written_again(seen: Observation) -> None:
    """S1-17: nor into another slot when a code of theirs takes its place."""
    held = lease(Stage.GONE, reason=Reason.DELETED_AT_LOCK)
    assert at_noon(situation(leases=[held], slots={1: seen})) == Plan(None, UNTIL_THE_END)


# --- handover ------------------------------------------------------------------------------------


def test_a_handover_writes_the_new_code_beside_the_old() -> None:
    """S1-20: the old one opens until the new one is proven on all doors."""
    s = situation([claim(code=NEW_CODE, old_codes_go=False)], [proven()], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(Take(KEY, NEW_CODE, 2))


HANDED_OVER = replace(
    situation(
        [claim(code=NEW_CODE, old_codes_go=False)],
        [replace(proven(), code=NEW_CODE, slot=2)],
        {1: Holds(NOON, CODE, enabled=False), 2: Holds(NOON, NEW_CODE)},
    ),
    capabilities=Capabilities(slots=3, can_disable=True),
)
"""The new code is there; the old one, of slot 1, is still to open."""


@pytest.mark.parametrize(
    ("old", "then"),
    [
        (replace(proven(), enabled=False), Plan(Write(replace(proven(), enabled=False), ENTRY))),
        (replace(proven(), enabled=False, ladder=WAITING), Plan(None, 40.0)),
        (lease(Stage.WRITING), Plan(None, UNTIL_THE_END)),  # it never opened
    ],
)
def test_until_the_handover_is_over_the_old_code_opens_when_it_should(
    old: Lease, then: Plan
) -> None:
    """S1-20: where the lock has shown it, and by its own ladder."""
    assert at_noon(HANDED_OVER.with_lease(replace(old, enabled=False))) == then


def test_a_handover_is_no_matter_of_another_keys_code() -> None:
    """S1-1: which opens within a window of its own."""
    other = claim(OTHER_KEY, CODE, end=NOON + HOUR)
    held = replace(proven(), key_id=OTHER_KEY, window=other.window)
    new = claim(code=NEW_CODE, old_codes_go=False)
    s = situation(
        [new, other],
        [held, replace(proven(), code=NEW_CODE, slot=2, window=new.window)],
        {
            1: Holds(NOON, CODE, window=other.window),
            2: Holds(NOON, NEW_CODE, window=new.window),
        },
    )
    timed = replace(s, capabilities=Capabilities(slots=3, enforces_windows=True))
    assert at_noon(timed) == Plan(None, HOUR.total_seconds())


def test_after_the_handover_the_old_code_goes() -> None:
    """S1-20."""
    new = replace(proven(), code=NEW_CODE, slot=2)
    slots = {1: Holds(NOON, CODE), 2: Holds(NOON, NEW_CODE)}
    s = situation([claim(code=NEW_CODE)], [proven(), new], slots)
    assert at_noon(s) == Plan(Clear(proven()))


def test_a_regenerated_code_waits_until_the_old_one_is_gone() -> None:
    """Suffering 23: two codes of one key only in a handover."""
    old = lease(Stage.CLEARING, Proof.MATCHED, ladder=WAITING)
    s = situation([claim(code=NEW_CODE)], [old], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(None, 40.0)
    assert at_noon(s.without_lease(old)) == Plan(Take(KEY, NEW_CODE, 2))


# --- what should be gone -------------------------------------------------------------------------


def test_what_is_over_goes_before_what_is_new() -> None:
    """It opens a door that it should not, and its slot may be needed."""
    s = situation([claim(OTHER_KEY, NEW_CODE)], [proven()], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(Clear(proven()))


def test_a_removal_that_waits_holds_up_nobody() -> None:
    """Suffering 24: isolate per slot."""
    held = lease(Stage.CLEARING, Proof.MATCHED, ladder=WAITING)
    s = situation([claim(OTHER_KEY, NEW_CODE)], [held], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(Take(OTHER_KEY, NEW_CODE, 2))


@pytest.mark.parametrize("stage", [Stage.TAKEN, Stage.GONE])
def test_a_slot_that_holds_nothing_of_ours_is_freed(stage: Stage) -> None:
    """Without touching the lock."""
    assert when_over(lease(stage)) == Plan(Free(lease(stage)))


def test_a_code_that_is_over_is_read_and_cleared() -> None:
    """S1-12, S1-13: access ends at the window's end."""
    assert when_over(proven()) == Plan(Observe((1,)))
    assert when_over(proven(), Holds(NOON, CODE)) == Plan(Clear(proven()))
    masked = proven(Proof.PRESENT)
    assert when_over(masked, Occupied(NOON)) == Plan(Clear(masked))


def test_what_was_read_a_while_ago_is_read_again_before_it_is_cleared() -> None:
    """S1-11: only codes that we created are ever deleted."""
    s = situation(leases=[proven()], slots={1: Holds(NOON, CODE)})
    assert plan(s, OVER, TICK) == Plan(Observe((1,)))


def test_a_persons_code_in_the_slot_of_a_past_stay_is_left_alone() -> None:
    """S1-11: the slot is given back as it is."""
    for held in (proven(), lease(Stage.WRITING), lease(Stage.CLEARED, Proof.MATCHED)):
        assert when_over(held, Holds(NOON, THEIRS)) == Plan(Free(held))


@pytest.mark.parametrize("stage", [Stage.WRITTEN, Stage.WRITING, Stage.CLEARING, Stage.CLEARED])
def test_a_mangled_code_is_cleared(stage: Stage) -> None:
    """Suffering 16: other digits, and still ours."""
    held = lease(stage, Proof.ACCEPTED)
    assert when_over(held, Holds(NOON, THEIRS)) == Plan(Clear(held))


def test_a_proven_code_that_was_cleared_needs_one_empty_look() -> None:
    """Nothing is under way any more."""
    held = lease(Stage.CLEARED, Proof.MATCHED)
    assert when_over(held, Empty(NOON)) == Plan(Free(held))


@pytest.mark.parametrize(
    "held",
    [
        lease(Stage.WRITING),
        lease(Stage.WRITTEN, Proof.ACCEPTED),
        lease(Stage.CLEARING, Proof.MATCHED),
        lease(Stage.CLEARED),
        proven(),
    ],
)
def test_any_other_lease_needs_two_empty_looks_a_minute_apart(held: Lease) -> None:
    """A write may still land, or one look may lie; suffering 13."""
    assert when_over(held, Empty(NOON)) == Plan(Observe((1,)))
    first = replace(held, doubted_since=TICK)
    assert when_over(first, Empty(NOON), tick(20)) == Plan(None, 40.0)
    assert when_over(first, Empty(NOON), tick(SETTLES - 0.5)) == Plan(None, 0.5)
    assert when_over(first, Empty(NOON), tick(SETTLES)) == Plan(Observe((1,)))


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (None, Observe((1,))),
        (Empty(NOON), Free(lease(Stage.MOVED))),
        (Holds(NOON, CODE), Clear(lease(Stage.MOVED))),
        (Holds(NOON, THEIRS), Free(lease(Stage.MOVED))),
        (Occupied(NOON), Free(lease(Stage.MOVED))),  # whose it is nobody can tell
    ],
)
def test_a_lock_that_is_another_one_now_is_cleared_of_what_is_surely_ours(
    seen: Observation | None, step: Step
) -> None:
    """S1-11, S2-21: one look tells."""
    assert when_over(lease(Stage.MOVED), seen) == Plan(step)


def test_a_first_empty_look_at_tick_zero_counts() -> None:
    """Ticks begin at nought with each boot."""
    held = lease(Stage.WRITING, doubted_since=Tick(0.0))
    assert when_over(held, Empty(NOON), Tick(60.0)) == Plan(Observe((1,)))


def test_a_clear_that_did_not_clear_is_tried_again_on_the_ladder() -> None:
    """Suffering 16."""
    held = lease(Stage.CLEARING, Proof.MATCHED, ladder=WAITING)
    assert when_over(held, Holds(NOON, CODE)) == Plan(None, 40.0)
    assert when_over(held, Holds(NOON, CODE), tick(40)) == Plan(Clear(held))


def test_the_ladder_of_a_write_does_not_hold_up_the_removal() -> None:
    """A code is gone within a minute of its window's end, where the lock answers."""
    held = lease(Stage.WRITING, Proof.ACCEPTED, ladder=Ladder(7, tick(299)))
    assert when_over(held, Holds(NOON, THEIRS)) == Plan(Clear(held))


def test_a_cancelled_key_goes_at_once() -> None:
    """S1-13: no claim, no right."""
    s = situation([], [proven()], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(Clear(proven()))


def test_a_stay_that_moved_to_later_goes_until_it_is_due() -> None:
    """S1-10."""
    wish = claim(start=NOON + HOUR, end=NOON + 9 * HOUR)
    s = situation([wish], [proven()], {1: Holds(NOON, CODE)})
    assert at_noon(s) == Plan(Clear(proven()))
    assert plan(s, Now.exactly(NOON + 50 * MINUTE), TICK).step is None
