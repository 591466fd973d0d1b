"""The booking side tells what changed in a calendar, and everything when it is asked."""

import json
from datetime import date
from typing import Any, cast

import pytest

from simulators.cloud import Cloud
from simulators.cloud.bookings import Bookings
from simulators.cloud.calendar import CalendarError

TODAY = date(2027, 3, 8)


class Wire:
    """Where a cloud would publish: what was sent is kept."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def send(self, type_: str, data: dict[str, Any]) -> str:
        self.sent.append((type_, dict(data)))
        return str(len(self.sent))

    def taken(self) -> list[tuple[str, dict[str, Any]]]:
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def bookings(wire: Wire) -> Bookings:
    return Bookings(cast("Cloud", wire))


def calendar(*stays: tuple[str, int, int]) -> bytes:
    """Stays as (uid, first day, last day of March 2027)."""
    events = (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART;VALUE=DATE:202703{first:02}\r\n"
        f"DTEND;VALUE=DATE:202703{last:02}\r\nSUMMARY:Reserved\r\nEND:VEVENT\r\n"
        for uid, first, last in stays
    )
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
    return f"{head}{''.join(events)}END:VCALENDAR\r\n".encode()


async def test_only_what_changed_is_told_with_a_higher_version(
    wire: Wire, bookings: Bookings
) -> None:
    await bookings.read("p", calendar(("a", 7, 10), ("b", 10, 12)), TODAY)
    assert [data["id"] for _, data in wire.taken()] == ["a", "b"]
    await bookings.read("p", calendar(("a", 7, 11), ("b", 10, 12)), TODAY)
    ((type_, data),) = wire.taken()
    assert (type_, data["id"], data["departure"], data["version"]) == (
        "reservation.put",
        "a",
        "2027-03-11",
        1,
    )
    await bookings.read("p", calendar(("a", 7, 11), ("b", 10, 12)), TODAY)
    assert not wire.taken()


async def test_a_stay_that_vanishes_is_cancelled_and_may_come_back(
    wire: Wire, bookings: Bookings
) -> None:
    await bookings.read("p", calendar(("a", 7, 10)), TODAY)
    await bookings.read("p", calendar(), TODAY)
    await bookings.read("p", calendar(("a", 7, 10)), TODAY)
    assert [(type_, data["version"]) for type_, data in wire.taken()] == [
        ("reservation.put", 0),
        ("reservation.cancel", 1),
        ("reservation.put", 2),
    ]


async def test_a_stay_that_vanishes_on_its_last_day_is_over_not_cancelled(
    wire: Wire, bookings: Bookings
) -> None:
    await bookings.read("p", calendar(("a", 7, 10)), TODAY)
    wire.taken()
    await bookings.read("p", calendar(), date(2027, 3, 10))
    assert not wire.taken()


async def test_a_bad_calendar_changes_nothing(wire: Wire, bookings: Bookings) -> None:
    await bookings.read("p", calendar(("a", 7, 10)), TODAY)
    wire.taken()
    with pytest.raises(CalendarError):
        await bookings.read("p", b"<html>", TODAY)
    assert not wire.taken()
    assert "a" in bookings.reservations


async def test_one_calendar_does_not_cancel_what_another_lists(
    wire: Wire, bookings: Bookings
) -> None:
    await bookings.read("p", calendar(("a", 7, 10)), TODAY)
    await bookings.read("q", calendar(("b", 7, 10)), TODAY)
    assert [type_ for type_, _ in wire.taken()] == ["reservation.put", "reservation.put"]


async def test_a_snapshot_has_everything_in_parts_that_fit_into_a_message(
    wire: Wire, bookings: Bookings
) -> None:
    for number in range(3000):
        await bookings.put({"id": f"r{number}", "version": 1, "note": "x" * 100})
    wire.taken()
    await bookings.snapshot()
    parts = [data for _, data in wire.taken()]
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert {part["parts"] for part in parts} == {len(parts)}
    assert all(len(json.dumps(part)) < 250 * 1024 for part in parts)
    assert {i["id"] for part in parts for i in part["items"]} == set(bookings.reservations)


async def test_a_snapshot_of_nothing_is_one_empty_part(wire: Wire, bookings: Bookings) -> None:
    await bookings.snapshot()
    ((_, data),) = wire.taken()
    assert (data["part"], data["parts"], data["items"]) == (1, 1, [])
