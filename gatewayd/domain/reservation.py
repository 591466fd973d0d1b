"""A reservation as the booking side sends it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId, PropertyId, ReservationId
from gatewayd.domain.policy import PolicyPatch
from gatewayd.domain.site import TimeOfDay


def key_of(reservation: ReservationId) -> KeyId:
    """The id of the key made from a reservation."""
    return KeyId(f"res:{reservation}")


def reservation_of(key: KeyId) -> ReservationId | None:
    """The reservation from which a key of that id is made; None: a key by hand."""
    return ReservationId(key[4:]) if key.startswith("res:") else None


class Kind(StrEnum):
    """What holds the dates; bookings get codes, blocks where the policy says so (S2-9)."""

    BOOKING = "booking"
    BLOCK = "block"
    MUTUAL_BLOCK = "mutual_block"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who comes; never in logs."""

    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Dates are local to the property; times None mean the property's."""

    id: ReservationId
    version: int
    property_id: PropertyId
    arrival: date
    departure: date
    confirmation_code: str
    kind: Kind = Kind.BOOKING
    confirmed: bool = True
    check_in: TimeOfDay | None = None
    check_out: TimeOfDay | None = None
    guest: Guest = Guest()
    allow_provisioning: bool = True
    code: Code | None = None
    announced_at: datetime | None = None
    checked_in: datetime | None = None
    checked_out: datetime | None = None
    policy: PolicyPatch = field(default_factory=dict)

    @property
    def key_id(self) -> KeyId:
        """The key made from this reservation; identity is the reservation's, never the name."""
        return key_of(self.id)

    @property
    def may_open(self) -> bool:
        """Whether it can give access at all."""
        return self.confirmed and self.kind is not Kind.MUTUAL_BLOCK
