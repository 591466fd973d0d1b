"""What is known and wanted at one lock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain import commission
from gatewayd.domain.backup import Backup
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, Stage
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.plan import Observe, Plan, plan
from gatewayd.domain.situation import Claim
from gatewayd.domain.slot import Empty, Holds, Observation, Occupied
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    CODE,
    HOUR,
    KEY,
    LOCK,
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
)

EMPTY, FOREIGN, MASKED = Empty(NOON), Holds(NOON, THEIRS), Occupied(NOON)


@pytest.mark.parametrize(
    ("slots", "leased", "free"),
    [
        ({}, [], 1),
        ({2: EMPTY}, [], 2),
        ({1: FOREIGN}, [], 2),
        ({1: MASKED, 2: FOREIGN}, [], 3),
        ({1: EMPTY, 2: EMPTY}, [1], 2),
        ({1: FOREIGN, 3: EMPTY}, [3], 2),
        ({1: FOREIGN, 2: MASKED}, [3], None),
    ],
)
def test_a_free_slot_is_one_seen_empty_or_else_unread(
    slots: dict[int, Observation], leased: list[int], free: int | None
) -> None:
    """The lowest first; never a leased one, nor one where anything lies; suffering 26."""
    assert situation(leases=[lease(slot=n) for n in leased], slots=slots).free_slot() == free


def test_the_last_slot_is_used_and_none_beyond() -> None:
    """Suffering 18: slots are numbered from 1 to the lock's own number."""
    full = dict.fromkeys(range(1, 20), FOREIGN)
    assert situation(slots=full, size=20).free_slot() == 20
    assert situation(slots=full, size=19).free_slot() is None


def test_what_was_never_read_is_unread() -> None:
    """Suffering 18: slots are numbered from 1; a lock that numbers its codes itself has none."""
    s = situation(slots={2: EMPTY})
    assert s.unread() == [1, 3]
    assert replace(s, capabilities=Capabilities(assigns_slots=True)).unread() == []


def test_a_claim_is_wanted_from_when_it_is_due_to_the_end_of_its_window() -> None:
    """S1-2, S1-7."""
    wish = claim(start=NOON, end=NOON + HOUR, due=NOON - 10 * MINUTE)
    at = [NOON - 11 * MINUTE, NOON - 10 * MINUTE, NOON + HOUR - MINUTE, NOON + HOUR]
    assert [wish.wanted(Now.exactly(t)) for t in at] == [False, True, True, False]


def test_a_lease_is_rightful_while_its_key_wants_its_code() -> None:
    """Cancelled, over or replaced: not any more."""
    held = proven()
    assert situation(leases=[held]).rightful(held, NOW)
    assert not situation(leases=[held]).rightful(held, OVER)
    assert not situation([], [held]).rightful(held, NOW)
    assert not situation([claim(code=NEW_CODE)], [held]).rightful(held, NOW)


def test_an_old_code_is_rightful_until_the_handover_ends() -> None:
    """S1-20; not beyond the window."""
    held = proven()
    s = situation([claim(code=NEW_CODE, old_codes_go=False)], [held])
    assert s.rightful(held, NOW)
    assert not s.rightful(held, OVER)


def test_a_full_lock_crowds_out_who_has_no_lease() -> None:
    """S1-19: who has one stays."""
    wishes = [claim(), claim(OTHER_KEY, NEW_CODE)]
    s = situation(wishes, [proven()], {2: FOREIGN, 3: FOREIGN})
    assert s.crowded_out(NOW) == (OTHER_KEY,)
    assert s.crowded_out(OVER) == ()
    assert s.with_slot(3, EMPTY).crowded_out(NOW) == ()


@pytest.mark.parametrize(
    ("held", "crowded"),
    [
        (lease(), True),
        (lease(Stage.GONE), True),
        (lease(Stage.GONE, reason=Reason.DELETED_AT_LOCK), False),  # S1-17
        (lease(Stage.WRITING), False),
        (proven(), False),
    ],
)
def test_a_lease_under_a_persons_code_is_no_place(held: Lease, crowded: bool) -> None:
    """S1-18: where no other slot is free."""
    s = situation(leases=[held], slots=dict.fromkeys((1, 2, 3), FOREIGN))
    assert s.crowded_out(NOW) == ((KEY,) if crowded else ())


def test_the_farthest_arrival_gives_way_on_a_full_lock() -> None:
    """S1-19, suffering 10: to a nearer one, and no guest who is there already."""

    def at(minutes: int, key: KeyId = KEY, code: Code = CODE) -> Claim:
        return claim(key, code, start=NOON + minutes * MINUTE, end=NOON + 9 * HOUR, due=NOON)

    held, full = proven(), {2: FOREIGN, 3: FOREIGN}
    near = at(60, OTHER_KEY, NEW_CODE)
    s = situation([at(300), near], [held], full)
    assert s.giving_way(NOW) == {KEY}
    assert not s.rightful(held, NOW)
    assert s.with_slot(3, EMPTY).rightful(held, NOW), "there is room"
    for sooner in (-60, 30, 60):
        assert situation([at(sooner), near], [held], full).rightful(held, NOW)


