"""A lock whose hub lost its database: looked at, not touched, until what was ours is found."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from gatewayd.domain.backup import Backup
from gatewayd.domain.capabilities import NUKI
from gatewayd.domain.code import Code
from gatewayd.domain.commission import key_id
from gatewayd.domain.events.backup import BackupReady
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, LostLease, Proof, Stage
from gatewayd.domain.plan import Clear, Observe, Take, plan
from gatewayd.domain.rebuild import fingerprint, recovered, unsettled
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Foreign, Holds, Observation, Occupied
from tests.unit.domain.builders import (
    CODE,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    THEIRS,
    TICK,
    claim,
    lease,
    proven,
    situation,
)

SECRET = b"the hub's"
BY_HAND = KeyId("cleaner")
BACKUP = Backup(LOCK, 1)
EMPTY, SHOWN = Empty(NOON), Holds(NOON, CODE)
FULL: dict[int, Observation] = {1: SHOWN, 2: EMPTY, 3: EMPTY}


def lost(slot: int = 1, key: KeyId = KEY, code: Code = CODE, secret: bytes = SECRET) -> LostLease:
    """As `reported` told it."""
    return LostLease(slot, key, fingerprint(code, secret))


def after_loss(
    *were: LostLease,
    claims: Iterable[Claim] | None = None,
    leases: Iterable[Lease] = (),
    slots: Mapping[int, Observation] | None = None,
    rebuilding: bool = False,
    inventoried: bool = True,
) -> Situation:
    """A lock of which a lost database knew these leases."""
    there = situation(claims, leases, slots, inventoried=inventoried)
    return replace(there, lost=were, rebuilding=rebuilding)


def test_a_fingerprint_tells_nothing_without_the_secret() -> None:
    assert fingerprint(CODE, SECRET) == fingerprint(CODE, SECRET)
    others = {fingerprint(CODE, b"another's"), fingerprint(NEW_CODE, SECRET)}
    assert fingerprint(CODE, SECRET) not in others
    assert len(fingerprint(CODE, SECRET)) == 16


# --- until all reservations are known ----------------------------------------------------------


@pytest.mark.parametrize("rebuilding", [True, False])
def test_what_is_over_is_not_removed_while_more_may_be_ours(rebuilding: bool) -> None:
    over = after_loss(claims=(), leases=[proven()], slots=FULL, rebuilding=rebuilding)
    step = plan(over, NOW, TICK).step
    assert isinstance(step, Clear) is not rebuilding


def test_a_slot_that_nothing_is_known_of_any_more_is_not_given_back() -> None:
    gone = after_loss(claims=(), leases=[lease(Stage.GONE)], slots=FULL, rebuilding=True)
    assert plan(gone, NOW, TICK).step is None


def test_slots_that_were_ours_are_read_first() -> None:
    s = after_loss(lost(3), lost(2), rebuilding=True, inventoried=False)
    assert plan(s, NOW, TICK).step == Observe((3,))
    assert plan(s.with_slot(3, EMPTY), NOW, TICK).step == Observe((2,))
    assert plan(s.with_slot(3, EMPTY).with_slot(2, EMPTY), NOW, TICK).step == Observe((1,))


def test_they_are_read_before_anything_is_removed_or_written_also_later() -> None:
    s = after_loss(lost(3), leases=[proven()], slots={1: SHOWN, 2: EMPTY}, claims=())
    assert plan(s, NOW, TICK).step == Observe((3,))
    assert unsettled(s)
    assert not unsettled(s.with_slot(3, EMPTY))


def test_a_list_is_read_as_a_whole_and_once() -> None:
    s = replace(after_loss(lost(7)), capabilities=NUKI, inventoried=False)
    assert plan(s, NOW, TICK).step == Observe()
    assert not unsettled(replace(s, inventoried=True))


@pytest.mark.parametrize(
    ("seen", "inventoried", "written"),
    [
        (EMPTY, True, True),
        (Holds(NOON, THEIRS), True, True),
        (Foreign(NOON), True, True),
        (SHOWN, True, False),
        (Occupied(NOON), True, False),
        (EMPTY, False, False),
    ],
)
def test_a_code_is_written_where_it_cannot_lie_there_already(
    seen: Observation, inventoried: bool, written: bool
) -> None:
    slots = {1: seen, 2: EMPTY, 3: EMPTY}
    s = after_loss(slots=slots, rebuilding=True, inventoried=inventoried)
    step = plan(s, NOW, TICK).step
    assert isinstance(step, Take) is written
    assert isinstance(plan(replace(s, rebuilding=False), NOW, TICK).step, Take)


def test_our_own_slot_does_not_stand_in_the_way_of_another_key() -> None:
    held = [proven()]
    wishes = (claim(), claim(OTHER_KEY, NEW_CODE))
    s = after_loss(claims=wishes, leases=held, slots=FULL, rebuilding=True)
    assert plan(s, NOW, TICK).step == Take(OTHER_KEY, NEW_CODE, 2)


def test_no_backup_is_written_that_may_have_had_another_code() -> None:
    s = after_loss(claims=[claim(BACKUP.key_id, NEW_CODE)], slots=FULL, rebuilding=True)
    assert plan(s, NOW, TICK).step is None


def test_nothing_is_ours_before_the_reservations_are_known() -> None:
    s = after_loss(lost(), slots=FULL, rebuilding=True)
    assert recovered(s, SECRET).situation is s


# --- then --------------------------------------------------------------------------------------


def test_what_reported_and_the_lock_agree_on_is_ours_again() -> None:
    outcome = recovered(after_loss(lost(), slots=FULL), SECRET)
    assert outcome.situation.leases == (Lease.adopted(KEY, 1, SHOWN),)
    assert outcome.situation.lost == ()
    assert outcome.events == (CodeConfirmed(KEY, LOCK, Proof.MATCHED, NOON),)
    assert plan(outcome.situation, NOW, TICK).step == Observe((1,))  # looked at once more


def test_a_guest_of_whom_the_snapshot_says_nothing_leaves() -> None:
    outcome = recovered(after_loss(lost(), claims=(), slots=FULL), SECRET)
    assert outcome.events == ()
    assert isinstance(plan(outcome.situation, NOW, TICK).step, Clear)


def test_another_code_than_the_key_has_now_is_ours_to_remove() -> None:
    outcome = recovered(after_loss(lost(), claims=[claim(code=NEW_CODE)], slots=FULL), SECRET)
    assert outcome.situation.lease_of(KEY, CODE) is not None
    assert outcome.events == ()


@pytest.mark.parametrize(
    "seen", [EMPTY, Holds(NOON, THEIRS), Occupied(NOON), Foreign(NOON)], ids=type
)
def test_what_the_lock_does_not_show_is_forgotten_and_respected(seen: Observation) -> None:
    after = recovered(after_loss(lost(), slots=FULL | {1: seen}), SECRET).situation
    assert (after.leases, after.lost) == ((), ())


def test_nobody_without_the_secret_makes_a_slot_ours() -> None:
    after = recovered(after_loss(lost(secret=b"another's"), slots=FULL), SECRET).situation
    assert (after.leases, after.lost) == ((), ())


def test_what_was_not_read_yet_waits() -> None:
    s = after_loss(lost(), lost(2, OTHER_KEY), slots={1: SHOWN})
    after = recovered(s, SECRET).situation
    assert after.lost == (lost(2, OTHER_KEY),)
    assert len(after.leases) == 1


def test_a_slot_or_a_code_of_a_lease_is_not_taken_a_second_time() -> None:
    held = lease(Stage.WRITTEN, Proof.MATCHED, key=OTHER_KEY, code=NEW_CODE)
    after = recovered(after_loss(lost(), leases=[held], slots=FULL), SECRET).situation
    assert after.leases == (held,)
    twice: dict[int, Observation] = {1: SHOWN, 2: SHOWN, 3: EMPTY}
    after = recovered(after_loss(lost(), lost(2), slots=twice), SECRET).situation
    assert [x.slot for x in after.leases] == [1]
    assert after.lost == ()


def test_a_key_by_hand_waits_until_somebody_speaks_of_it() -> None:
    s = after_loss(lost(key=BY_HAND), slots=FULL)
    assert recovered(s, SECRET).situation.lost == s.lost
    assert not unsettled(s)  # meanwhile it is respected, and holds up nobody
    wishes = [claim(), claim(BY_HAND)]
    after = recovered(after_loss(lost(key=BY_HAND), claims=wishes, slots=FULL), SECRET).situation
    assert [x.key_id for x in after.leases] == [BY_HAND]


def test_a_commissioning_of_a_lost_database_is_over() -> None:
    """Suffering 27: its code does not stay on the lock"""
    s = after_loss(lost(key=key_id(LOCK)), claims=[], slots=FULL)
    after = recovered(s, SECRET).situation
    assert after.lost == ()
    assert isinstance(plan(after, NOW, TICK).step, Clear)


def test_a_backup_has_the_code_again_that_lies_there() -> None:
    wish = claim(BACKUP.key_id, NEW_CODE)
    outcome = recovered(after_loss(lost(key=wish.key_id), claims=[wish], slots=FULL), SECRET)
    assert outcome.recoded == ((BACKUP.key_id, CODE),)
    assert outcome.situation.claims[BACKUP.key_id].code == CODE
    assert outcome.events == (
        BackupReady(LOCK, "Backup-1", CODE.digits),
        CodeConfirmed(BACKUP.key_id, LOCK, Proof.MATCHED, NOON),
    )


# --- what was written after the last word ------------------------------------------------------


def echoed(
    slots: Mapping[int, Observation],
    foreign: Iterable[int] = (),
    *,
    claims: Iterable[Claim] | None = None,
    leases: Iterable[Lease] = (),
) -> Situation:
    """A lock whose key's code the cloud has echoed, and `reported` did not know."""
    there = after_loss(claims=claims, leases=leases, slots=slots)
    return replace(there, echoed=(KEY,), foreign=frozenset(foreign))


