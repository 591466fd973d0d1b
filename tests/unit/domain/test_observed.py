"""What follows from a look at a slot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.code import CodeConfirmed, CodeFailed, CodeLost, CodeRemovalFailed
from gatewayd.domain.events.lock import LockForeignCode
from gatewayd.domain.health import AlertCode
from gatewayd.domain.lease import SETTLES, Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.observed import observed
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.plan import Clear, Free, Observe, Plan, Take, Write, plan
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Empty, Entry, Foreign, Holds, Observation, Occupied
from gatewayd.domain.steps import acknowledged, taken
from gatewayd.errors import (
    Reason,
)
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    OVER,
    THEIRS,
    TICK,
    later,
    lease,
    only,
    proven,
    situation,
    tick,
)

ENTRY = Entry(CODE, "HMA4XT")
EMPTY, OURS, FOREIGN, MASKED = Empty(NOON), Holds(NOON, CODE), Holds(NOON, THEIRS), Occupied(NOON)
UNTIL_NOON = Window(NOON - HOUR, NOON)
CLAMPED = Holds(NOON, CODE, window=Window(NOON - HOUR / 2, NOON))
DISABLED = Holds(NOON, CODE, enabled=False)
ACCEPTED = lease(Stage.WRITTEN, Proof.ACCEPTED)
NEXT = NOON + timedelta(minutes=1)
DOOR_AND_KEY = f"{LOCK}/{KEY}"
STILL_THERE = raised(AlertCode.REMOVAL_FAILED, DOOR_AND_KEY)


def look(held: Lease, seen: Observation, now: Now = NOW, at: Tick = TICK) -> Outcome:
    """One slot is shown."""
    assert held.slot is not None
    return observed(situation(leases=[held]), held.slot, seen, now, at)


# --- what a look shows ---------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [EMPTY, FOREIGN, MASKED])
def test_a_look_at_a_slot_that_we_have_not_touched_is_only_a_fact(seen: Observation) -> None:
    """Also where it is leased; a code that is there is told of once (suffering 26)."""
    told = () if seen == EMPTY else (LockForeignCode(LOCK, 1),)
    for s in (situation(leases=[lease()]), situation()):
        got = observed(s, 1, seen, NOW, TICK)
        assert got == Outcome(s.with_slot(1, seen), told)
        assert observed(got.situation, 1, seen, NOW, TICK).events == ()


@pytest.mark.parametrize(
    ("held", "seen", "proof"),
    [
        (ACCEPTED, OURS, Proof.MATCHED),
        (ACCEPTED, MASKED, Proof.PRESENT),  # suffering 1
        (lease(Stage.WRITING), OURS, Proof.MATCHED),
        (lease(Stage.CLEARING, Proof.MATCHED), OURS, Proof.MATCHED),
        (lease(Stage.CLEARING, Proof.PRESENT), MASKED, Proof.PRESENT),
        (lease(Stage.GONE), OURS, Proof.MATCHED),
    ],
)
def test_a_code_that_the_lock_shows_is_confirmed(
    held: Lease, seen: Observation, proof: Proof
) -> None:
    """S1-5: with its proof; and looked at again a minute later (suffering 6)."""
    trouble = replace(
        held, ladder=Ladder(2, TICK), reason=Reason.MISMATCH, missed=True, doubted_since=TICK
    )
    got = look(trouble, seen)
    assert only(got.situation.leases) == lease(Stage.WRITTEN, proof, verify_due=tick(60))
    assert got.events == (CodeConfirmed(KEY, LOCK, proof, NOON),)


def test_a_second_look_that_agrees_ends_the_watch() -> None:
    """It is not told again."""
    held = proven(verify_due=tick(60))
    got = look(held, OURS, at=tick(60))
    assert only(got.situation.leases) == proven()
    assert got.events == ()


def test_a_look_before_the_second_is_due_does_not_replace_it() -> None:
    """Suffering 6: it vanished seconds after."""
    held = proven(verify_due=tick(60))
    assert only(look(held, OURS, at=tick(5)).situation.leases) == held


@pytest.mark.parametrize(
    ("before", "seen", "proof"),
    [
        (Proof.PRESENT, OURS, Proof.MATCHED),
        (Proof.PRESENT, MASKED, Proof.PRESENT),
        (Proof.MATCHED, MASKED, Proof.MATCHED),
        (Proof.MATCHED, OURS, Proof.MATCHED),
        (Proof.USED, OURS, Proof.USED),
        (Proof.USED, MASKED, Proof.USED),
    ],
)
def test_a_later_look_raises_a_proof_and_never_lowers_it(
    before: Proof, seen: Observation, proof: Proof
) -> None:
    """Suffering 1: a masked read is not a mismatch."""
    assert only(look(proven(before), seen).situation.leases).proof is proof


def test_one_empty_look_at_a_proven_code_may_lie() -> None:
    """Suffering 13: the slot is looked at once more, at once."""
    got = look(proven(), EMPTY)
    assert only(got.situation.leases) == replace(proven(), missed=True)
    assert got.events == ()
    assert plan(got.situation, NOW, TICK).step == Observe((1,))
    again = observed(got.situation, 1, OURS, NOW, TICK)
    assert only(again.situation.leases) == proven()
    assert again.events == ()


def test_after_two_empty_looks_a_proven_code_is_lost_and_written_again() -> None:
    """S1-17: without evidence of a deletion it is restored."""
    got = look(replace(proven(), missed=True), EMPTY)
    lost = replace(lease(Stage.GONE), losses=1)
    assert only(got.situation.leases) == lost
    assert got.events == (CodeLost(KEY, LOCK, None),)
    assert plan(got.situation, NOW, TICK).step == Write(lost, ENTRY)


def test_a_fight_with_another_writer_is_not_fought_for_ever() -> None:
    """Written again at once ten times, and then as often as a battery survives: fault 52."""
    got = look(replace(proven(), missed=True, losses=9), EMPTY)
    assert isinstance(plan(got.situation, NOW, TICK).step, Write)
    got = look(replace(proven(), missed=True, losses=10), EMPTY)
    assert got.events == (CodeLost(KEY, LOCK, Reason.WRITE_BUDGET),)
    assert only(got.situation.leases).ladder == Ladder(1, tick(4 * 3600))
    assert plan(got.situation, NOW, TICK).step is None
    elsewhere = taken(got.situation, Take(KEY, CODE, 2)).situation
    assert plan(elsewhere, NOW, TICK) == Plan(Observe((2,))), "a look costs nothing"
    assert plan(elsewhere.with_slot(2, EMPTY), NOW, TICK).step is None


@pytest.mark.parametrize(
    ("losses", "ladder"),
    [
        (9, None),
        (10, Ladder(1, tick(4 * 3600))),
        (12, Ladder(3, tick(4 * 3600))),
        (15, Ladder(6, tick(24 * 3600))),
    ],
)
@pytest.mark.parametrize("shown", [EMPTY, FOREIGN, Holds(NOON, CODE, enabled=False)])
def test_each_loss_beyond_the_tenth_is_a_rung(
    losses: int, ladder: Ladder | None, shown: Observation
) -> None:
    """Whether the code is gone, overwritten or altered: every four hours, then once a day."""
    held = replace(proven(), missed=True, losses=losses)
    lost = only(look(held, shown).situation.leases)
    assert (lost.losses, lost.ladder, lost.proof) == (losses + 1, ladder, None)
    assert lost.reason is (Reason.WRITE_BUDGET if ladder else None)


def test_a_code_with_other_limits_is_ours_to_write_again() -> None:
    """Suffering 15: it lies where we wrote it."""
    got = look(proven(), Holds(NOON, CODE, enabled=False))
    assert only(got.situation.leases) == replace(lease(Stage.WRITING), losses=1)
    assert got.events == (CodeLost(KEY, LOCK, Reason.MISMATCH),)


def test_a_code_that_a_person_deleted_is_lost_and_left_so() -> None:
    """S1-17."""
    deleted = replace(proven(), missed=True, reason=Reason.DELETED_AT_LOCK)
    got = look(deleted, EMPTY)
    assert got.events == (CodeLost(KEY, LOCK, Reason.DELETED_AT_LOCK),)
    assert plan(got.situation, NOW, TICK).step is None


def test_an_acknowledged_write_that_is_not_there_climbs_the_codes_ladder() -> None:
    """Dropped by the lock, or still under way."""
    got = look(ACCEPTED, EMPTY)
    held = lease(Stage.WRITTEN, ladder=Ladder(1, tick(60)), reason=Reason.MISMATCH)
    assert only(got.situation.leases) == held
    assert got.events == (CodeFailed(KEY, LOCK, Reason.MISMATCH, 1, NEXT),)


def test_looking_again_is_not_another_failure() -> None:
    """S3-13: one rung for each write, however often the slot is read."""
    for seen in (EMPTY, FOREIGN):
        first = look(ACCEPTED, seen)
        for seconds in (1, 59, 60, 61):
            again = observed(first.situation, 1, seen, NOW, tick(seconds))
            assert again == Outcome(first.situation.with_slot(1, seen))


def test_a_mangled_write_climbs_the_codes_ladder_and_stays_ours() -> None:
    """Acknowledged, and other digits are stored."""
    got = look(ACCEPTED, FOREIGN)
    held = only(got.situation.leases)
    assert (held.proof, held.ladder) == (Proof.ACCEPTED, Ladder(1, tick(60)))
    assert got.events == (CodeFailed(KEY, LOCK, Reason.MISMATCH, 1, NEXT),)
    assert plan(got.situation, NOW, tick(60)).step == Write(held, ENTRY)
    assert plan(got.situation.with_slot(1, replace(FOREIGN, at=OVER.latest)), OVER, TICK).step == (
        Clear(held)
    )


def test_a_write_that_opens_at_other_times_is_not_mangled() -> None:
    """Suffering 15: its digits are there, so what comes next over them is a person's."""
    got = look(ACCEPTED, DISABLED)
    assert only(got.situation.leases) == lease(
        Stage.WRITING, ladder=Ladder(1, tick(60)), reason=Reason.MISMATCH
    )