def upcoming(key: KeyId, hours: float, code: Code = CODE) -> Claim:
    """A key whose guest comes then, and whose code may be there already."""
    start = NOON + hours * HOUR
    return claim(key, code, start=start, end=start + 9 * HOUR, due=NOON - HOUR)


A, B, C, D = (KeyId(f"res:{x}") for x in "ABCD")
SPARE = replace(upcoming(Backup(LOCK, 1).key_id, -1), window=Window(NOON, FOREVER))
INSTALLERS = replace(upcoming(commission.key_id(LOCK), -1), window=Window(NOON, FOREVER))


@pytest.mark.parametrize(
    ("leased", "others", "goes"),
    [
        ([upcoming(A, 5), upcoming(B, 3)], [upcoming(C, 1)], {A}),
        ([upcoming(A, 3), upcoming(B, 5)], [upcoming(C, 1)], {B}),
        ([upcoming(A, 3), upcoming(B, 5)], [upcoming(C, 1), upcoming(D, 2)], {A, B}),
        ([upcoming(A, 3), upcoming(B, 5)], [upcoming(C, 4)], {B}),
        ([upcoming(A, 3), upcoming(B, 5)], [upcoming(C, 6)], set()),
        (  # who has no place and waits for none
            [upcoming(A, 3), upcoming(B, 5)],
            [upcoming(C, 1), replace(upcoming(D, 9), withheld=Reason.LOCK_INACTIVE)],
            {B},
        ),
        ([upcoming(A, 3), SPARE], [upcoming(C, 0)], {A}),  # a backup only where no arrival is left
        ([upcoming(A, -1), SPARE], [upcoming(C, 0)], {SPARE.key_id}),
        ([upcoming(A, 3), upcoming(B, 5)], [INSTALLERS], set()),  # no guest goes for an installer
        ([upcoming(A, -1), INSTALLERS], [upcoming(C, 0)], {INSTALLERS.key_id}),
    ],
)
def test_who_gives_way_to_whom_on_a_full_lock(
    leased: list[Claim], others: list[Claim], goes: set[KeyId]
) -> None:
    """S1-19, suffering 10: the farthest first, each to a nearer one."""
    held = [replace(proven(), key_id=c.key_id, slot=n) for n, c in enumerate(leased, 1)]
    s = situation([*leased, *others], held, {3: FOREIGN})
    assert s.giving_way(NOW) == goes


def test_what_is_over_may_lie_on_a_lock_that_ends_it_and_gives_way_first() -> None:
    """S1-12: a day, where the lock holds the window; none of it opens."""
    kept = replace(claim(), keeps=timedelta(hours=24))
    held = replace(proven(), window=kept.window)
    s = situation([kept], [held])
    later = Now.exactly(kept.window.end + timedelta(hours=23))
    assert not kept.wanted(later)
    assert s.rightful(held, later)
    assert plan(s, later, TICK) == Plan(None, 3600.0)
    assert not s.rightful(held, Now.exactly(kept.gone))
    assert isinstance(plan(s, Now.exactly(kept.gone), TICK).step, Observe)
    near = replace(claim(OTHER_KEY, NEW_CODE), window=Window(kept.window.end, kept.gone))
    full = situation([kept, near], [held], {2: FOREIGN, 3: FOREIGN})
    assert full.giving_way(later) == {KEY}
    cancelled = situation([], [held])
    assert not cancelled.rightful(held, NOW), "S1-13: at once"
    shorter = replace(kept, window=Window(kept.window.start, NOON), due=NOON - HOUR)
    assert not situation([shorter], [held]).rightful(held, NOW), "the lock still opens"


def test_who_is_withheld_is_not_crowded_out() -> None:
    """S3-20: it would not be written anyway."""
    wish = claim(withheld=Reason.PROVISIONING_DISABLED_KEY)
    s = situation([wish], slots=dict.fromkeys((1, 2, 3), FOREIGN))
    assert s.crowded_out(NOW) == ()


def test_a_lease_takes_the_place_of_the_one_of_its_key_and_code() -> None:
    """One slot for a key and a code."""
    old, other = lease(slot=1), lease(key=OTHER_KEY, slot=2)
    s = situation(leases=[old, other]).with_lease(replace(old, slot=3))
    assert {(x.key_id, x.slot) for x in s.leases} == {(KEY, 3), (OTHER_KEY, 2)}
    assert s.lease_of(KEY, CODE) == replace(old, slot=3)
    assert s.lease_of(KEY, NEW_CODE) is None
    assert s.without_lease(replace(old, slot=3)).leases == (other,)


def test_what_was_seen_may_become_unknown() -> None:
    """Not knowing is not empty."""
    s = situation().with_slot(1, EMPTY)
    assert s.slots == {1: EMPTY}
    assert s.with_slot(1, None).slots == {}
    assert s.unseen(lease(slot=1)).slots == {}
    assert s.unseen(lease(slot=None)) == s
