"""The demo's stays begin and end at the very second that they are meant to."""

from datetime import UTC, datetime, timedelta

import pytest

from gatewayd.domain.moment import Window
from gatewayd.domain.policy import narrow
from gatewayd.domain.stay import window
from gatewayd.intake import documents
from gatewayd.intake.schemas import ReservationPut, SitePut
from simulators.cloud.calendar import reservations
from simulators.demo.site import (
    HOMES,
    NODES,
    POOL,
    ROOMS,
    ZONE,
    calendar,
    ending,
    site,
    starting,
    stay,
    today,
)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2027, 3, 8, 12, 0, 0, tzinfo=UTC),
        datetime(2027, 3, 8, 12, 0, 59, tzinfo=UTC),
        datetime(2027, 3, 8, 20, 0, 7, tzinfo=UTC),  # midnight at the site
        datetime(2027, 3, 8, 19, 59, 31, tzinfo=UTC),
    ],
)
def test_a_stay_begins_and_ends_at_the_second(at: datetime) -> None:
    days = {"arrival": f"{at - timedelta(days=9):%Y-%m-%d}", "departure": "2027-04-01"}
    over = _window(stay("a", "harbour", "A") | days | ending(at))
    begun = _window(stay("a", "harbour", "A") | days | starting(at))
    assert (over.end, begun.start) == (at, at)


@pytest.mark.parametrize("property_id", HOMES)
def test_the_first_guest_of_each_calendar_is_there_today(property_id: str) -> None:
    first = reservations(calendar(property_id), property_id)[0]
    assert first["arrival"] < str(today()) < first["departure"]


def test_the_nuki_locks_are_where_the_simulator_put_them() -> None:
    document = site({"mill-door": "54:D2:72:00:00:2A"})
    addresses = {lock["id"]: lock["address"] for lock in document["locks"]}
    assert addresses["mill-door"] == "54:D2:72:00:00:2A"
    assert addresses["gate"] == str(NODES["gate"])


def test_the_inn_stands_beside_what_is_shipped_and_one_lock_has_a_backup() -> None:
    home = documents.site(SitePut.model_validate(site(), strict=False))
    doors = {id_: property_.locks for id_, property_ in home.properties.items()}
    assert doors == HOMES | ROOMS
    pools = {id_: narrow(home.policy, lock.policy).backup_pool for id_, lock in home.locks.items()}
    assert {id_: pool for id_, pool in pools.items() if pool} == {POOL: 1}


def _window(data: dict[str, object]) -> Window:
    reservation = documents.reservation(ReservationPut.model_validate(data, strict=False))
    home = documents.site(SitePut.model_validate(site(), strict=False))
    policy = narrow(home.policy, reservation.policy)
    return window(reservation, home.properties[reservation.property_id], ZONE, policy)
