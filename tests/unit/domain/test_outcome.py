"""What follows when a step raised."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.code import CodeFailed, CodeRemovalFailed
from gatewayd.domain.events.lock import LockOffline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.hours import Hours
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, LostLease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.outcome import Outcome, next_try, told
from gatewayd.domain.plan import Clear, Free, LockStep, Observe, Take, Write, plan
from gatewayd.domain.report import Alive
from gatewayd.domain.reported import reported
from gatewayd.domain.retry import Ladder, Retry
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Entry, Occupied
from gatewayd.domain.steps import begun, failed_step
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Refused,
    Unanswered,
    Unreachable,
    Unsupported,
)
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    OVER,
    TICK,
    claim,
    lease,
    only,
    proven,
    situation,
    tick,
)

ENTRY = Entry(CODE, "HMA4XT")
EMPTY = Empty(NOON)
NEXT = NOON + timedelta(minutes=1)
DOOR_AND_KEY = f"{LOCK}/{KEY}"
STILL_THERE = raised(AlertCode.REMOVAL_FAILED, DOOR_AND_KEY)


def fail(held: Lease, error: LockError, now: Now = NOW) -> Outcome:
    """A write is begun, or a clear where the stay is over, and raises."""
    step = Write(held, ENTRY) if now is NOW else Clear(held)
    return failed_step(begun(situation(leases=[held]), step), step, error, now, TICK)


# --- the step raised -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Observe((1,)), Write(lease(), ENTRY), Clear(lease())])
def test_a_missing_radio_is_no_attempt(step: Observe | Write | Clear) -> None:
    """Suffering 8: not ready is not a failed attempt."""
    s = situation(leases=[lease()])
    assert failed_step(s, step, RadioDown("gone"), NOW, TICK) == Outcome(s)


def test_a_lock_that_does_not_answer_climbs_its_own_ladder() -> None:
    """S3-13; and every code that waits for it is told."""
    got = fail(lease(), Unreachable("no answer"))
    assert got.situation.ladder == Ladder(1, tick(60))
    assert got.situation.reason is Reason.LOCK_UNREACHABLE
    assert only(got.situation.leases) == replace(lease(Stage.WRITING), label=ENTRY.label)
    assert got.events == (
        LockOffline(LOCK, Reason.LOCK_UNREACHABLE),
        raised(AlertCode.LOCK_OFFLINE, LOCK),
        CodeFailed(KEY, LOCK, Reason.LOCK_UNREACHABLE, 1, NEXT),
    )


def test_a_lock_that_stays_away_is_told_once() -> None:
    """Each failed code again, the lock not."""
    first = fail(lease(), Unreachable("no answer")).situation
    second = failed_step(first, Observe((1,)), Unreachable("no answer"), NOW, tick(60))
    assert second.situation.ladder == Ladder(2, tick(120))
    failed = CodeFailed(KEY, LOCK, Reason.LOCK_UNREACHABLE, 2, NEXT)
    assert second.events == (failed,)


def test_only_codes_that_wait_are_told_of_an_unreachable_lock() -> None:
    """Not what is proven, withheld or not due."""
    wishes = [
        claim(),
        claim(OTHER_KEY, NEW_CODE, withheld=Reason.PROVISIONING_DISABLED_KEY),
        replace(claim(), key_id=type(KEY)("res:R3"), due=NOON + HOUR),
    ]
    s = situation(wishes, [proven()])
    got = failed_step(s, Observe((1,)), Unreachable("no answer"), NOW, TICK)
    assert not [e for e in got.events if isinstance(e, CodeFailed)]


def test_a_code_that_is_over_behind_an_unreachable_lock_is_an_alert() -> None:
    """Suffering 16: it still opens; a slot that we never touched does not."""
    s = situation([], [proven(), lease(key=OTHER_KEY, slot=2)])
    got = failed_step(s, Observe((1,)), Unreachable("no answer"), NOW, TICK)
    failed = CodeRemovalFailed(KEY, LOCK, Reason.LOCK_UNREACHABLE, 1, NEXT)
    assert got.events[2:] == (failed, STILL_THERE)


def test_the_drivers_reason_is_handed_on() -> None:
    """S1-18: a dead battery is not a bad radio."""
    got = fail(lease(), Unreachable("no answer", Reason.BATTERY_DEAD))
    assert got.situation.reason is Reason.BATTERY_DEAD
    assert got.events[0] == LockOffline(LOCK, Reason.BATTERY_DEAD)


def test_a_slot_that_the_lock_has_not_is_left_and_the_lock_is_not_blamed() -> None:
    """Suffering 24: one slot does not take the lock down; the next try takes another one."""
    got = failed_step(situation(leases=[lease()]), Observe((1,)), Unsupported("no"), NOW, TICK)
    assert got.situation.ladder is None
    assert isinstance(got.situation.slots[1], Occupied)
    assert got.situation.free_slot() == 2


NEW_LOCK = situation([], slots={1: EMPTY}, inventoried=False)
"""Slot 1 of it was read this moment."""


@pytest.mark.parametrize(
    ("s", "step", "one_slot"),
    [
        (NEW_LOCK, Observe((2,)), True),
        (NEW_LOCK.with_slot(1, None), Observe((2,)), False),  # nothing was heard yet
        (NEW_LOCK.with_slot(2, EMPTY), Observe((2,)), False),  # it answered there before
        (replace(NEW_LOCK, inventoried=True), Observe((2,)), False),
        (NEW_LOCK.with_lease(lease(slot=2)), Observe((2,)), True),  # nothing is there yet
        (NEW_LOCK.with_lease(lease(Stage.WRITTEN, slot=2)), Observe((2,)), False),
        (NEW_LOCK.with_lease(lease(slot=1)), Observe((2,)), True),
        (replace(NEW_LOCK, lost=(LostLease(2, KeyId("k"), "print"),)), Observe((2,)), False),
        (NEW_LOCK.with_lease(lease(slot=2)), Write(lease(slot=2), ENTRY), False),
    ],
)
def test_a_slot_that_stays_silent_in_an_inventory_is_passed_over_where_others_answered(
    s: Situation, step: LockStep, one_slot: bool
) -> None:
    """Suffering 24: else it would take a new lock down for ever. Before the next one it answers."""
    got = failed_step(s, step, Unanswered("no answer"), NOW, TICK).situation
    assert (got.ladder is None) is one_slot
    assert got.asked is one_slot
    assert got.slots.get(2) == (Occupied(NOON) if one_slot else s.slots.get(2))


def test_a_lock_that_goes_amid_its_inventory_leaves_the_slot_unread() -> None:
    """It would count as occupied for good, and the next one after it."""
    got = failed_step(NEW_LOCK, Observe((2,)), Unreachable("no acknowledgement"), NOW, TICK)
    assert got.situation.ladder is not None
    assert got.situation.slots == NEW_LOCK.slots


def test_a_second_look_at_what_the_lock_has_no_more_is_not_due_at_once_again() -> None:
    written = situation(leases=[lease(stage=Stage.WRITTEN, verify_due=TICK)])
    got = failed_step(written, Observe((1,)), Unsupported("no"), NOW, TICK)
    assert [each.verify_due for each in got.situation.leases] == [None]


def test_a_list_that_the_lock_does_not_give_is_no_matter_of_one_slot() -> None:
    """Suffering 24"""
    got = failed_step(NEW_LOCK, Observe(), Unsupported("no"), NOW, TICK).situation
    assert got.ladder == Ladder(1, tick(60))


@pytest.mark.parametrize("error", [Refused("no"), OutcomeUnknown("silence")])
def test_a_read_that_gives_nothing_is_the_locks_failure(error: LockError) -> None:
    """No code is to blame."""
    got = failed_step(situation(leases=[lease()]), Observe((1,)), error, NOW, TICK)
    assert got.situation.ladder == Ladder(1, tick(60))
    assert only(got.situation.leases).ladder is None


def test_a_refused_write_climbs_the_codes_ladder_alone() -> None:
    """S1-8, suffering 24: the other codes of the lock do not wait."""
    got = fail(lease(), Refused("no"))
    assert got.situation.ladder is None
    held = lease(ladder=Ladder(1, tick(60)), reason=Reason.REFUSED)
    assert only(got.situation.leases) == held
    assert got.events == (CodeFailed(KEY, LOCK, Reason.REFUSED, 1, NEXT),)
    assert got.refused == ()


def test_a_refused_code_is_tried_as_its_policy_says() -> None:
    """S1-8."""
    daily = situation([replace(claim(), retry=Retry.DAILY)], [lease()])
    got = failed_step(daily, Write(lease(), ENTRY), Refused("no"), NOW, TICK)
    assert only(got.situation.leases).ladder == Ladder(1, tick(4 * 3600))


@pytest.mark.parametrize(
    "held",
    [lease(), lease(Stage.WRITING), lease(Stage.WRITING, Proof.ACCEPTED), lease(Stage.CLEARING)],
)
def test_a_refused_write_leaves_the_lock_as_it_was(held: Lease) -> None:
    """What may lie there from before is not forgotten; suffering 16."""
    after_ = only(fail(held, Refused("no")).situation.leases)
    assert (after_.stage, after_.proof) == (held.stage, held.proof)


def test_a_refused_write_leaves_the_limits_as_they_were() -> None:
    """Suffering 15: they are what the lock still keeps to."""
    held = replace(
        proven(),
        enabled=False,
        window=Window(NOON - HOUR, NOON + HOUR),
        hours=Hours(frozenset({0})),
    )
    assert only(fail(held, Refused("no")).situation.leases) == replace(
        held, ladder=Ladder(1, tick(60)), reason=Reason.REFUSED
    )


def test_a_duplicate_names_its_key_for_another_code() -> None:
    """S1-20, suffering 4: terminal for that code."""
    got = fail(lease(), Refused("twice", Reason.DUPLICATE_CODE))
    assert got.refused == (KEY,)
    after = NOON + 4 * HOUR  # only a person helps, should the code stay
    assert got.events == (CodeFailed(KEY, LOCK, Reason.DUPLICATE_CODE, 1, after),)


@pytest.mark.parametrize(
    ("reason", "label", "misnamed"),
    [
        (Reason.REFUSED, "Ada", True),
        (Reason.DUPLICATE_NAME, "Ada", True),
        (Reason.DUPLICATE_CODE, "Ada", False),
        (Reason.LOCK_FULL, "Ada", False),
        (Reason.REFUSED, "", False),
    ],
)
def test_a_label_may_be_why_a_code_is_refused(reason: Reason, label: str, misnamed: bool) -> None:
    """S1-24, S1-18: without a reason, or as a name that is there."""
    s = situation([replace(claim(), label=label)], [lease()])
    got = failed_step(s, Write(lease(), Entry(CODE, label)), Refused("no", reason), NOW, TICK)
    assert got.misnamed == (((KEY, reason),) if misnamed else ())
    gone = replace(s, claims={})
    step = Write(lease(), Entry(CODE, label))
    late = failed_step(gone, step, Refused("no", reason), NOW, TICK)
    assert (late.misnamed, late.refused) == ((), ())
    due = NOON + 4 * HOUR if reason is Reason.DUPLICATE_CODE else NEXT
    assert late.events == (CodeFailed(KEY, LOCK, reason, 1, due),)
    assert only(late.situation.leases).reason is reason


def test_a_refused_code_is_not_tried_again_once_it_is_replaced() -> None:
    """Suffering 4: the new code takes another slot, the old one is freed untouched."""
    s = fail(lease(), Refused("twice", Reason.DUPLICATE_CODE)).situation
    wish = claim(code=NEW_CODE, old_codes_go=False)
    s = replace(s, claims={KEY: wish}, slots={1: EMPTY})
    assert plan(s, NOW, tick(60)).step == Take(KEY, NEW_CODE, 2)
    done = replace(proven(), code=NEW_CODE, slot=2)
    s = replace(s.with_lease(done), claims={KEY: claim(code=NEW_CODE)})
    assert isinstance(plan(s, NOW, tick(60)).step, Free)


def test_a_write_of_unknown_outcome_is_read_before_anything_else() -> None:
    """It may have happened."""
    got = fail(lease(), OutcomeUnknown("silence"))
    held = only(got.situation.leases)
    assert (held.stage, held.reason) == (Stage.WRITING, Reason.UNKNOWN_OUTCOME)
    assert held.ladder == Ladder(1, tick(60))
    assert plan(got.situation, NOW, TICK).step == Observe((1,))
    assert got.refused == ()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("no"), Reason.REFUSED),
        (Unsupported("no"), Reason.INVALID_FIELD),
        (OutcomeUnknown("silence"), Reason.UNKNOWN_OUTCOME),
    ],
)
def test_a_clear_that_fails_is_the_most_severe_alert(error: LockError, reason: Reason) -> None:
    """Suffering 16: unproven is failed."""
    got = fail(proven(), error, OVER)
    at = OVER.latest + timedelta(minutes=1)
    held = lease(Stage.CLEARING, Proof.MATCHED, ladder=Ladder(1, tick(60)), reason=reason)
    assert only(got.situation.leases) == held
    assert got.events == (CodeRemovalFailed(KEY, LOCK, reason, 1, at), STILL_THERE)
    assert got.refused == ()


# --- how often, and when -------------------------------------------------------------------------


def test_every_early_failure_is_told_and_later_ones_every_hour() -> None:
    """S2-15: twelve tries of five minutes."""
    heard = [n for n in range(1, 40) if told(Ladder(n, TICK))]
    assert heard == [1, 2, 3, 4, 5, 6, 12, 24, 36]


def test_what_is_not_told_still_climbs() -> None:
    """S3-14: until it succeeds."""
    seventh = lease(ladder=Ladder(6, TICK))
    got = fail(seventh, Refused("no"))
    assert got.events == ()
    assert only(got.situation.leases).ladder == Ladder(7, tick(300))
    removal = fail(
        lease(Stage.CLEARING, Proof.MATCHED, ladder=Ladder(6, TICK)), Refused("no"), OVER
    )
    assert removal.events == ()
    s = situation(leases=[lease()], ladder=Ladder(6, TICK))
    assert failed_step(s, Observe((1,)), Unreachable("no answer"), NOW, TICK).events == ()


def test_a_lock_that_comes_back_is_due_at_once_and_keeps_its_rung() -> None:
    """S3-13."""
    s = situation(ladder=Ladder(4, tick(100)))
    assert reported(s, Alive(), NOW, TICK).situation.ladder == Ladder(4, TICK)
    assert reported(situation(), Alive(), NOW, TICK).situation == situation()


def test_the_next_try_is_told_on_the_wall_clock() -> None:
    """By its latest reading where it is in doubt."""
    ladder = Ladder(1, tick(90))
    assert next_try(ladder, NOW, TICK) == NOON + timedelta(seconds=90)
    assert next_try(ladder, Now(NOON, NOON + HOUR), TICK) == NOON + timedelta(seconds=3690)
