"""How one key stands at one door."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.door import door_state
from gatewayd.domain.events.code import DoorState
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Holds
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    HOUR,
    LOCK,
    MINUTE,
    NOON,
    NOW,
    OVER,
    THEIRS,
    TICK,
    claim,
    lease,
    proven,
    situation,
    tick,
)

LADDER = Ladder(2, tick(90))
NEXT = NOON + timedelta(seconds=90)
LATER = claim(start=NOON + HOUR)
AHEAD = claim(start=NOON + HOUR, due=NOON)
KEPT = replace(claim(), keeps=timedelta(hours=24))
FULL = dict.fromkeys((1, 2, 3), Holds(NOON, THEIRS))


def state(s: Situation, now: Now = NOW) -> DoorState:
    """Of the situation's one claim."""
    (wish,) = s.claims.values()
    return door_state(s, wish, now, TICK)


@pytest.mark.parametrize(
    ("wish", "held", "now", "told"),
    [
        (LATER, [], NOW, DoorState(LOCK, "waiting", None, Reason.NOT_DUE, LATER.due)),
        (claim(), [], NOW, DoorState(LOCK, "writing")),
        (claim(), [lease(Stage.WRITING)], NOW, DoorState(LOCK, "writing")),
        (
            claim(),
            [lease(Stage.WRITTEN, Proof.ACCEPTED)],
            NOW,
            DoorState(LOCK, "writing", Proof.ACCEPTED),
        ),
        (claim(), [proven()], NOW, DoorState(LOCK, "proven", Proof.MATCHED)),
        (claim(), [proven()], OVER, DoorState(LOCK, "removing", Proof.MATCHED)),
        (LATER, [proven()], NOW, DoorState(LOCK, "removing", Proof.MATCHED)),
        (AHEAD, [proven()], NOW, DoorState(LOCK, "proven", Proof.MATCHED)),
        (
            KEPT,
            [replace(proven(), window=KEPT.window)],
            OVER,
            DoorState(LOCK, "removing", Proof.MATCHED, next_try_at=KEPT.gone),  # S1-12
        ),
        (
            claim(withheld=Reason.PROVISIONING_DISABLED_KEY),
            [],
            NOW,
            DoorState(LOCK, "withheld", None, Reason.PROVISIONING_DISABLED_KEY),
        ),
        (
            claim(),
            [lease(ladder=LADDER, reason=Reason.REFUSED)],
            NOW,
            DoorState(LOCK, "failing", None, Reason.REFUSED, NEXT),
        ),
        (
            claim(),
            [lease(Stage.GONE, reason=Reason.DELETED_AT_LOCK)],
            NOW,
            DoorState(LOCK, "withheld", None, Reason.DELETED_AT_LOCK),  # S1-17
        ),
    ],
)
def test_a_door_is_told_as_it_stands(
    wish: Claim, held: list[Lease], now: Now, told: DoorState
) -> None:
    """S3-8: derived, never stored; with the first reason in the way."""
    assert state(situation([wish], held), now) == told


def test_a_lock_that_does_not_answer_is_the_reason_of_all_its_codes() -> None:
    """S1-18: before a code's own trouble; what is proven stays so (S1-9)."""
    failing = DoorState(LOCK, "failing", None, Reason.LOCK_UNREACHABLE, NEXT)
    held = lease(ladder=Ladder(1, tick(5)), reason=Reason.REFUSED)
    assert state(situation(ladder=LADDER)) == failing
    assert state(situation(leases=[held], ladder=LADDER)) == failing
    assert state(situation(leases=[proven()], ladder=LADDER)).state == "proven"


def test_a_full_lock_is_a_reason() -> None:
    """S1-18, S1-19."""
    assert state(situation(slots=FULL)) == DoorState(LOCK, "failing", None, Reason.LOCK_FULL)


def test_a_door_to_which_the_key_never_came_in_time_is_over() -> None:
    """Nothing is left to write there."""
    assert state(situation(), OVER) == DoorState(LOCK, "removed")


def test_a_door_that_a_guest_has_left_is_over() -> None:
    """S3-18: it is not due again, however long the stay still lasts."""
    left = replace(claim(), left=True)
    assert state(situation([left])) == DoorState(LOCK, "removed")
    assert state(situation([left], [proven()])).state == "removing"


def test_a_door_that_is_not_due_says_when() -> None:
    """S3-21."""
    assert state(situation([LATER])).next_try_at == NOON + 50 * MINUTE
