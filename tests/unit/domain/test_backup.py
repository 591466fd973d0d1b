"""Backup codes: ids, what a pool needs, who gets one; and their place on a lock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gatewayd.domain.backup import Backup, Held, Need, backup_of, key, needs, pick, withheld
from gatewayd.domain.capabilities import NUKI, Capabilities
from gatewayd.domain.code import DEFAULT_FORM, Code
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.backup import BackupReady, BackupUsed
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.observed import observed
from gatewayd.domain.plan import Clear, Plan, Take, Write, plan
from gatewayd.domain.policy import Policy
from gatewayd.domain.report import Used
from gatewayd.domain.reported import reported
from gatewayd.domain.site import Lock
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Entry, Holds
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    CODE,
    KEY,
    LOCK,
    NEW_CODE,
    NOON,
    NOW,
    OTHER_KEY,
    TICK,
    claim,
    lease,
    situation,
)

FIRST, SECOND = Backup(LOCK, 1), Backup(LOCK, 2)
GOOD = Held(Code("364758"), proven=True)
ODD = Held(Code("1234"), proven=True)
OURS = Lock(LOCK, "Front", "zwave", "2")


@pytest.mark.parametrize("lock", ["front", "a:b", "backup:1"])
def test_a_backup_is_found_by_its_key(lock: str) -> None:
    backup = Backup(LockId(lock), 12)
    assert backup_of(backup.key_id) == backup
    assert (backup.label, backup.subject) == ("Backup-12", f"{lock}/Backup-12")  # S0-3


@pytest.mark.parametrize("key", ["res:R1", "cleaner", "backup", "backup:front", "backup:front:x"])
def test_other_keys_are_no_backups(key: str) -> None:
    assert backup_of(KeyId(key)) is None


@pytest.mark.parametrize(
    ("pool", "held", "wanted"),
    [
        (0, {}, []),
        (2, {}, [(1, Need.NEW), (2, Need.NEW)]),
        (2, {1: GOOD, 2: GOOD}, []),
        (3, {1: GOOD, 3: GOOD}, [(2, Need.NEW)]),
        (1, {1: GOOD, 2: GOOD}, [(2, Need.DROPPED)]),
        (1, {1: GOOD, 2: replace(GOOD, issued_to=KEY)}, []),
        (1, {1: GOOD, 2: replace(GOOD, issued_to=KEY, over=True)}, [(2, Need.DROPPED)]),
        (1, {1: replace(GOOD, issued_to=KEY, over=True)}, [(1, Need.ROTATED)]),
        (0, {1: replace(GOOD, issued_to=KEY)}, []),
        (1, {1: ODD}, [(1, Need.ROTATED)]),
        (1, {1: replace(ODD, issued_to=KEY)}, []),
        (1, {1: replace(GOOD, withheld=Reason.LOCK_INACTIVE)}, [(1, Need.AMENDED)]),
    ],
)
def test_what_a_pool_needs(pool: int, held: dict[int, Held], wanted: list[object]) -> None:
    """S0-2, S0-6"""
    assert [*needs(pool, DEFAULT_FORM, None, held)] == wanted


@pytest.mark.parametrize(
    ("held", "number"),
    [
        ({}, None),
        ({1: replace(GOOD, proven=False), 2: GOOD}, 2),
        ({1: replace(GOOD, issued_to=OTHER_KEY), 2: GOOD, 3: GOOD}, 2),
        ({1: GOOD, 2: replace(GOOD, issued_to=KEY)}, 2),
        ({1: GOOD, 2: replace(GOOD, issued_to=KEY, proven=False)}, 1),
        ({1: replace(GOOD, issued_to=OTHER_KEY)}, None),
    ],
)
def test_who_gets_which(held: dict[int, Held], number: int | None) -> None:
    """S0-4: one guest per backup, and one backup per guest while it works"""
    assert pick(held, KEY) == number


def test_the_key_of_a_backup_has_no_end() -> None:
    """S0-2"""
    policy = Policy(backup_pool=5)
    made = key(FIRST, OURS, policy, NUKI, NOW)
    assert (made.id, made.policy) == (FIRST.key_id, policy)
    assert made.window == Window(NOON, FOREVER)
    assert (made.label, made.reservation_id, made.rules) == ("Backup-1", None, NUKI.code)
    assert [(id_, door.due, door.withheld) for id_, door in made.doors.items()] == [
        (LOCK, NOON, None)
    ]
    shut = replace(OURS, allow_provisioning=False)
    assert withheld(shut) is Reason.PROVISIONING_DISABLED_DOOR  # S3-20
    (door,) = key(FIRST, shut, policy, NUKI, NOW).doors.values()
    assert door.withheld is Reason.PROVISIONING_DISABLED_DOOR
    short = replace(NUKI, label_length=6)
    assert key(FIRST, OURS, policy, short, NOW).label == "Backup"


# --- on a lock ---------------------------------------------------------------------------------


def spare(backup: Backup, code: Code = NEW_CODE, issued_to: KeyId | None = None) -> Claim:
    """What a backup wants at the lock."""
    return Claim(backup.key_id, code, Window(NOON, FOREVER), NOON, issued_to=issued_to)


def there(backup: Backup, slot: int, code: Code = NEW_CODE) -> Lease:
    """A backup that the lock has shown."""
    return lease(Stage.WRITTEN, Proof.MATCHED, key=backup.key_id, code=code, slot=slot)


def full(*extra: Claim, issued_to: KeyId | None = None) -> Situation:
    """A lock of two slots, in both a backup; the first may be a guest's."""
    codes = Code("364758"), Code("475869")
    claims = [spare(FIRST, codes[0], issued_to), spare(SECOND, codes[1]), *extra]
    leases = [there(FIRST, 1, codes[0]), there(SECOND, 2, codes[1])]
    seen = {n: Holds(NOON, code) for n, code in enumerate(codes, 1)}
    return situation(claims, leases, seen, size=2)


