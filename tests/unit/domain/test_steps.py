"""What follows from a step that succeeded."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.backup import Backup
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeLost, CodeRemoved
from gatewayd.domain.events.lock import LockForeignCode, LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.hours import Hours
from gatewayd.domain.lease import Proof, Stage
from gatewayd.domain.moment import Window
from gatewayd.domain.observed import observed
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Audit, Clear, Free, Observe, Take, Write
from gatewayd.domain.retry import Ladder
from gatewayd.domain.slot import Empty, Entry, Holds, Occupied
from gatewayd.domain.steps import Touched, acknowledged, after, begun, failed_step, taken
from gatewayd.errors import Reason, Refused, Unreachable, Unsupported
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
    proven,
    situation,
)

ENTRY = Entry(CODE, "HMA4XT")
EMPTY, OURS, FOREIGN, MASKED = Empty(NOON), Holds(NOON, CODE), Holds(NOON, THEIRS), Occupied(NOON)
ACCEPTED = lease(Stage.WRITTEN, Proof.ACCEPTED)
NEXT = NOON + timedelta(minutes=1)
DOOR_AND_KEY = f"{LOCK}/{KEY}"
STILL_THERE = raised(AlertCode.REMOVAL_FAILED, DOOR_AND_KEY)


# --- leases --------------------------------------------------------------------------------------


def test_a_slot_is_taken() -> None:
    """On disk before the lock is touched."""
    assert taken(situation(), Take(KEY, CODE, 2)) == Outcome(situation(leases=[lease(slot=2)]))


def test_a_slot_where_a_foreign_code_sits_is_given_up_for_another() -> None:
    """S1-11: it is listed and left alone."""
    got = taken(situation(leases=[lease()]), Take(KEY, CODE, 2))
    assert got.situation.leases == (lease(slot=2),)
    assert got.events == ()  # told when it was seen


def test_a_proven_code_under_a_foreign_one_is_lost() -> None:
    """The confirmation is retracted."""
    got = taken(situation(leases=[proven()]), Take(KEY, CODE, 2))
    lost = CodeLost(KEY, LOCK, Reason.FOREIGN_SLOT)
    assert got.events == (LockForeignCode(LOCK, 1), lost)


@pytest.mark.parametrize(
    ("reason", "kept"), [(Reason.WRITE_BUDGET, True), (Reason.MISMATCH, False)]
)
def test_another_slot_does_not_end_a_fight_with_another_writer(reason: Reason, kept: bool) -> None:
    """Losses are counted on, and where they are too many the ladder goes along."""
    held = replace(lease(Stage.GONE, ladder=Ladder(2, TICK), reason=reason), losses=12)
    got = only(taken(situation(leases=[held]), Take(KEY, CODE, 2)).situation.leases)
    there = lease(slot=2, ladder=Ladder(2, TICK), reason=reason) if kept else lease(slot=2)
    assert got == replace(there, losses=12)


def test_a_slot_is_given_back() -> None:
    """What was touched is told as removed, and its alert ends."""
    held = lease(Stage.GONE)
    got = taken(situation(leases=[held]), Free(held))
    assert got.situation.leases == ()
    gone = cleared(AlertCode.REMOVAL_FAILED, DOOR_AND_KEY)
    assert got.events == (CodeRemoved(KEY, LOCK), gone)


@pytest.mark.parametrize(("stage", "at_once"), [(Stage.GONE, True), (Stage.TAKEN, False)])
def test_who_found_no_room_is_tried_at_once_when_a_code_of_ours_is_gone(
    stage: Stage, at_once: bool
) -> None:
    """S1-19: of backups that nobody has the daily check takes care."""
    spare, ladder = Backup(LOCK, 1).key_id, Ladder(3, TICK)
    full = [
        lease(key=key, code=NEW_CODE, slot=None, ladder=ladder, reason=Reason.LOCK_FULL)
        for key in (OTHER_KEY, spare)
    ]
    claims = [claim(OTHER_KEY, NEW_CODE), claim(spare, NEW_CODE)]
    got = taken(situation(claims, [lease(stage), *full]), Free(lease(stage))).situation
    tried = {x.key_id for x in got.leases if x.ladder is None and x.reason is None}
    assert tried == ({OTHER_KEY} if at_once else set())


def test_a_slot_that_was_never_touched_is_given_back_in_silence() -> None:
    """There was no code to remove."""
    assert taken(situation(leases=[lease()]), Free(lease())).events == ()


# --- before the lock is touched ------------------------------------------------------------------


def test_a_read_changes_nothing_beforehand() -> None:
    """A restart in between loses nothing."""
    s = situation(leases=[proven()], slots={1: OURS})
    assert begun(s, Observe((1,))) == s


def test_a_write_is_in_doubt_until_it_is_answered() -> None:
    """And its slot is not known any more."""
    held = lease(doubted_since=TICK)
    s = begun(situation(leases=[held], slots={1: EMPTY}), Write(held, ENTRY))
    assert s == situation(leases=[replace(lease(Stage.WRITING), label=ENTRY.label)], slots={})


def test_a_write_that_is_begun_knows_its_limits() -> None:
    """Suffering 15: what the lock shows afterwards is held against them."""
    window, hours = Window(NOON, OVER.latest), Hours(frozenset({0}))
    entry = replace(ENTRY, enabled=False, window=window, hours=hours)
    s = begun(situation(leases=[lease()]), Write(lease(), entry))
    assert only(s.leases) == replace(
        lease(Stage.WRITING), enabled=False, window=window, hours=hours, label=ENTRY.label
    )


def test_a_clear_begins_a_doubt_of_its_own() -> None:
    """Looks before it do not count."""
    held = lease(Stage.WRITING, doubted_since=TICK)
    assert only(begun(situation(leases=[held]), Clear(held)).leases) == lease(Stage.CLEARING)


def test_a_code_that_was_cleared_and_is_wanted_again_is_not_proven_meanwhile() -> None:
    """What a first write proved does not count for the second."""
    held = lease(Stage.CLEARING, Proof.MATCHED)
    s = begun(situation(leases=[held], slots={1: EMPTY}), Write(held, ENTRY))
    assert not only(s.leases).proven


def test_a_mangled_code_stays_ours_while_it_is_written_again() -> None:
    """Else it would pass for a person's where the rewrite gets no answer."""
    held = lease(Stage.WRITING, Proof.ACCEPTED)
    s = begun(situation(leases=[held], slots={1: FOREIGN}), Write(held, ENTRY))
    assert only(s.leases).proof is Proof.ACCEPTED


