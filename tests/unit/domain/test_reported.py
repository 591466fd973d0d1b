"""What follows from what a lock tells by itself: never a write."""

from dataclasses import replace
from datetime import datetime

import pytest

from gatewayd.domain.backup import Backup
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.backup import BackupUsed
from gatewayd.domain.events.code import CodeFailed, CodeLost
from gatewayd.domain.events.lock import (
    LockBattery,
    LockClockSkew,
    LockForeignCode,
    LockJammed,
    LockKeypadDisabled,
    LockOffline,
    LockReset,
    LockTampered,
    LockUsed,
    LockWrongCode,
)
from gatewayd.domain.health import AlertCode
from gatewayd.domain.hours import LocalTime
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.observed import observed
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Observe, Plan, Write, plan
from gatewayd.domain.report import (
    Alive,
    Battery,
    ClockSkew,
    CodeAdded,
    CodeDeleted,
    Dead,
    DuplicateRefused,
    Flapping,
    Jammed,
    KeypadBattery,
    KeypadDisabled,
    PinRefused,
    PinUnanswered,
    Report,
    Tampered,
    Used,
    WrongCode,
)
from gatewayd.domain.reported import reported
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Holds, Occupied
from gatewayd.errors import Reason
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
    THEIRS,
    TICK,
    claim,
    lease,
    only,
    proven,
    situation,
    tick,
)

OURS = Holds(NOON, CODE)
DONE = situation(leases=[proven()], slots={1: OURS})


def hear(s: Situation, report: Report, now: Now = NOW) -> Outcome:
    """A report comes in."""
    return reported(s, report, now, TICK)


def test_a_lock_that_is_there_again_is_tried_at_once() -> None:
    """S3-13: on the rung where it was; it is told online when it answers."""
    s = situation(ladder=Ladder(4, tick(100)))
    assert hear(s, Alive()) == Outcome(replace(s, ladder=Ladder(4, TICK)))
    assert hear(DONE, Alive()) == Outcome(DONE)


def test_a_lock_that_the_radio_gave_up_is_found_out_by_the_next_step() -> None:
    """On the ladder."""
    assert hear(DONE, Dead()) == Outcome(DONE)


# --- used ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("opened", "how"), [(True, "unlock"), (False, "lock")])
def test_a_proven_code_that_opened_the_door_has_the_best_proof(opened: bool, how: str) -> None:
    """And ends what a jam, a locked keypad or an open cover had raised."""
    got = hear(DONE, Used(1, opened))
    assert only(got.situation.leases).proof is Proof.USED
    used, *rest = got.events
    assert isinstance(used, LockUsed)
    assert (used.slot, used.key_id, used.how) == (1, KEY, how)
    assert rest == [
        cleared(AlertCode.LOCK_JAMMED, LOCK),
        cleared(AlertCode.KEYPAD_DISABLED, LOCK),
        cleared(AlertCode.LOCK_TAMPERED, LOCK),
    ]


@pytest.mark.parametrize("at", [None, NOON - HOUR])
def test_a_use_is_told_with_the_time_that_the_lock_says(at: datetime | None) -> None:
    """Where it keeps a log that is read later."""
    assert hear(DONE, Used(1, opened=True, at=at)).events[0] == LockUsed(LOCK, 1, KEY, "unlock", at)
    backup = Backup(LOCK, 1)
    spare = situation(leases=[replace(proven(), key_id=backup.key_id)])
    used = BackupUsed(LOCK, "Backup-1", None, None, at)
    assert used in hear(spare, Used(1, opened=True, at=at)).events
    assert hear(DONE, WrongCode(at)).events == (LockWrongCode(LOCK, at),)


def test_a_use_without_a_slot_is_nobodys() -> None:
    """Suffering 17."""
    got = hear(DONE, Used(None, opened=True))
    assert got.situation == DONE
    assert got.events == (
        LockUsed(LOCK, None, None, "unlock"),
        cleared(AlertCode.LOCK_JAMMED, LOCK),
    )