def test_a_code_that_the_cloud_echoes_and_the_lock_shows_once_is_ours() -> None:
    outcome = recovered(echoed(FULL), SECRET)
    (ours,) = outcome.situation.leases
    assert (ours.key_id, ours.code, ours.slot, ours.proof) == (KEY, CODE, 1, Proof.MATCHED)
    assert outcome.events == (CodeConfirmed(KEY, LOCK, Proof.MATCHED, NOON),)
    assert outcome.situation.echoed == ()
    assert not isinstance(plan(outcome.situation, NOW, TICK).step, Take)


@pytest.mark.parametrize(
    ("slots", "foreign"),
    [
        (FULL, {1}),
        (FULL | {2: SHOWN}, ()),
        (FULL | {1: Occupied(NOON)}, ()),
        (FULL | {1: Holds(NOON, THEIRS)}, ()),
    ],
    ids=["a person's then", "there twice", "masked", "another"],
)
def test_what_may_be_a_persons_is_not_taken_over(
    slots: Mapping[int, Observation], foreign: Iterable[int]
) -> None:
    # S1-11
    outcome = recovered(echoed(slots, foreign), SECRET)
    assert outcome.situation.leases == ()
    assert outcome.situation.echoed == ()


def test_a_slot_of_another_lease_is_not_taken_over() -> None:
    outcome = recovered(
        echoed(FULL, leases=[replace(proven(), key_id=OTHER_KEY, code=NEW_CODE)]), SECRET
    )
    assert [x.key_id for x in outcome.situation.leases] == [OTHER_KEY]


def test_it_is_found_elsewhere_than_where_a_backup_knew_it() -> None:
    moved = lease(Stage.MOVED, slot=2)
    (ours,) = recovered(echoed(FULL, leases=[moved]), SECRET).situation.leases
    assert ours.slot == 1


def test_a_lock_shows_all_that_it_holds_before_a_code_is_written_again() -> None:
    there = replace(echoed({2: EMPTY}), inventoried=False)
    assert recovered(there, SECRET).situation == there
    assert not isinstance(plan(there, NOW, TICK).step, Take)


def test_an_echoed_key_that_has_no_claim_any_more_is_forgotten() -> None:
    outcome = recovered(echoed(FULL, claims=()), SECRET)
    assert (outcome.situation.leases, outcome.situation.echoed) == ((), ())
