"""Staff's word: laid over a reservation's key, or a key of its own. S3-1"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours, Timetable
from gatewayd.domain.ids import KeyId, LockId, PropertyId, ReservationId
from gatewayd.domain.key import Basis, Key, key_for
from gatewayd.domain.moment import Window
from gatewayd.domain.override import Override
from gatewayd.domain.reservation import Guest, Kind, Reservation
from gatewayd.domain.site import Lock, Property, Site
from gatewayd.errors import Reason, Rejected

GATE, DOOR, SHED, GONE = LockId("gate"), LockId("door"), LockId("shed"), LockId("gone")
HOME = ZoneInfo("Europe/Zurich")
FLAT = Property(PropertyId("flat"), "Flat", (GATE, DOOR), check_in=time(15), check_out=time(11))
FAR = replace(FLAT, id=PropertyId("far"), zone=ZoneInfo("Asia/Tokyo"))
SITE = Site(
    1,
    HOME,
    {x.id: x for x in (FLAT, FAR)},
    {x: Lock(x, str(x), "zwave", "7") for x in (GATE, DOOR, SHED)},
    {"grace_before": timedelta(), "pin_length": 5},
)
BOOKING = Reservation(
    ReservationId("R1"),
    1,
    FLAT.id,
    date(2026, 7, 1),
    date(2026, 7, 4),
    "HMA4XT",
    guest=Guest("Ada"),
)
CLEANER = KeyId("cleaner")
START, END = datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 4, 10, tzinfo=UTC)
"""Of the reservation's window: no grace before, an hour after."""


def local(day: int, hour: int, month: int = 7, minute: int = 0) -> datetime:
    """As staff types it."""
    return datetime(2026, month, day, hour, minute)  # noqa: DTZ001  # local to the site or property


def utc(day: int, hour: int, minute: int = 0, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def said(word: Override, booking: Reservation | None = BOOKING) -> Key | None:
    """The key of a reservation, or one by hand, with staff's word on it."""
    return key_for(SITE, Basis(booking.key_id if booking else CLEANER, booking, word), {})


def made(word: Override, booking: Reservation | None = BOOKING) -> Key:
    """The same; there is one."""
    key = said(word, booking)
    assert key is not None
    return key


# --- doors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "doors"),
    [
        (Override(), [GATE, DOOR]),
        (Override(add=(SHED,)), [GATE, DOOR, SHED]),
        (Override(add=(DOOR, SHED)), [GATE, DOOR, SHED]),  # once
        (Override(remove=frozenset({GATE})), [DOOR]),
        (Override(revoked_doors=frozenset({DOOR})), [GATE]),
        (Override(remove=frozenset({GATE}), revoked_doors=frozenset({DOOR})), []),
        (Override(add=(SHED,), revoked_doors=frozenset({SHED})), [GATE, DOOR]),
        (Override(revoked=True), []),
        (Override(revoked=True, restored_doors=frozenset({DOOR})), [DOOR]),
        (Override(restored_doors=frozenset({DOOR})), [GATE, DOOR]),
    ],
)
def test_staff_adds_and_takes_doors(word: Override, doors: list[LockId]) -> None:
    """S3-5, S3-12"""
    assert [*word.doors(FLAT.locks)] == doors
    key = said(word)
    assert [*(key.doors if key else ())] == doors


def test_a_door_that_the_site_no_longer_has_is_left_out() -> None:
    """S3-5: staff named it when it was there."""
    assert [*made(Override(add=(GONE, SHED))).doors] == [GATE, DOOR, SHED]
    by_hand = Override(add=(GONE,), starts=local(1, 9), ends=local(2, 9))
    assert said(by_hand, None) is None