def test_a_use_of_a_foreign_code_is_nobodys() -> None:
    """Also where we hold a lease of its slot and have written nothing."""
    s = situation(leases=[lease()], slots={1: Holds(NOON, THEIRS)})
    for slot in (1, 2):
        got = hear(s, Used(slot, opened=True))
        assert got.situation == s
        assert got.events[0] == LockUsed(LOCK, slot, None, "unlock")


def test_a_use_does_not_prove_what_was_never_seen() -> None:
    """A lock may be off by one; suffering 18."""
    s = situation(leases=[lease(Stage.WRITTEN, Proof.ACCEPTED)])
    got = hear(s, Used(1, opened=True))
    assert got.situation == s


# --- deleted -------------------------------------------------------------------------------------


def test_a_code_deleted_at_the_keypad_is_respected() -> None:
    """S1-17: looked at twice, told as lost for that reason, and not written again."""
    got = hear(DONE, CodeDeleted(1))
    assert got.events == ()
    assert plan(got.situation, NOW, TICK) == Plan(Observe((1,)))
    once = observed(got.situation, 1, Empty(NOON), NOW, TICK)
    twice = observed(once.situation, 1, Empty(NOON), NOW, TICK)
    assert twice.events == (CodeLost(KEY, LOCK, Reason.DELETED_AT_LOCK),)
    assert plan(twice.situation, NOW, TICK).step is None


def test_a_deleted_code_comes_back_where_that_is_wanted() -> None:
    """S1-17: `external_delete = restore`."""
    restoring = replace(claim(), respects_deletion=False)
    s = hear(replace(DONE, claims={KEY: restoring}), CodeDeleted(1)).situation
    for _ in range(2):
        s = observed(s, 1, Empty(NOON), NOW, TICK).situation
    assert isinstance(plan(s, NOW, TICK).step, Write)


def test_a_persons_own_code_in_place_of_the_deleted_one_is_respected_too() -> None:
    """S1-11, S1-17."""
    s = hear(DONE, CodeDeleted(1)).situation
    for _ in range(2):
        s = observed(s, 1, Empty(NOON), NOW, TICK).situation
    s = hear(s, CodeAdded(1)).situation
    assert plan(s, NOW, TICK) == Plan(Observe((1,)))
    got = observed(s, 1, Holds(NOON, THEIRS), NOW, TICK)
    assert got.events == ()
    assert plan(got.situation, NOW, TICK).step is None


def test_a_deletion_that_the_lock_does_not_show_is_forgotten() -> None:
    """The report was false."""
    s = hear(DONE, CodeDeleted(1)).situation
    s = observed(s, 1, OURS, NOW, TICK).situation
    assert s == DONE


@pytest.mark.parametrize("stage", [Stage.CLEARING, Stage.CLEARED])
def test_the_echo_of_our_own_clear_is_not_a_persons_deletion(stage: Stage) -> None:
    """S1-17: it only makes us look again."""
    held = lease(stage, Proof.MATCHED)
    got = hear(situation([], [held], {1: Empty(NOON)}), CodeDeleted(1))
    assert got == Outcome(situation([], [held]))


@pytest.mark.parametrize("held", [lease(Stage.WRITING), lease(Stage.WRITTEN, Proof.ACCEPTED)])
def test_a_deletion_of_what_was_never_proven_only_makes_us_look(held: Lease) -> None:
    """It may be the lock's way to drop a write."""
    got = hear(situation(leases=[held], slots={1: OURS}), CodeDeleted(1))
    assert got == Outcome(situation(leases=[held]))


def test_a_deletion_after_the_stay_is_welcome() -> None:
    """Nothing is to be respected any more."""
    got = hear(DONE, CodeDeleted(1), OVER)
    assert got == Outcome(DONE.with_slot(1, None))