def test_a_masked_slot_in_which_a_write_got_no_answer_is_in_no_doubt() -> None:
    """Suffering 1: whose code it is the lock does not say; it is written again."""
    got = look(lease(Stage.WRITING), MASKED)
    assert got == Outcome(situation(leases=[lease(Stage.WRITING)], slots={1: MASKED}))


def test_what_comes_after_an_empty_look_is_a_persons() -> None:
    """S1-11: it is neither overwritten nor cleared."""
    s = look(ACCEPTED, EMPTY).situation
    s = observed(s, 1, FOREIGN, NOW, tick(60)).situation
    assert plan(s, NOW, tick(60)).step == Take(KEY, CODE, 2)
    over = look(ACCEPTED, EMPTY, OVER).situation
    got = observed(over, 1, FOREIGN, OVER, tick(60))
    assert got.events == ()
    assert isinstance(plan(got.situation, OVER, tick(60)).step, Free)


def test_what_was_read_back_equal_once_is_not_mangled_later() -> None:
    """S1-11: over before it was confirmed, cleared late, then a person's code."""
    s = look(ACCEPTED, OURS, OVER).situation
    s = acknowledged(s, Clear(only(s.leases))).situation
    s = observed(s, 1, OURS, OVER, TICK).situation
    s = observed(s, 1, FOREIGN, OVER, tick(60)).situation
    assert isinstance(plan(s, OVER, tick(60)).step, Free)