@pytest.mark.parametrize(
    ("word", "lost"),
    [
        (Override(), False),
        (Override(add=(SHED,)), False),
        (Override(add=(GONE,)), True),
        (Override(add=(SHED, GONE)), True),
        (Override(add=(GATE, DOOR, SHED)), False),  # all that there are
        (Override(add=(GONE,), remove=frozenset({GONE})), False),
        (Override(add=(GONE,), revoked=True), False),
    ],
)
def test_a_door_that_staff_named_and_the_site_lost_is_noticed(word: Override, lost: bool) -> None:
    """S3-9: while the key can open anything."""
    basis = Basis(BOOKING.key_id, BOOKING, word)
    assert basis.lost_doors(SITE) is lost
    assert not basis.lost_doors(None)
    cancelled = replace(basis, reservation=replace(BOOKING, confirmed=False))
    assert not cancelled.lost_doors(SITE)


@pytest.mark.parametrize("booking", [BOOKING, None])
def test_a_revoked_key_opens_nothing(booking: Reservation | None) -> None:
    """S3-12"""
    word = Override(add=(SHED,), starts=local(1, 9), ends=local(2, 9))
    assert said(word, booking) is not None
    assert said(replace(word, revoked=True), booking) is None


@pytest.mark.parametrize(
    "booking", [replace(BOOKING, confirmed=False), replace(BOOKING, kind=Kind.MUTUAL_BLOCK)]
)
def test_a_cancellation_beats_staffs_word(booking: Reservation) -> None:
    """S1-13, S3-1"""
    word = Override(add=(SHED,), starts=local(1, 9), ends=local(2, 9))
    assert said(word, booking) is None


def test_where_staff_has_said_nothing_there_is_no_key_by_hand() -> None:
    """S3-1"""
    nothing = Basis(CLEANER, None)
    assert not nothing.may_open
    assert key_for(SITE, nothing, {}) is None


# --- times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "booking", "opens"),
    [
        (Override(), BOOKING, Window(START, END)),
        (Override(starts=local(2, 9)), BOOKING, Window(utc(2, 7), END)),
        (Override(ends=local(3, 9)), BOOKING, Window(START, utc(3, 7))),
        (Override(starts=local(2, 9), ends=local(8, 9)), BOOKING, Window(utc(2, 7), utc(8, 7))),
        (
            Override(starts=local(2, 9), ends=local(3, 9)),
            replace(BOOKING, property_id=FAR.id),  # it is nine there
            Window(utc(2, 0), utc(3, 0)),
        ),
        (
            Override(ends=local(3, 9)),
            replace(BOOKING, checked_out=utc(2, 12)),
            Window(START, utc(2, 12)),
        ),
        (Override(), replace(BOOKING, checked_out=utc(2, 12)), Window(START, utc(2, 12))),
        (Override(), replace(BOOKING, checked_out=utc(9, 12)), Window(START, END)),
        (
            Override(add=(SHED,), starts=local(2, 9), ends=local(3, 9)),
            None,
            Window(utc(2, 7), utc(3, 7)),
        ),
        (
            # 25 October: 02:30 comes twice
            Override(add=(SHED,), starts=local(25, 2, 10, 30), ends=local(26, 2, 10)),
            None,
            Window(utc(25, 0, 30, 10), utc(26, 1, 0, 10)),
        ),
        (
            Override(add=(SHED,), starts=local(24, 2, 10), ends=local(25, 2, 10, 30)),
            None,
            Window(utc(24, 0, 0, 10), utc(25, 1, 30, 10)),
        ),
    ],
    ids=[
        "nothing said",
        "later start",
        "earlier end",
        "both",
        "in the property's zone",
        "checked out before staff's end",
        "checked out early",
        "checked out late",
        "by hand",
        "a start that comes twice",
        "an end that comes twice",
    ],
)
def test_staffs_times_go_before_the_reservations_and_have_no_grace(
    word: Override, booking: Reservation | None, opens: Window
) -> None:
    """S3-5: local to the property, or to the site; a guest who checks out ends it."""
    assert made(word, booking).window == opens