def test_a_removal_begins_a_ladder_of_its_own() -> None:
    """What the write suffered is over."""
    held = lease(Stage.WRITTEN, Proof.ACCEPTED, ladder=Ladder(7, TICK), reason=Reason.MISMATCH)
    s = begun(situation(leases=[held], slots={1: FOREIGN}), Clear(held))
    assert s == situation(leases=[lease(Stage.CLEARING, Proof.ACCEPTED)], slots={})


@pytest.mark.parametrize("stage", [Stage.CLEARING, Stage.CLEARED])
def test_a_removal_that_is_tried_again_keeps_its_ladder(stage: Stage) -> None:
    """S3-13."""
    ladder = Ladder(2, TICK)
    held = lease(stage, Proof.MATCHED, ladder=ladder, reason=Reason.REFUSED)
    assert only(begun(situation(leases=[held]), Clear(held)).leases).ladder == ladder


# --- the lock said yes ---------------------------------------------------------------------------


def test_an_acknowledged_write_is_accepted_not_proven() -> None:
    """S0-1: an acknowledgement is never proof, and nothing is confirmed."""
    writing = lease(Stage.WRITING)
    got = acknowledged(situation(leases=[writing]), Write(lease(), ENTRY))
    assert got == Outcome(situation(leases=[ACCEPTED]))


def test_an_acknowledged_clear_is_cleared_and_not_yet_gone() -> None:
    """Suffering 16."""
    got = acknowledged(situation(leases=[proven()]), Clear(proven()))
    assert got == Outcome(situation(leases=[replace(proven(), stage=Stage.CLEARED)]))


