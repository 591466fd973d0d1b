"""A key: what a reservation gives its guest, and at which doors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gatewayd.domain.capabilities import Capabilities, of_kind
from gatewayd.domain.code import CodeRules, common
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.label import label
from gatewayd.domain.moment import Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.reservation import Reservation
from gatewayd.domain.site import Site
from gatewayd.domain.stay import window
from gatewayd.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Door:
    """A key at one lock: when its code belongs there, and why nothing new is written."""

    due: datetime
    withheld: Reason | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Permission to open a set of locks within a window; its code is allocated by the intake."""

    id: KeyId
    reservation_id: ReservationId
    label: str
    window: Window
    doors: Mapping[LockId, Door]
    policy: Policy
    rules: CodeRules


def key_for(
    site: Site | None, reservation: Reservation, capabilities: Mapping[LockId, Capabilities]
) -> Key | None:
    """The key that a reservation gives, or None where it gives no access or no lock is there.

    Raises:
        Rejected: `mapping_unknown`, `times_missing`, `dates_reversed`, `rules_conflict`.
    """
    property_ = site.properties.get(reservation.property_id) if site else None
    if site is None or property_ is None:
        raise Rejected(
            Reason.MAPPING_UNKNOWN, "no such property on this site yet", path="data.property_id"
        )
    policy = site.policy_of(property_, reservation.policy)
    stay = window(reservation, property_, site.zone_of(property_), policy)
    if not reservation.wants_key or not property_.locks:
        return None
    known = {
        id_: capabilities.get(id_) or of_kind(site.locks[id_].driver) for id_ in property_.locks
    }
    doors = {}
    for id_, able in known.items():
        lock = site.locks[id_]
        withheld = None
        if not reservation.allow_provisioning:
            withheld = Reason.PROVISIONING_DISABLED_KEY
        elif not lock.allow_provisioning:
            withheld = Reason.PROVISIONING_DISABLED_DOOR
        elif not lock.active:
            withheld = Reason.LOCK_INACTIVE
        doors[id_] = Door(stay.start - policy.lead(lock_timed=able.lock_timed), withheld)
    return Key(
        id=reservation.key_id,
        reservation_id=reservation.id,
        label=label(reservation.confirmation_code, max(c.label_length for c in known.values())),
        window=stay,
        doors=doors,
        policy=policy,
        rules=common([able.code for able in known.values()]),
    )