def test_an_unanswered_write_that_is_not_there_is_no_failure_of_its_own() -> None:
    """It was counted when it got no answer."""
    held = lease(Stage.WRITING, ladder=Ladder(1, tick(60)), reason=Reason.UNKNOWN_OUTCOME)
    assert look(held, EMPTY) == Outcome(situation(leases=[held], slots={1: EMPTY}))


def test_a_persons_code_over_ours_retracts_the_confirmation() -> None:
    """S1-11: theirs stays, ours moves on, and where it cannot the cloud knows."""
    got = look(proven(verify_due=tick(60)), FOREIGN)
    lost = replace(lease(Stage.GONE), losses=1)
    assert got.situation == situation(leases=[lost], slots={1: FOREIGN})
    assert got.events == (CodeLost(KEY, LOCK, Reason.FOREIGN_SLOT),)
    assert plan(got.situation, NOW, TICK).step == Take(KEY, CODE, 2)
    assert observed(got.situation, 1, FOREIGN, NOW, TICK).events == ()


def test_a_code_that_a_person_deleted_and_replaced_is_lost_and_left_so() -> None:
    """S1-17: also where we did not look in between."""
    got = look(replace(proven(), reason=Reason.DELETED_AT_LOCK), FOREIGN)
    assert got.events == (CodeLost(KEY, LOCK, Reason.DELETED_AT_LOCK),)
    assert plan(got.situation, NOW, TICK).step is None