def test_a_deleted_foreign_code_frees_its_slot_for_the_next_look() -> None:
    """It is not known any more."""
    s = situation([], slots={2: Holds(NOON, THEIRS)})
    assert hear(s, CodeDeleted(2)) == Outcome(situation([]))


def test_a_foreign_code_on_a_lock_that_is_known_as_a_whole_is_told_when_it_was_read() -> None:
    """Its digits are part of the lock's checksum."""
    s = situation([], slots={2: Empty(NOON)})
    s = replace(s, capabilities=Capabilities(slots=3, checksum=True))
    assert hear(s, CodeAdded(2)) == Outcome(s.with_slot(2, None))
    told = observed(s.with_slot(2, None), 2, Holds(NOON, THEIRS), NOW, TICK)
    assert told.events == (LockForeignCode(LOCK, 2),)


def test_a_reset_is_not_a_persons_deletion() -> None:
    """S1-17, S1-26: everything is read again, and what is due is restored."""
    got = hear(DONE, CodeDeleted(None))
    assert got.situation == situation(leases=[proven()])
    assert got.events == (LockReset(LOCK), raised(AlertCode.LOCK_RESET, LOCK))
    s = got.situation
    for _ in range(2):
        assert plan(s, NOW, TICK) == Plan(Observe((1,)))
        s = observed(s, 1, Empty(NOON), NOW, TICK).situation
    assert plan(s, NOW, TICK).step is not None


def test_a_lock_is_in_step_when_all_that_belongs_there_was_seen_and_nothing_else() -> None:
    """A proof from before a reset does not count, nor does what is withheld or not yet due."""
    wishes = [claim(), claim(OTHER_KEY, NEW_CODE)]
    other = replace(proven(), key_id=OTHER_KEY, code=NEW_CODE, slot=2)
    s = hear(situation(wishes, [proven(), other], {1: OURS}), CodeDeleted(None)).situation
    assert not s.in_step(NOW)
    s = s.with_slot(1, OURS)
    assert not s.in_step(NOW)
    both = s.with_slot(2, Holds(NOON, NEW_CODE))
    assert both.in_step(NOW)
    assert not replace(both, ladder=Ladder(1, TICK)).in_step(NOW)
    assert not replace(both, claims={KEY: wishes[0]}).in_step(NOW), "what is over is still there"
    alone = both.with_slot(2, Empty(NOON)).without_lease(other)
    assert not alone.in_step(NOW)
    held_back = replace(wishes[1], withheld=Reason.LOCK_INACTIVE)
    later = replace(wishes[1], due=NOON + 2 * HOUR)
    for wish in (held_back, later):
        assert replace(alone, claims={KEY: wishes[0], OTHER_KEY: wish}).in_step(NOW)
    respected = replace(other, reason=Reason.DELETED_AT_LOCK)
    assert alone.with_lease(respected).in_step(NOW)
    assert situation([]).in_step(NOW)


def test_who_has_no_place_on_a_full_lock_keeps_it_from_nothing() -> None:
    """S1-26: all that can be there is there."""
    full = DONE.with_slot(2, Holds(NOON, THEIRS)).with_slot(3, Occupied(NOON))
    s = replace(full, claims={KEY: claim(), OTHER_KEY: claim(OTHER_KEY, NEW_CODE)})
    assert s.crowded_out(NOW) == (OTHER_KEY,)
    assert s.in_step(NOW)
    assert not s.with_slot(3, Empty(NOON)).in_step(NOW)


def test_a_refused_pin_takes_a_lock_out_of_use_until_it_answers_again() -> None:
    """Also one at which nothing was due; with a ladder it is out of use already."""
    got = hear(situation([]), PinRefused())
    assert got.situation.ladder == Ladder(1, tick(60))
    assert got.events[0] == LockOffline(LOCK, Reason.PIN_REFUSED)
    assert raised(AlertCode.PIN_REFUSED, LOCK) in got.events
    assert hear(got.situation, PinRefused()) == Outcome(got.situation)
    assert plan(got.situation, NOW, TICK) == Plan(None, 60.0)
    assert plan(got.situation, NOW, tick(60)) == Plan(Observe((2,)))
    back = observed(got.situation, 2, Empty(NOON), NOW, TICK)
    assert cleared(AlertCode.PIN_REFUSED, LOCK) in back.events


