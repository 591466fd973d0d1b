"""A site: its zone, its properties, its locks; properties and locks are many-to-many."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal
from zoneinfo import ZoneInfo

from gatewayd.domain.ids import LockId, PropertyId
from gatewayd.domain.policy import PolicyPatch, narrow

BLUETOOTH_ADDRESS = "([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
"""The address of a Nuki, such as 54:D2:72:00:00:01; upper case wherever it is kept."""

type TimeOfDay = time | Literal["all_day"]
"""A local time, or the explicit choice of the whole day (S2-5)."""


@dataclass(frozen=True, slots=True)
class Property:
    """A unit for rent; `zone` and the times override nothing where they are None."""

    id: PropertyId
    name: str
    locks: tuple[LockId, ...] = ()
    zone: ZoneInfo | None = None
    check_in: TimeOfDay | None = None
    check_out: TimeOfDay | None = None
    policy: PolicyPatch = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as the site describes it; `address` is the driver's (node id, MAC)."""

    id: LockId
    name: str
    driver: str
    address: str
    allow_provisioning: bool = True
    active: bool = True
    fallback_note: str | None = None
    policy: PolicyPatch = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """One site document."""

    version: int
    zone: ZoneInfo
    properties: Mapping[PropertyId, Property]
    locks: Mapping[LockId, Lock]
    policy: PolicyPatch = field(default_factory=dict)

    def zone_of(self, property_: Property) -> ZoneInfo:
        """The zone in which the property's dates are meant."""
        return property_.zone or self.zone


def without_grace(site: Site, property_: Property) -> bool:
    """Whether a stay begins or ends to the minute, or with the whole day and nothing beyond it
    (S2-4, S2-5)."""
    policy = narrow(site.policy, property_.policy)
    if not property_.locks or policy.grace_all_day:
        return False
    all_day = "all_day" in (property_.check_in, property_.check_out)
    return all_day or not (policy.grace_before and policy.grace_after)


def changed_properties(before: Site | None, after: Site) -> set[PropertyId]:
    """Properties whose keys may look different under the later document."""
    ids = {*after.properties, *(before.properties if before else ())}
    return {id_ for id_ in ids if _view(before, id_) != _view(after, id_)}


def other_makes(before: Site | None, after: Site) -> list[LockId]:
    """Locks in whose place hangs one of another make under the later document."""
    was = before.locks if before else {}
    return [id_ for id_, x in after.locks.items() if was.get(id_, x).driver != x.driver]


def moved(before: Site | None, after: Site) -> set[LockId]:
    """Locks that the later document does not have at the address that they had."""
    was = before.locks if before else {}
    return {
        id_
        for id_, lock in was.items()
        if (there := after.locks.get(id_)) is None
        or (there.driver, there.address) != (lock.driver, lock.address)
    }


def _view(site: Site | None, id_: PropertyId) -> object:
    """All of a document that bears on one property."""
    property_ = site.properties.get(id_) if site else None
    if site is None or property_ is None:
        return None
    return property_, site.zone, site.policy, [site.locks[lock] for lock in property_.locks]
