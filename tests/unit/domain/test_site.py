"""A site: zones, properties, locks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.ids import LockId, PropertyId
from gatewayd.domain.policy import Policy, PolicyPatch, narrow
from gatewayd.domain.site import (
    Lock,
    Property,
    Site,
    changed_properties,
    moved,
    without_grace,
)

GATE, DOOR, SHED = LockId("gate"), LockId("door"), LockId("shed")
HOUR = timedelta(hours=1)
FLAT = Property(
    PropertyId("flat"), "Flat", (GATE, DOOR), policy={"grace_after": timedelta(hours=3)}
)
HOUSE = Property(PropertyId("house"), "House", (GATE,), zone=ZoneInfo("America/New_York"))
BARE = Property(PropertyId("bare"), "Bare")
SITE = Site(
    1,
    ZoneInfo("Europe/Zurich"),
    {p.id: p for p in (FLAT, HOUSE, BARE)},
    {x: Lock(x, str(x), "zwave", "7") for x in (GATE, DOOR, SHED)},
    {"grace_before": timedelta(), "grace_after": timedelta()},
)


def test_a_property_may_lie_in_another_zone() -> None:
    """Else in the site's."""
    assert SITE.zone_of(HOUSE) == ZoneInfo("America/New_York")
    assert SITE.zone_of(FLAT) == ZoneInfo("Europe/Zurich")


def test_the_propertys_policy_goes_before_the_sites() -> None:
    """And what is narrower still before both."""
    off, three = timedelta(), timedelta(hours=3)
    assert narrow(SITE.policy, FLAT.policy) == Policy(grace_before=off, grace_after=three)
    assert narrow(SITE.policy, BARE.policy) == Policy(grace_before=off, grace_after=off)
    assert narrow(SITE.policy, FLAT.policy, {"pin_length": 4}, {"pin_length": 8}).pin_length == 8


@pytest.mark.parametrize(
    ("wide", "property_", "warned"),
    [
        ({}, FLAT, False),  # an hour on each side
        ({"grace_before": timedelta()}, FLAT, True),
        ({"grace_before": timedelta()}, replace(FLAT, policy={"grace_before": 2 * HOUR}), False),
        ({"grace_after": timedelta()}, HOUSE, True),
        ({"grace_after": timedelta()}, FLAT, False),  # it has three hours of its own
        ({}, replace(FLAT, check_in=time(15), check_out=time(11)), False),
        ({}, replace(FLAT, check_in="all_day"), True),  # nothing before midnight
        ({}, replace(FLAT, check_out="all_day"), True),
        ({"grace_all_day": True, "grace_before": timedelta()}, HOUSE, False),
        ({"grace_all_day": True}, replace(HOUSE, check_in="all_day"), False),
        ({"grace_before": timedelta()}, BARE, False),  # no lock, nobody to lock out
    ],
)
def test_a_property_without_grace_is_one_that_a_clock_could_lock_guests_out_of(
    wide: PolicyPatch, property_: Property, warned: bool
) -> None:
    """S2-4, S2-5"""
    assert without_grace(replace(SITE, policy=wide), property_) is warned


def with_lock(site: Site, lock: Lock) -> Site:
    """The same with a lock put in place of another."""
    return replace(site, version=2, locks={**site.locks, lock.id: lock})


def with_property(site: Site, property_: Property) -> Site:
    """The same with a property put in place of another."""
    return replace(site, version=2, properties={**site.properties, property_.id: property_})


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (lambda s: replace(s, version=2), set()),
        (lambda s: with_lock(s, replace(s.locks[SHED], active=False)), set()),
        (lambda s: with_lock(s, replace(s.locks[DOOR], active=False)), {"flat"}),  # S2-20
        (lambda s: with_lock(s, replace(s.locks[GATE], address="8")), {"flat", "house"}),  # S2-19
        (lambda s: with_property(s, replace(FLAT, locks=(GATE,))), {"flat"}),  # S1-14
        (lambda s: with_property(s, Property(PropertyId("new"), "New")), {"new"}),
        (lambda s: replace(s, properties={FLAT.id: FLAT}), {"house", "bare"}),
        (lambda s: replace(s, policy={}), {"flat", "house", "bare"}),
        (lambda s: replace(s, zone=ZoneInfo("UTC")), {"flat", "house", "bare"}),
    ],
)
def test_a_new_document_touches_the_properties_that_it_changes(
    change: Callable[[Site], Site], changed: set[str]
) -> None:
    """Common doors belong to several (S1-1); what is the same is left in peace."""
    assert changed_properties(SITE, change(SITE)) == changed


def test_a_first_document_changes_every_property() -> None:
    """There was nothing before."""
    assert changed_properties(None, SITE) == set(SITE.properties)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (SITE.locks[GATE], set()),
        (replace(SITE.locks[GATE], name="Gate", active=False), set()),
        (replace(SITE.locks[GATE], address="8"), {GATE}),
        (replace(SITE.locks[GATE], driver="nuki"), {GATE}),
        (None, {GATE}),
    ],
)
def test_a_lock_at_another_address_or_none_has_moved(
    after: Lock | None, found: set[LockId]
) -> None:
    """Suffering 27"""
    others = {id_: lock for id_, lock in SITE.locks.items() if id_ != GATE}
    locks = others if after is None else others | {GATE: after}
    assert moved(SITE, replace(SITE, locks=locks)) == found


def test_a_new_lock_has_not_moved() -> None:
    assert moved(None, SITE) == set()
    assert moved(replace(SITE, locks={}), SITE) == set()