def test_a_lock_that_fell_silent_after_the_pin_says_nothing_of_the_pin() -> None:
    """It has not answered before, so it is on its ladder as a rule; and it ends as the other."""
    silent = replace(situation([]), ladder=Ladder(3, TICK), reason=Reason.LOCK_UNREACHABLE)
    for s in (silent, situation([])):
        got = hear(s, PinUnanswered())
        assert got.situation.reason is Reason.PIN_UNANSWERED
        alert = raised(AlertCode.PIN_UNANSWERED, LOCK)
        assert alert in got.events
        assert "not known" in alert.text
        assert "gatewayd pair nuki" in alert.what_to_do
        assert hear(got.situation, PinUnanswered()) == Outcome(got.situation)
        back = observed(got.situation, 1, Empty(NOON), NOW, TICK)
        assert cleared(AlertCode.PIN_UNANSWERED, LOCK) in back.events


# --- added ---------------------------------------------------------------------------------------


def test_a_code_in_a_slot_of_nobodys_is_foreign() -> None:
    """Suffering 26: told once, and the slot is not taken for free any more."""
    s = situation(leases=[lease(slot=2)], slots={1: Empty(NOON), 2: Empty(NOON)})
    for slot in (1, 2):
        got = hear(s, CodeAdded(slot))
        occupied = s.with_slot(slot, Occupied(NOON))
        assert got == Outcome(occupied, (LockForeignCode(LOCK, slot),))
        assert observed(occupied, slot, Holds(NOON, THEIRS), NOW, TICK).events == ()


def test_the_echo_of_our_own_write_only_makes_us_look_again() -> None:
    """It is not told as foreign."""
    assert hear(DONE, CodeAdded(1)) == Outcome(DONE.with_slot(1, None))


def test_a_code_added_somewhere_tells_nothing() -> None:
    """There is nothing to look at."""
    assert hear(DONE, CodeAdded(None)) == Outcome(DONE)


# --- a lock that comes and goes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "held", "named"),
    [
        (claim(), [], True),
        (claim(), [lease(Stage.WRITTEN, Proof.ACCEPTED)], True),
        (claim(), [proven()], False),
        (replace(claim(), label=""), [], False),
        (claim(withheld=Reason.LOCK_INACTIVE), [], False),
        (claim(start=NOON + HOUR), [], False),  # not due
    ],
)
def test_a_lock_that_comes_and_goes_may_stumble_over_the_labels_of_what_is_being_set_up(
    wish: Claim, held: list[Lease], named: bool
) -> None:
    """S1-24: it restarts at a name that it cannot show, and says no more than that."""
    s = situation([wish, replace(claim(OTHER_KEY, NEW_CODE), label="")], held)
    got = hear(s, Flapping())
    assert got == Outcome(s, misnamed=((KEY, Reason.REFUSED),) if named else ())


# --- duplicates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "held",
    [
        lease(Stage.WRITING),
        lease(Stage.WRITTEN, Proof.ACCEPTED),
        lease(Stage.WRITTEN, reason=Reason.MISMATCH),
        lease(reason=Reason.REFUSED),
    ],
)
def test_a_reported_duplicate_means_the_last_write_not_proven(held: Lease) -> None:
    """S1-20: another code for that key; what may lie in the slot is not forgotten."""
    got = hear(situation(leases=[held]), DuplicateRefused())
    assert got.refused == (KEY,)
    failed = CodeFailed(KEY, LOCK, Reason.DUPLICATE_CODE, 1, NOON + 4 * HOUR)
    assert got.events == (failed,)
    assert only(got.situation.leases).stage is held.stage


