"""Calendar exports become reservations, or say what is wrong with which event."""

import json
from pathlib import Path

import pytest

from gatewayd.intake.schemas import ReservationPut
from simulators.cloud.calendar import CalendarError, identity, reservations

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"

RESERVED = """\
UID:1f3e@example.com
DTSTAMP:20270301T051500Z
DTSTART;VALUE=DATE:20270306
DTEND;VALUE=DATE:20270311
SUMMARY:Reserved
DESCRIPTION:Reservation URL: https://www.example.com/hosting/reservations/d
 etails/HMABCDEF12\\nPhone Number (Last 4 Digits): 4471
"""


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{event}END:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example.com//EN\n{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def changed(old: str, new: str) -> bytes:
    assert old in RESERVED
    return calendar(RESERVED.replace(old, new))


def test_a_stay_has_its_dates_its_code_and_the_last_digits_of_the_phone() -> None:
    assert reservations(calendar(RESERVED), "harbour") == [
        {
            "id": "1f3e-example.com",
            "version": 1803878100,
            "property_id": "harbour",
            "kind": "booking",
            "status": "confirmed",
            "arrival": "2027-03-06",
            "departure": "2027-03-11",
            "confirmation_code": "HMABCDEF12",
            "guest": {"phone": "4471"},
        }
    ]


@pytest.mark.parametrize("summary", ["Not available", "Example (Not available)", "CLOSED"])
def test_what_is_not_available_is_a_block(summary: str) -> None:
    (found,) = reservations(changed("SUMMARY:Reserved", f"SUMMARY:{summary}"), "harbour")
    assert found["kind"] == "block"


def test_without_a_url_the_id_stands_for_the_confirmation_code() -> None:
    (found,) = reservations(calendar(RESERVED[: RESERVED.index("DESCRIPTION")]), "harbour")
    assert found["confirmation_code"] == found["id"]
    assert "guest" not in found


def test_a_sequence_outweighs_the_time_of_the_export() -> None:
    (later_export,) = reservations(changed("DTSTAMP:2027", "DTSTAMP:2028"), "harbour")
    (next_sequence,) = reservations(calendar(RESERVED + "SEQUENCE:1\n"), "harbour")
    assert next_sequence["version"] > later_export["version"] > 0


def test_a_calendar_that_tells_no_version_gives_zero() -> None:
    (found,) = reservations(changed("DTSTAMP:20270301T051500Z\n", ""), "harbour")
    assert found["version"] == 0


def test_local_times_are_kept_as_check_in_and_check_out() -> None:
    timed = RESERVED.replace(";VALUE=DATE:20270306", ":20270306T150000")
    timed = timed.replace(";VALUE=DATE:20270311", ":20270311T103000")
    (found,) = reservations(calendar(timed), "harbour")
    assert (found["arrival"], found["check_in"]) == ("2027-03-06", "15:00")
    assert (found["departure"], found["check_out"]) == ("2027-03-11", "10:30")


def test_without_an_end_it_is_one_night_or_its_duration() -> None:
    end = "DTEND;VALUE=DATE:20270311\n"
    (night,) = reservations(changed(end, ""), "harbour")
    (three,) = reservations(changed(end, "DURATION:P3D\n"), "harbour")
    assert (night["departure"], three["departure"]) == ("2027-03-07", "2027-03-09")


def test_a_cancelled_event_is_a_cancelled_reservation() -> None:
    (found,) = reservations(calendar(RESERVED + "STATUS:CANCELLED\n"), "harbour")
    assert found["status"] == "cancelled"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not an iCalendar file"),
        (b"\xff\xfe", "not an iCalendar file"),
        (b"<html>not found</html>", "not an iCalendar file"),
        (changed("UID:1f3e@example.com\n", ""), "event 1: has no UID"),
        (changed("20270306", "2027MM06"), r"event 1 \(1f3e@example.com\): DTSTART: "),
        (changed("DTSTART;VALUE=DATE:20270306\n", ""), "1f3e@example.com.*has no DTSTART"),
        (changed("20270311", "20270306"), "1f3e@example.com.*DTEND is not after DTSTART"),
        (changed(";VALUE=DATE:20270306", ":20270306T150000Z"), "DTSTART is in UTC"),
        (calendar(RESERVED + "DTSTART;VALUE=DATE:20270307\n"), "DTSTART is not one date"),
        (calendar(RESERVED + "RRULE:FREQ=YEARLY\n"), "a stay does not recur"),
        (calendar(RESERVED, RESERVED), "two events have the UID 1f3e@example.com"),
    ],
)
def test_a_bad_file_names_the_event(content: bytes, complaint: str) -> None:
    with pytest.raises(CalendarError, match=complaint):
        reservations(content, "harbour")


def test_a_long_uid_becomes_an_id_that_fits_and_differs() -> None:
    first, second = (identity(f"{'x' * 200}{n}@example.com") for n in (1, 2))
    assert len(first) == len(second) == 64
    assert first != second


@pytest.mark.parametrize("name", ["harbour", "orchard"])
def test_the_examples_are_what_the_contract_takes(name: str) -> None:
    found = reservations((EXAMPLES / f"{name}.ics").read_bytes(), name)
    assert {stay["kind"] for stay in found} == {"booking", "block"}
    for stay in found:
        ReservationPut.model_validate_json(json.dumps(stay))
