"""A site: zones, properties, locks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.ids import LockId, PropertyId
from gatewayd.domain.policy import Policy, narrow
from gatewayd.domain.site import Lock, Property, Site, changed_properties

GATE, DOOR, SHED = LockId("gate"), LockId("door"), LockId("shed")
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