@pytest.mark.parametrize(
    "able",
    [
        Capabilities(enforces_windows=True),
        Capabilities(can_disable=True),
        Capabilities(),
        NUKI,
    ],
    ids=["window", "disable", "plain", "list"],
)
def test_what_has_no_end_has_no_limits(able: Capabilities) -> None:
    """S0-2"""
    assert spare(FIRST).entry(able, NOW) == Entry(NEW_CODE)


def test_guests_come_first_and_backups_last() -> None:
    """S1-19: though the guest comes in an hour and the backup is wanted at once"""
    guest = claim(start=NOON.replace(hour=13), due=NOON)
    s = situation([spare(FIRST), guest], size=3)
    assert plan(s, NOW, TICK).step == Take(KEY, CODE, 1)


@pytest.mark.parametrize(("reason", "tried"), [(Reason.REFUSED, True), (Reason.LOCK_FULL, False)])
def test_a_backup_for_which_a_lock_has_no_room_is_not_tried_until_the_daily_check(
    reason: Reason, tried: bool
) -> None:
    """S1-19: nobody waits for it; a guest's is tried on."""
    held = lease(key=FIRST.key_id, code=NEW_CODE, reason=reason)
    s = situation([spare(FIRST)], [held], {1: Empty(NOON)})
    assert plan(s, NOW, TICK).step == (Write(held, Entry(NEW_CODE)) if tried else None)
    guests = replace(s, claims={FIRST.key_id: spare(FIRST, issued_to=KEY)})
    assert isinstance(plan(guests, NOW, TICK).step, Write)
    assert plan(situation([spare(FIRST)]), NOW, TICK) == Plan(Take(FIRST.key_id, NEW_CODE, 1))


def test_the_last_backup_makes_room_for_a_guest() -> None:
    """S1-19"""
    s = full(claim())
    assert plan(s, NOW, TICK).step == Clear(s.leases[1])
    assert s.rightful(s.leases[0], NOW)


@pytest.mark.parametrize(
    "s",
    [
        full(),
        full(claim(withheld=Reason.AWAITING_CHECK_IN)),
        full(claim(due=NOON.replace(hour=13))),
    ],
    ids=["nobody comes", "withheld", "not due"],
)
def test_a_backup_stays_while_nobody_needs_its_slot(s: Situation) -> None:
    """S0-2"""
    assert all(s.rightful(lease, NOW) for lease in s.leases)


def test_two_guests_take_two_slots() -> None:
    """S1-19"""
    s = full(claim(), claim(OTHER_KEY, Code("586974")))
    assert not any(s.rightful(lease, NOW) for lease in s.leases)


