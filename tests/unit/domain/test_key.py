"""What a reservation gives its guest, and at which doors."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code, CodeRules
from gatewayd.domain.ids import KeyId, LockId, PropertyId, ReservationId
from gatewayd.domain.key import Basis, Door, key_for, waits_for
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.override import Override
from gatewayd.domain.policy import (
    ExternalDelete,
    Generate,
    LabelFrom,
    MissingPhone,
    PinSource,
    Policy,
    PolicyPatch,
    ProvisionAt,
)
from gatewayd.domain.reservation import Guest, Kind, Reservation
from gatewayd.domain.retry import Retry
from gatewayd.domain.site import Lock, Property, Site
from gatewayd.errors import Reason, Rejected

GATE, DOOR = LockId("gate"), LockId("door")
FLAT = Property(PropertyId("flat"), "Flat", (GATE, DOOR), check_in=time(15), check_out=time(11))
LOCKS = {x: Lock(x, str(x), "zwave", "7") for x in (GATE, DOOR)}
SITE = Site(1, ZoneInfo("UTC"), {FLAT.id: FLAT}, LOCKS)
BOOKING = Reservation(ReservationId("R1"), 1, FLAT.id, date(2026, 7, 1), date(2026, 7, 4), "HMA4XT")
START = datetime(2026, 7, 1, 14, tzinfo=UTC)
ABLE = {
    GATE: Capabilities(code=CodeRules(4, 6), label_length=3),
    DOOR: Capabilities(code=CodeRules(6, 8), label_length=5, enforces_windows=True),
}


def based_on(reservation: Reservation) -> Basis:
    """Staff has said nothing."""
    return Basis(reservation.key_id, reservation)


def test_a_key_opens_all_doors_of_its_property_within_its_window() -> None:
    """S1-1, S1-2, S1-7: one code for all, each door in its own time."""
    key = key_for(SITE, based_on(BOOKING), ABLE)
    assert key is not None
    assert (key.id, key.reservation_id) == ("res:R1", "R1")
    assert key.window == Window(START, datetime(2026, 7, 4, 12, tzinfo=UTC))
    assert key.doors == {
        GATE: Door(START - timedelta(minutes=10)),
        DOOR: Door(START - timedelta(hours=72)),
    }
    assert key.rules == CodeRules(6, 6)
    assert key.label == "HMA4X"
    assert key.policy == Policy()


def test_a_lock_not_yet_seen_is_taken_for_the_simplest() -> None:
    """S1-7, S1-19: hub-timed, without labels."""
    key = key_for(SITE, based_on(BOOKING), {})
    assert key is not None
    assert set(key.doors.values()) == {Door(START - timedelta(minutes=10))}
    assert key.label == ""


def test_a_lock_not_yet_seen_is_taken_for_what_all_of_its_kind_can() -> None:
    """S1-7: any Nuki keeps the window, and shows twenty characters."""
    site = replace(SITE, locks=LOCKS | {DOOR: replace(LOCKS[DOOR], driver="nuki")})
    key = key_for(site, based_on(BOOKING), {})
    assert key is not None
    assert key.doors[GATE].due == START - timedelta(minutes=10)
    assert key.doors[DOOR].due == START - timedelta(hours=72)
    assert key.label == "HMA4XT"


@pytest.mark.parametrize(
    ("low", "policy", "hours"),
    [
        ((), {}, 72),
        ((GATE, DOOR), {}, 144),
        ((GATE,), {}, 72),
        ((DOOR,), {"write_lead": timedelta(hours=10)}, 20),
    ],
)
def test_codes_go_in_earlier_where_a_battery_is_low_and_the_lock_keeps_the_window(
    low: tuple[LockId, ...], policy: PolicyPatch, hours: int
) -> None:
    """S1-25; never where the hub times the code."""
    able = ABLE | {GATE: Capabilities(can_disable=True)}
    locks = {DOOR: replace(LOCKS[DOOR], policy=policy), GATE: LOCKS[GATE]}
    key = key_for(replace(SITE, locks=locks), based_on(BOOKING), able, low)
    assert key is not None
    assert key.doors[DOOR] == Door(START - timedelta(hours=hours))
    assert key.doors[GATE] == Door(START - timedelta(hours=72))
    early = timedelta(hours=20 if policy else 144)
    assert (key.doors[DOOR].earliest, key.doors[GATE].earliest) == (START - early, None)
    hub_timed = key_for(SITE, based_on(BOOKING), {}, (GATE, DOOR))
    assert hub_timed is not None
    assert set(hub_timed.doors.values()) == {Door(START - timedelta(minutes=10))}


@pytest.mark.parametrize(
    ("earliest", "before", "now", "stays"),
    [
        (START - timedelta(hours=144), START - timedelta(hours=144), START, True),
        (START - timedelta(hours=144), START - timedelta(hours=100), START, True),
        (START - timedelta(hours=144), START - timedelta(hours=145), START, False),
        (START - timedelta(hours=144), START - timedelta(hours=72), START, False),  # nor early
        (None, START - timedelta(hours=144), START, False),  # it never goes early there
        (  # it has not come yet
            START - timedelta(hours=144),
            START - timedelta(hours=144),
            START - timedelta(hours=144, seconds=1),
            False,
        ),
    ],
)
def test_a_code_that_came_early_stays_when_the_battery_is_well_again(
    earliest: datetime | None, before: datetime, now: datetime, stays: bool
) -> None:
    """S1-25: to take it off and write it again would cost more."""
    door = Door(START - timedelta(hours=72), earliest=earliest)
    assert door.stays(before, Now.exactly(now)) is stays


@pytest.mark.parametrize(
    ("word", "label_from", "name"),
    [
        (None, LabelFrom.CODE, None),
        (None, LabelFrom.NAME, "Ada"),
        ("Bob", LabelFrom.CODE, "Bob"),
        ("Bob", LabelFrom.NAME, "Bob"),
    ],
)
def test_a_key_has_a_name_where_that_is_wished_or_said(
    word: str | None, label_from: LabelFrom, name: str | None
) -> None:
    """S1-21, S2-11: it must fit the shortest label; the reservation code is cut by the lock."""
    booking = replace(BOOKING, guest=Guest("Ada King"), policy={"label": label_from})
    able = {GATE: Capabilities(label_length=4), DOOR: Capabilities(label_length=20)}
    key = key_for(SITE, Basis(booking.key_id, booking, Override(name=word)), able)
    assert key is not None
    assert (key.name, key.label, key.guest) == (name, "HMA4XT", "ada king")


def test_the_policy_of_a_lock_counts_at_that_lock_alone() -> None:
    """S1-8, S1-12, S1-17: narrower than the property's, wider than the key's."""
    of_lock: PolicyPatch = {
        "verify_after": timedelta(seconds=5),
        "retry": Retry.DAILY,
        "external_delete": ExternalDelete.RESTORE,
        "free_slot_after": timedelta(hours=1),
    }
    site = replace(SITE, locks=LOCKS | {DOOR: replace(LOCKS[DOOR], policy=of_lock)})
    key = key_for(site, based_on(replace(BOOKING, policy={"retry": Retry.LADDER})), ABLE)
    assert key is not None
    assert key.doors[GATE] == Door(START - timedelta(minutes=10))
    assert key.doors[DOOR] == Door(
        START - timedelta(hours=72),
        verify_after=timedelta(seconds=5),
        retry=Retry.LADDER,
        external_delete=ExternalDelete.RESTORE,
        free_slot_after=timedelta(hours=1),
    )


def test_the_narrower_policy_is_the_keys() -> None:
    """Site, property, reservation."""
    flat = replace(FLAT, policy={"segment": 3, "grace_before": timedelta(hours=5)})
    site = replace(SITE, policy={"pin_length": 5, "segment": 2}, properties={FLAT.id: flat})
    key = key_for(site, based_on(replace(BOOKING, policy={"grace_before": timedelta()})), {})
    assert key is not None
    assert key.policy == Policy(pin_length=5, segment=3, grace_before=timedelta())
    assert key.window.start == START + timedelta(hours=1)


@pytest.mark.parametrize(
    "booking", [replace(BOOKING, confirmed=False), replace(BOOKING, kind=Kind.BLOCK)]
)
def test_what_gives_no_access_gives_no_key(booking: Reservation) -> None:
    """S1-13, S2-9."""
    assert key_for(SITE, based_on(booking), {}) is None


def test_blocked_time_gets_a_key_where_the_policy_says_so() -> None:
    """S2-9: mutual blocks never."""
    blocks: PolicyPatch = {"blocks": True}
    block = replace(BOOKING, kind=Kind.BLOCK, policy=blocks)
    assert key_for(SITE, based_on(block), {}) is not None
    assert key_for(SITE, based_on(replace(block, kind=Kind.MUTUAL_BLOCK)), {}) is None


MANUAL: PolicyPatch = {"generate": Generate.MANUAL}
AT_CHECK_IN: PolicyPatch = {"generate": Generate.AT_CHECK_IN}
AHEAD: dict[str, object] = {"generate": Generate.BEFORE_ARRIVAL, "generate_days": 5}
BY_PHONE: dict[str, object] = {"pin_source": PinSource.PHONE, "missing_phone": MissingPhone.WAIT}
FIVE_DAYS_BEFORE = START - timedelta(days=5)
REACHABLE = Guest("Ada", phone="+41795558347")


@pytest.mark.parametrize(
    ("policy", "booking", "existing", "now", "waits"),
    [
        ({}, BOOKING, False, START, None),
        ({}, BOOKING, True, START, None),
        ({"existing_bookings": False}, BOOKING, True, START, (Reason.NOT_DUE, None)),
        ({"existing_bookings": False}, BOOKING, False, START, None),
        (MANUAL, BOOKING, False, START, (Reason.NOT_DUE, None)),
        (MANUAL, replace(BOOKING, code=Code("364758")), False, START, None),
        (AT_CHECK_IN, BOOKING, False, START, (Reason.AWAITING_CHECK_IN, None)),
        (AT_CHECK_IN, replace(BOOKING, checked_in=START), False, START, None),
        ({}, replace(BOOKING, checked_in=START), False, START, None),
        (
            AHEAD,
            BOOKING,
            False,
            FIVE_DAYS_BEFORE - timedelta(seconds=1),
            (Reason.NOT_DUE, FIVE_DAYS_BEFORE),
        ),
        (AHEAD, BOOKING, False, FIVE_DAYS_BEFORE, None),
        (AHEAD | BY_PHONE, BOOKING, False, FIVE_DAYS_BEFORE, (Reason.PHONE_MISSING, None)),
        (BY_PHONE, BOOKING, False, START, (Reason.PHONE_MISSING, None)),
        (BY_PHONE, replace(BOOKING, guest=REACHABLE), False, START, None),
        (BY_PHONE | {"missing_phone": MissingPhone.RANDOM}, BOOKING, False, START, None),
        (BY_PHONE | {"pin_source": PinSource.RANDOM}, BOOKING, False, START, None),
    ],
)
def test_a_key_waits_for_its_code_as_its_policy_says(
    policy: PolicyPatch,
    booking: Reservation,
    existing: bool,
    now: datetime,
    waits: tuple[Reason, datetime | None] | None,
) -> None:
    """S2-7, S2-8, S2-13: and says when to look again, where time alone brings it."""
    basis = based_on(replace(booking, policy=policy))
    key = key_for(SITE, basis, {})
    assert key is not None
    assert waits_for(key, basis, Now.exactly(now), existing=existing) == waits


def test_a_key_by_hand_does_not_wait() -> None:
    """S3-1: staff wants it now."""
    local = datetime(2026, 7, 1, 9)  # noqa: DTZ001  # as staff types it
    word = Override(add=(DOOR,), starts=local, ends=local + timedelta(days=1), policy=MANUAL)
    basis = Basis(KeyId("cleaner"), None, word)
    key = key_for(SITE, basis, {})
    assert key is not None
    assert waits_for(key, basis, Now.exactly(START), existing=True) is None
    assert key.doors[DOOR].withheld is None


def test_a_property_without_a_lock_is_fine() -> None:
    """S2-12: no code, no error."""
    bare = replace(SITE, properties={FLAT.id: replace(FLAT, locks=())})
    assert key_for(bare, based_on(BOOKING), {}) is None


@pytest.mark.parametrize(
    ("lock", "booking", "reason"),
    [
        (
            replace(LOCKS[DOOR], allow_provisioning=False),
            BOOKING,
            Reason.PROVISIONING_DISABLED_DOOR,
        ),
        (
            LOCKS[DOOR],
            replace(BOOKING, allow_provisioning=False),
            Reason.PROVISIONING_DISABLED_KEY,
        ),
        (replace(LOCKS[DOOR], active=False), BOOKING, Reason.LOCK_INACTIVE),
        (LOCKS[DOOR], BOOKING, None),
        (
            replace(LOCKS[DOOR], policy={"provision_at": ProvisionAt.CHECK_IN}),  # S3-17
            BOOKING,
            Reason.AWAITING_CHECK_IN,
        ),
        (
            replace(LOCKS[DOOR], policy={"provision_at": ProvisionAt.CHECK_IN}),
            replace(BOOKING, checked_in=START),
            None,
        ),
    ],
)
def test_door_and_reservation_must_both_allow(
    lock: Lock, booking: Reservation, reason: Reason | None
) -> None:
    """S3-9, S3-20, S2-20."""
    key = key_for(replace(SITE, locks={**LOCKS, DOOR: lock}), based_on(booking), {})
    assert key is not None
    assert key.doors[DOOR].withheld is reason


@pytest.mark.parametrize(
    ("site", "change", "reason"),
    [
        (None, lambda b: b, Reason.MAPPING_UNKNOWN),
        (SITE, lambda b: replace(b, property_id=PropertyId("hut")), Reason.MAPPING_UNKNOWN),
        (SITE, lambda b: replace(b, departure=date(2026, 6, 1)), Reason.DATES_REVERSED),
        (
            replace(SITE, properties={FLAT.id: replace(FLAT, check_in=None)}),
            lambda b: b,
            Reason.TIMES_MISSING,
        ),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_its_reason(
    site: Site | None, change: Callable[[Reservation], Reservation], reason: Reason
) -> None:
    """S2-5, suffering 20."""
    with pytest.raises(Rejected) as refused:
        key_for(site, based_on(change(BOOKING)), {})
    assert refused.value.reason is reason


def test_locks_without_a_common_form_give_no_key() -> None:
    """S1-1: two codes are never given."""
    able = {GATE: Capabilities(code=CodeRules(4, 4)), DOOR: Capabilities(code=CodeRules(6, 6))}
    with pytest.raises(Rejected) as refused:
        key_for(SITE, based_on(BOOKING), able)
    assert refused.value.reason is Reason.RULES_CONFLICT


LAST_WORD = Override(ends=datetime(2026, 7, 9, 23, 59))  # noqa: DTZ001  # local, without a zone


@pytest.mark.parametrize(
    ("basis", "over"),
    [
        (based_on(BOOKING), datetime(2026, 7, 7, tzinfo=UTC)),
        (Basis(BOOKING.key_id, BOOKING, LAST_WORD), datetime(2026, 7, 12, tzinfo=UTC)),
        (Basis(KeyId("cleaner"), None, LAST_WORD), datetime(2026, 7, 12, tzinfo=UTC)),
        (based_on(replace(BOOKING, checked_out=START)), START),
    ],
    ids=["booked", "staff's word", "by hand", "left early"],
)
def test_a_stay_is_surely_over_two_days_after_its_last_one_or_when_the_guest_has_left(
    basis: Basis, over: datetime
) -> None:
    """S2-15: whatever its zone and its times, which may be unknown."""
    assert basis.surely_over(Now.exactly(over))
    assert not basis.surely_over(Now.exactly(over - timedelta(seconds=1)))
    assert not basis.surely_over(Now(over - timedelta(seconds=1), over + timedelta(days=1)))


def test_a_key_by_hand_without_an_end_is_never_over() -> None:
    forever = Now.exactly(datetime(2999, 1, 1, tzinfo=UTC))
    assert not Basis(KeyId("cleaner"), None, Override(name="Ada")).surely_over(forever)
