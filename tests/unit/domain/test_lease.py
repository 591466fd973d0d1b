"""A lease: how far we got, how sure we are."""

from dataclasses import replace

import pytest

from gatewayd.domain.hours import Hours
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.retry import Tick
from gatewayd.domain.slot import Entry, Holds, Occupied
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    MINUTE,
    NEW_CODE,
    NOON,
    NOW,
    OVER,
    THEIRS,
    TICK,
    lease,
    proven,
    tick,
)

STAY = Window(NOON - HOUR, NOON + 3 * HOUR)
WORKDAYS = Hours(frozenset(range(5)))


def test_proofs_are_ranked() -> None:
    """An acknowledgement is the least, use the most; S0-1."""
    assert list(Proof) == [Proof.ACCEPTED, Proof.PRESENT, Proof.MATCHED, Proof.USED]


@pytest.mark.parametrize(
    ("proof", "proven"),
    [
        (None, False),
        (Proof.ACCEPTED, False),  # S0-1
        (Proof.PRESENT, True),
        (Proof.MATCHED, True),
        (Proof.USED, True),
    ],
)
def test_only_what_the_lock_has_shown_is_proven(proof: Proof | None, proven: bool) -> None:
    """An acknowledgement is never proof."""
    assert lease(Stage.WRITTEN, proof).proven is proven


@pytest.mark.parametrize(
    ("stage", "proof", "in_doubt"),
    [
        (Stage.TAKEN, None, False),
        (Stage.GONE, None, False),
        (Stage.WRITING, None, True),
        (Stage.WRITTEN, Proof.ACCEPTED, True),
        (Stage.WRITTEN, Proof.MATCHED, True),  # suffering 13
        (Stage.CLEARING, Proof.MATCHED, True),
        (Stage.CLEARED, None, True),
        (Stage.CLEARED, Proof.MATCHED, False),
    ],
)
def test_one_empty_look_is_enough_only_after_a_proven_code_was_cleared(
    stage: Stage, proof: Proof | None, in_doubt: bool
) -> None:
    """Else a write may still land, or the look may lie."""
    assert lease(stage, proof).in_doubt is in_doubt


def test_an_adopted_code_is_as_the_lock_shows_it_and_looked_at_at_once() -> None:
    """Suffering 26: proven by that look, and by one more, for it was never written by us."""
    seen = Holds(NOON, THEIRS, enabled=False, window=STAY, hours=WORKDAYS)
    assert Lease.adopted(KEY, 4, seen) == Lease(
        KEY,
        THEIRS,
        4,
        Stage.WRITTEN,
        Proof.MATCHED,
        proven_at=NOON,
        verify_due=Tick(0.0),
        window=STAY,
        enabled=False,
        hours=WORKDAYS,
    )


@pytest.mark.parametrize(
    ("held", "ends"),
    [
        (replace(proven(), window=STAY), True),
        (proven(), False),  # no window was given
        (replace(lease(Stage.WRITTEN, Proof.ACCEPTED), window=STAY), False),  # never shown
        (replace(lease(Stage.WRITING, Proof.MATCHED), window=STAY), False),  # written anew since
        (replace(proven(), window=Window(STAY.start, OVER.latest + MINUTE)), False),
    ],
    ids=["shown", "without a window", "acknowledged", "being written", "not over"],
)
def test_a_code_ends_by_itself_where_the_lock_has_shown_its_window(held: Lease, ends: bool) -> None:
    """S1-12: only such a code may lie there a day longer."""
    assert held.ends_by_itself(OVER) is ends
    assert not held.ends_by_itself(NOW)


def test_a_doubt_counts_from_the_first_look() -> None:
    """Suffering 13: the second look is held against it."""
    first = lease(Stage.WRITING).doubted(TICK)
    assert first.doubted_since == TICK
    assert first.doubted(tick(60)) == first


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        (Entry(CODE, "Ada", True, STAY, WORKDAYS), True),  # a label is no limit
        (Entry(NEW_CODE, "", True, STAY, WORKDAYS), False),
        (Entry(CODE, "", False, STAY, WORKDAYS), False),
        (Entry(CODE, "", True, None, WORKDAYS), False),
        (Entry(CODE, "", True, STAY, None), False),
    ],
)
def test_an_entry_is_written_again_where_anything_of_it_changed(entry: Entry, same: bool) -> None:
    """Suffering 15: the full record counts."""
    held = replace(proven(), window=STAY, hours=WORKDAYS)
    assert held.is_for(entry) is same


@pytest.mark.parametrize(
    ("written", "shown", "same"),
    [
        (None, None, True),
        (STAY, STAY, True),
        (STAY, None, False),  # suffering 15
        (None, STAY, False),
        (STAY, Window(NOON, STAY.end), True),  # suffering 25: clamped to now
        (STAY, Window(STAY.start - HOUR, STAY.end), True),
        (STAY, Window(NOON + MINUTE, STAY.end), False),  # it shuts the guest out
        (Window(NOON + MINUTE, STAY.end), STAY, False),  # it opens too early
        (STAY, Window(STAY.start, STAY.end + MINUTE), False),
        (STAY, Window(STAY.start, STAY.end - MINUTE), False),
    ],
)
def test_a_window_is_as_meant_but_for_a_start_that_is_past(
    written: Window | None, shown: Window | None, same: bool
) -> None:
    """Suffering 25: a lock may move a start to now, never an end."""
    held = replace(proven(), window=written)
    assert held.limits(Holds(NOON, CODE, window=shown), NOW) is same
    assert held.limits(Occupied(NOON, window=shown), NOW) is same


def test_what_a_lock_enables_or_limits_otherwise_is_not_as_meant() -> None:
    """Suffering 15."""
    held = replace(proven(), hours=WORKDAYS)
    assert held.limits(Holds(NOON, CODE, hours=WORKDAYS), NOW)
    assert not held.limits(Holds(NOON, CODE, False, hours=WORKDAYS), NOW)
    assert not held.limits(Holds(NOON, CODE), NOW)


def test_a_clock_in_doubt_takes_no_start_for_past() -> None:
    """Suffering 25: it may still be to come."""
    held = replace(proven(), window=STAY)
    clamped = Holds(NOON, CODE, window=Window(NOON, STAY.end))
    assert not held.limits(clamped, Now(NOON - MINUTE, NOON + MINUTE))
