"""A reservation as the booking side sends it."""

from dataclasses import replace
from datetime import date

import pytest

from gatewayd.domain.ids import PropertyId, ReservationId
from gatewayd.domain.reservation import Guest, Kind, Reservation

BOOKING = Reservation(
    ReservationId("R1"), 1, PropertyId("flat"), date(2026, 7, 1), date(2026, 7, 4), "HMA4XT"
)


def test_identity_is_the_reservations_never_the_name() -> None:
    """Suffering 12: two guests of one name are two keys, a renamed guest is the same."""
    named = replace(BOOKING, guest=Guest("Smith"))
    assert named.key_id == BOOKING.key_id == "res:R1"
    assert replace(named, id=ReservationId("R2")).key_id == "res:R2"


@pytest.mark.parametrize(
    ("kind", "confirmed", "wants"),
    [
        (Kind.BOOKING, True, True),
        (Kind.BOOKING, False, False),
        (Kind.BLOCK, True, True),
        (Kind.MUTUAL_BLOCK, True, False),
    ],
)
def test_what_is_confirmed_may_give_access(kind: Kind, confirmed: bool, wants: bool) -> None:
    """S2-9; a block where the policy says so."""
    assert replace(BOOKING, kind=kind, confirmed=confirmed).may_open is wants


def test_a_guest_is_not_shown() -> None:
    """S2-11: personal data stays out of logs."""
    assert repr(Guest("Quixote", "+41795558347", "q@example.org")) == "Guest()"