def test_an_unanswered_write_under_a_persons_code_is_waited_for_and_then_given_up() -> None:
    """Nothing was confirmed; ours may land on theirs within a minute, and would stay unseen."""
    first = look(lease(Stage.WRITING), FOREIGN)
    waiting = lease(Stage.WRITING, doubted_since=TICK)
    assert first == Outcome(situation(leases=[waiting], slots={1: FOREIGN}))
    assert plan(first.situation, NOW, tick(20)).look_again_in == SETTLES - 20
    second = observed(first.situation, 1, FOREIGN, NOW, tick(SETTLES)).situation
    assert only(second.leases).stage is Stage.GONE
    assert plan(second, NOW, tick(SETTLES)).step == Take(KEY, CODE, 2)


# --- looks at what should be gone ----------------------------------------------------------------


def test_a_cleared_slot_that_reads_empty_is_done() -> None:
    """The plan frees it."""
    held = lease(Stage.CLEARED, Proof.MATCHED)
    assert look(held, EMPTY, OVER) == Outcome(situation(leases=[held], slots={1: EMPTY}))


@pytest.mark.parametrize("held", [lease(Stage.WRITING), lease(Stage.CLEARING, Proof.MATCHED)])
def test_two_empty_looks_a_minute_apart_end_the_doubt(held: Lease) -> None:
    """Earlier ones do not count."""
    first = look(held, EMPTY, OVER)
    assert only(first.situation.leases) == replace(held, doubted_since=TICK)
    early = observed(first.situation, 1, EMPTY, OVER, tick(SETTLES - 1))
    assert only(early.situation.leases) == only(first.situation.leases)
    late = observed(early.situation, 1, EMPTY, OVER, tick(SETTLES))
    assert only(late.situation.leases).stage is Stage.GONE


@pytest.mark.parametrize(
    ("held", "seen", "proof"),
    [
        (lease(Stage.WRITING), OURS, Proof.MATCHED),
        (ACCEPTED, OURS, Proof.MATCHED),
        (replace(ACCEPTED, window=UNTIL_NOON), CLAMPED, Proof.MATCHED),  # suffering 25
        (lease(Stage.WRITING), MASKED, None),
        (lease(Stage.WRITING), DISABLED, None),
        (ACCEPTED, DISABLED, Proof.ACCEPTED),
        (ACCEPTED, FOREIGN, Proof.ACCEPTED),
        (lease(Stage.CLEARING, Proof.PRESENT), OURS, Proof.PRESENT),
    ],
)
def test_what_is_over_and_read_back_as_it_was_written_is_surely_ours(
    held: Lease, seen: Observation, proof: Proof | None
) -> None:
    """S1-11: so that what comes after it is a person's."""
    assert only(look(held, seen, OVER).situation.leases) == replace(held, proof=proof)