def test_a_guests_backup_stays() -> None:
    """S1-19"""
    s = full(claim(), claim(OTHER_KEY, Code("586974")), issued_to=KeyId("res:R3"))
    assert [s.rightful(lease, NOW) for lease in s.leases] == [True, False]


def test_a_lock_that_refuses_a_guest_as_too_many_loses_a_backup() -> None:
    """S1-19: it numbers its codes itself"""
    refused = lease(Stage.TAKEN, slot=None, reason=Reason.LOCK_FULL)
    roomy = replace(full(claim()), capabilities=NUKI)
    assert all(roomy.rightful(lease, NOW) for lease in roomy.leases)
    s = roomy.with_lease(refused)
    assert [s.rightful(x, NOW) for x in s.leases] == [True, False, True]


def test_a_backup_does_not_give_way_to_who_comes_tomorrow() -> None:
    """S1-19: those who are there, backups, arrivals"""
    tomorrow = claim(start=NOON + timedelta(days=1), end=NOON + timedelta(days=2), due=NOON)
    s = full(tomorrow)
    assert s.turned_away(NOW) == (KEY,)
    assert all(s.rightful(lease, NOW) for lease in s.leases)
    assert plan(s, NOW, TICK) == Plan(None, 86_400.0 - 600.0)
    door = Now.exactly(tomorrow.window.start - timedelta(minutes=10))
    assert not all(s.rightful(lease, door) for lease in s.leases)


def test_only_guests_without_a_slot_are_told() -> None:
    """S1-19: lock.full names no backup"""
    codes = Code("364758"), Code("475869")
    taken = {n: Holds(NOON, code) for n, code in enumerate(codes, 1)}
    s = situation([claim(), spare(FIRST)], slots=taken, size=2)
    assert set(s.crowded_out(NOW)) == {KEY, FIRST.key_id}
    assert s.turned_away(NOW) == (KEY,)


def test_a_proven_backup_is_ready() -> None:
    """S0-2"""
    written = lease(Stage.WRITTEN, Proof.ACCEPTED, key=FIRST.key_id, code=NEW_CODE)
    s = situation([spare(FIRST)], [written])
    outcome = observed(s, 1, Holds(NOON, NEW_CODE), NOW, TICK)
    assert outcome.events == (
        CodeConfirmed(FIRST.key_id, LOCK, Proof.MATCHED, NOON),
        BackupReady(LOCK, "Backup-1", NEW_CODE.digits),
    )
    again = observed(outcome.situation, 1, Holds(NOON, NEW_CODE), NOW, TICK)
    assert again.events == ()


@pytest.mark.parametrize(
    ("claims", "events"),
    [
        (
            [spare(FIRST, issued_to=KeyId("res:R1"))],
            [BackupUsed(LOCK, "Backup-1", KeyId("res:R1"), ReservationId("R1"))],
        ),
        (
            [spare(FIRST, issued_to=KeyId("cleaner"))],
            [BackupUsed(LOCK, "Backup-1", KeyId("cleaner"))],
        ),
        (
            [spare(FIRST)],
            [
                BackupUsed(LOCK, "Backup-1"),
                raised(AlertCode.BACKUP_UNEXPLAINED, FIRST.subject),
            ],
        ),
        (
            [spare(FIRST, code=Code("364758"), issued_to=KeyId("res:R1"))],  # changed meanwhile
            [
                BackupUsed(LOCK, "Backup-1"),
                raised(AlertCode.BACKUP_UNEXPLAINED, FIRST.subject),
            ],
        ),
        (
            [],  # it is on its way out
            [
                BackupUsed(LOCK, "Backup-1"),
                raised(AlertCode.BACKUP_UNEXPLAINED, FIRST.subject),
            ],
        ),
    ],
    ids=["guest", "by hand", "nobody", "old code", "dropped"],
)
def test_whose_backup_was_used(claims: list[Claim], events: list[object]) -> None:
    """S0-3"""
    s = situation(claims, [there(FIRST, 1)])
    told = reported(s, Used(1, opened=True), NOW, TICK).events
    assert [*told[-len(events) :]] == events


def test_a_guests_own_code_is_no_backup() -> None:
    """S0-3"""
    s = situation([claim()], [lease(Stage.WRITTEN, Proof.MATCHED)])
    told = reported(s, Used(1, opened=True), NOW, TICK).events
    assert not any(isinstance(event, BackupUsed) for event in told)