def test_a_reported_duplicate_means_the_later_of_two_writes() -> None:
    """The one touched last."""
    wishes = [claim(), claim(OTHER_KEY, NEW_CODE)]
    last = lease(Stage.WRITING, key=OTHER_KEY, code=NEW_CODE, slot=2)
    s = situation(wishes, [lease(Stage.WRITING), last])
    assert hear(s, DuplicateRefused()).refused == (OTHER_KEY,)


@pytest.mark.parametrize(
    "held",
    [
        proven(),
        lease(),
        lease(reason=Reason.DUPLICATE_CODE),
        lease(Stage.CLEARING),
        lease(Stage.CLEARED),
        lease(Stage.WRITING, code=NEW_CODE),
        lease(Stage.WRITING, key=KeyId("res:R9")),
    ],
)
def test_a_duplicate_that_a_person_typed_is_none_of_ours(held: Lease) -> None:
    """Nothing of ours is being written, or it is not wanted any more."""
    s = situation(leases=[held])
    assert hear(s, DuplicateRefused()) == Outcome(s)


# --- the door itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "events"),
    [
        (WrongCode(), (LockWrongCode(LOCK),)),
        (
            KeypadDisabled(),
            (LockKeypadDisabled(LOCK), raised(AlertCode.KEYPAD_DISABLED, LOCK)),
        ),
        (Jammed(), (LockJammed(LOCK), raised(AlertCode.LOCK_JAMMED, LOCK))),
        (Tampered(), (LockTampered(LOCK), raised(AlertCode.LOCK_TAMPERED, LOCK))),
        (KeypadBattery(low=True), (raised(AlertCode.KEYPAD_BATTERY_LOW, LOCK),)),  # S1-25
        (KeypadBattery(low=False), (cleared(AlertCode.KEYPAD_BATTERY_LOW, LOCK),)),
        (ClockSkew(-40.0, mended=True), (LockClockSkew(LOCK, -40.0, True),)),  # suffering 14
        (ClockSkew(3.5, mended=False), (LockClockSkew(LOCK, 3.5, False),)),
        (LocalTime(HOUR, NOON), ()),  # S3-6: another look, at who keeps the hours
    ],
)
def test_what_happens_at_the_door_is_told(report: Report, events: tuple[object, ...]) -> None:
    """Suffering 28: wrong codes and lock-outs are events; no code is touched."""
    assert hear(DONE, report) == Outcome(DONE, events)  # type: ignore[arg-type]  # parametrized


@pytest.mark.parametrize(
    ("level", "warned", "low", "critical"),
    [
        (80, False, False, False),
        (20, False, False, False),
        (19, False, True, False),
        (10, False, True, False),
        (9, False, True, True),
        (0, True, True, True),
        (None, True, True, None),  # nobody knows
        (80, True, True, False),
        (None, False, False, False),
    ],
)
def test_a_battery_is_low_by_the_locks_word_or_its_level_and_critical_by_its_level(
    level: int | None, warned: bool, low: bool, critical: bool | None
) -> None:
    """S1-25: the alerts come and go with it."""
    told = [
        LockBattery(LOCK, level, low, 12),
        (raised if low else cleared)(AlertCode.BATTERY_LOW, LOCK),
    ]
    if critical is not None:
        told.append((raised if critical else cleared)(AlertCode.BATTERY_CRITICAL, LOCK))
    assert hear(DONE, Battery(level, warned, 12)) == Outcome(DONE, tuple(told))


def test_no_report_writes_or_clears() -> None:
    """Nothing reacts to an event by writing to a lock."""
    reports: list[Report] = [CodeAdded(1), CodeDeleted(1), CodeDeleted(None), Used(1, opened=True)]
    for report in reports:
        s = hear(DONE.with_slot(2, Occupied(NOON)), report).situation
        assert plan(s, NOW, TICK) in (
            Plan(Observe((1,))),
            Plan(None, 3 * HOUR.total_seconds()),
        )