def test_a_write_that_lands_late_after_its_stay_is_cleared() -> None:
    """Between the two looks; the doubt begins anew."""
    first = look(lease(Stage.WRITING), EMPTY, OVER)
    second = observed(first.situation, 1, replace(OURS, at=OVER.latest), OVER, tick(60))
    held = only(second.situation.leases)
    assert held.doubted_since is None
    assert plan(second.situation, OVER, tick(60)).step == Clear(held)


@pytest.mark.parametrize("seen", [OURS, MASKED])
def test_a_code_that_survives_its_clear_is_the_most_severe_alert(seen: Observation) -> None:
    """Suffering 16: cleared, said the lock, and the code still opened."""
    got = look(lease(Stage.CLEARED, Proof.MATCHED), seen, OVER)
    ladder, at = Ladder(1, tick(60)), OVER.latest + timedelta(minutes=1)
    held = lease(Stage.CLEARING, Proof.MATCHED, ladder=ladder, reason=Reason.REFUSED)
    assert only(got.situation.leases) == held
    assert got.events == (CodeRemovalFailed(KEY, LOCK, Reason.REFUSED, 1, at), STILL_THERE)
    again = observed(got.situation, 1, seen, OVER, tick(60))
    assert again.events == ()


def test_a_persons_code_after_our_clear_is_no_alert() -> None:
    """S1-11: ours is gone."""
    got = look(lease(Stage.CLEARED, Proof.MATCHED), FOREIGN, OVER)
    assert got.events == ()


def test_a_situation_without_that_lease_takes_it_from_the_step() -> None:
    """The answer of a lock is never lost."""
    bare: Situation = situation()
    assert acknowledged(bare, Write(lease(), ENTRY)).situation.leases == (ACCEPTED,)


def test_another_code_over_a_mangled_one_is_a_persons() -> None:
    """S1-11: what we stored wrongly is ours to overwrite, what came after it is not."""
    mangled = look(ACCEPTED, Holds(NOON, NEW_CODE))
    after_ = observed(mangled.situation, 1, FOREIGN, NOW, tick(600))
    assert only(after_.situation.leases).proof is None
    assert not isinstance(plan(after_.situation, NOW, tick(600)).step, Write)


# --- a slot that is somebody else's --------------------------------------------------------------

CARD = Foreign(NOON)


def test_a_proven_code_is_lost_to_a_card_after_two_looks_and_moves_on() -> None:
    """A look at an empty slot may lie."""
    once = observed(situation(leases=[proven()], slots={1: OURS}), 1, CARD, NOW, TICK)
    assert once.events == ()
    assert plan(once.situation, NOW, TICK).step == Observe((1,))
    twice = observed(once.situation, 1, CARD, NOW, TICK)
    assert twice.events == (CodeLost(KEY, LOCK, Reason.FOREIGN_SLOT),)
    assert plan(twice.situation, NOW, TICK).step == Take(KEY, CODE, 2)


def test_what_is_under_way_to_a_slot_with_a_card_is_waited_for() -> None:
    """Though an earlier write was stored wrongly: a card is not that write."""
    s = situation(leases=[lease(Stage.WRITING, Proof.ACCEPTED)], slots={})
    first = observed(s, 1, CARD, NOW, TICK)
    assert plan(first.situation, NOW, TICK).look_again_in == SETTLES
    second = observed(first.situation, 1, CARD, later(SETTLES), tick(SETTLES))
    assert plan(second.situation, later(SETTLES), tick(SETTLES)).step == Take(KEY, CODE, 2)


def test_a_removal_is_over_where_only_a_card_is_left() -> None:
    """It is not tried again."""
    cleared_ = replace(proven(), stage=Stage.CLEARED)
    got = observed(situation(leases=[cleared_], slots={}), 1, CARD, OVER, TICK)
    assert got.events == ()
    assert plan(got.situation, OVER, TICK).step == Free(cleared_)


def test_a_card_is_told_once() -> None:
    """S1-11: the slot is not for us."""
    first = observed(situation([]), 1, CARD, NOW, TICK)
    assert first.events == (LockForeignCode(LOCK, 1),)
    assert observed(first.situation, 1, CARD, NOW, TICK).events == ()
    assert first.situation.free_slot() == 2