@pytest.mark.parametrize(
    ("word", "booking", "reason", "path"),
    [
        (Override(starts=local(2, 9)), None, Reason.MISSING_FIELD, "data"),
        (Override(ends=local(2, 9)), None, Reason.MISSING_FIELD, "data"),
        (Override(starts=local(2, 9), ends=local(2, 9)), None, Reason.DATES_REVERSED, "data.ends"),
        (Override(starts=local(3, 9), ends=local(2, 9)), None, Reason.DATES_REVERSED, "data.ends"),
        (Override(starts=local(4, 12)), BOOKING, Reason.DATES_REVERSED, "data.ends"),
        (
            Override(),
            replace(BOOKING, property_id=PropertyId("hut")),
            Reason.MAPPING_UNKNOWN,
            "data.property_id",
        ),
    ],
)
def test_what_staff_may_not_say_is_refused_at_its_field(
    word: Override, booking: Reservation | None, reason: Reason, path: str
) -> None:
    """Suffering 20"""
    with pytest.raises(Rejected) as refused:
        said(replace(word, add=(SHED,)), booking)
    assert (refused.value.reason, refused.value.path) == (reason, path)


def test_without_a_site_there_is_no_door_to_map_to() -> None:
    """S3-9"""
    with pytest.raises(Rejected) as refused:
        key_for(None, Basis(BOOKING.key_id, BOOKING), {})
    assert (refused.value.reason, refused.value.path) == (
        Reason.MAPPING_UNKNOWN,
        "data.property_id",
    )


@pytest.mark.parametrize(("booking", "zone"), [(BOOKING, HOME), (None, HOME)])
def test_staffs_hours_are_meant_in_the_propertys_zone(
    booking: Reservation | None, zone: ZoneInfo
) -> None:
    """S3-6"""
    hours = Hours(frozenset({0}), time(8), time(12))
    word = Override(add=(SHED,), starts=local(1, 9), ends=local(8, 9), hours=hours)
    assert made(word, booking).timetable == Timetable(hours, zone)
    assert made(replace(word, hours=None), booking).timetable is None
    there = made(word, replace(BOOKING, property_id=FAR.id))
    assert there.timetable == Timetable(hours, ZoneInfo("Asia/Tokyo"))


# --- what else ---------------------------------------------------------------------------------


def test_a_key_by_hand_bears_its_own_id() -> None:
    """S3-1: there is no reservation to name it after."""
    word = Override("Bob  Smith", (SHED,), starts=local(1, 9), ends=local(2, 9))
    able = {SHED: Capabilities(label_length=6)}
    key = key_for(SITE, Basis(CLEANER, None, word), able)
    assert key is not None
    assert (key.id, key.reservation_id, key.label) == (CLEANER, None, "cleane")
    assert (key.name, key.guest) == ("Bob", "bob smith")
    assert key.policy.pin_length == 5, "the site's policy"


def test_the_label_is_cut_by_the_longest_and_the_name_by_the_shortest() -> None:
    """S1-24: a lock without labels has no say."""
    able = {
        GATE: Capabilities(label_length=4),
        DOOR: Capabilities(label_length=5),
        SHED: Capabilities(),
    }
    word = Override("Ada Bo", add=(SHED,))
    key = key_for(SITE, Basis(BOOKING.key_id, BOOKING, word), able)
    assert key is not None
    assert (key.label, key.name) == ("HMA4X", "Ada")
    unlabelled = made(word)
    assert (unlabelled.label, unlabelled.name) == ("", None)
    assert made(replace(word, name="A")).name is None


def test_staffs_code_and_policy_go_before_the_reservations() -> None:
    """S3-1"""
    ours, theirs = Code("364758"), Code("475869")
    booking = replace(BOOKING, code=theirs, policy={"pin_length": 6, "segment": 3})
    basis = Basis(BOOKING.key_id, booking, Override(code=ours, policy={"pin_length": 8}))
    assert basis.code == ours
    assert replace(basis, override=Override()).code == theirs
    assert Basis(CLEANER, None).code is None
    key = key_for(SITE, basis, {})
    assert key is not None
    assert (key.policy.pin_length, key.policy.segment) == (8, 3)