def test_any_answer_ends_the_locks_ladder() -> None:
    """It is told once that the lock is back."""
    back = (
        LockOnline(LOCK),
        cleared(AlertCode.LOCK_OFFLINE, LOCK),
        cleared(AlertCode.PIN_REFUSED, LOCK),
        cleared(AlertCode.PIN_UNANSWERED, LOCK),
    )
    s = situation(leases=[lease()], ladder=Ladder(3, TICK))
    for got in (
        acknowledged(s, Write(lease(), ENTRY)),
        observed(s, 1, EMPTY, NOW, TICK),
        observed(s, 2, EMPTY, NOW, TICK),
    ):
        assert got.situation.ladder is None
        assert got.situation.reason is None
        assert got.events == back
    again = observed(observed(s, 1, EMPTY, NOW, TICK).situation, 1, EMPTY, NOW, TICK)
    assert again.events == ()


@pytest.mark.parametrize(
    ("known", "read", "whole"), [((1, 2), 3, True), ((1,), 3, False), ((1, 3), 2, True)]
)
def test_an_inventory_is_over_with_the_last_slot(
    known: tuple[int, ...], read: int, whole: bool
) -> None:
    """Suffering 26: and is not begun again when slots are forgotten."""
    s = situation([], slots=dict.fromkeys(known, EMPTY), inventoried=False)
    got = after(s, Observe((read,)), Touched({read: EMPTY}), NOW, TICK).situation
    assert got.inventoried is whole
    mute = failed_step(s, Observe((read,)), Unsupported("no such slot"), NOW, TICK).situation
    assert mute.inventoried is whole
    later = after(replace(s, inventoried=True), Observe((1,)), Touched({1: EMPTY}), NOW, TICK)
    assert later.situation.inventoried


def test_a_write_is_no_inventory_of_a_lock_that_is_read_as_a_list() -> None:
    """What was there before could be taken for ours."""
    s = situation(leases=[lease(Stage.WRITING, slot=None)], inventoried=False)
    s = replace(s, capabilities=Capabilities(slots=3, assigns_slots=True))
    write = Write(lease(slot=None), ENTRY)
    assert not after(s, write, Touched({}, 7), NOW, TICK).situation.inventoried
    assert after(s, Observe(), Touched({}), NOW, TICK).situation.inventoried


def test_a_result_is_taken_in_as_what_it_is() -> None:
    """Slots as seen, after a yes where something was changed; or an error."""
    s = begun(situation(leases=[lease()]), Write(lease(), ENTRY))
    write = Write(lease(), ENTRY)
    error = Refused("no")
    shown = observed(acknowledged(s, write).situation, 1, OURS, NOW, TICK)
    assert after(s, write, Touched({1: OURS}, 1), NOW, TICK) == shown
    assert only(shown.situation.leases).proof is Proof.MATCHED
    assert after(s, write, error, NOW, TICK) == failed_step(s, write, error, NOW, TICK)
    both = after(s, Observe((1,)), Touched({1: EMPTY, 2: FOREIGN}), NOW, TICK)
    first = observed(s, 1, EMPTY, NOW, TICK)
    second = observed(first.situation, 2, FOREIGN, NOW, TICK)
    assert both == Outcome(second.situation, (*first.events, *second.events))


def test_an_audit_is_a_look_at_what_still_holds_and_a_reason_to_look_at_the_rest() -> None:
    """S1-9: what was reported or forgotten meanwhile stays so."""
    s = situation(leases=[replace(proven(), verify_due=TICK)], slots={1: OURS, 2: FOREIGN})
    audit = Audit((1,), s.slots)
    same = after(s, audit, Touched({1: OURS}), NOW, TICK)
    assert only(same.situation.leases).verify_due is None
    assert (same.situation.slots, same.events) == (s.slots, ())
    other = after(s, audit, Touched({}), NOW, TICK)
    assert (other.situation, other.events) == (s.with_slot(1, None), ())
    meanwhile = s.with_slot(1, None)
    assert after(meanwhile, audit, Touched({1: OURS}), NOW, TICK).situation == meanwhile
    silent = after(s, audit, Unreachable("no answer"), NOW, TICK)
    assert silent.situation.ladder is not None
