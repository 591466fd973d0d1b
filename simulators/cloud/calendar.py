"""A booking site's .ics export to reservations, as the data of `reservation.put`.

What the large sites export is one VEVENT per stay, whole days, the confirmation code and the last
digits of the guest's phone in the description; what is not a stay says "Not available".
"""

import hashlib
import re
from datetime import date, datetime, time, timedelta
from typing import Any

from icalendar import Calendar, Component, vDDDTypes, vDuration

type Reservation = dict[str, Any]

BLOCKED = re.compile(r"not available|unavailable|blocked|closed", re.IGNORECASE)
DETAILS = re.compile(r"https?://\S+/reservations/details/([A-Za-z0-9]{1,64})")
LAST_DIGITS = re.compile(r"Phone Number \(Last 4 Digits\):\s*(\d{4})")
LONGEST_ID = 64


class CalendarError(Exception):
    """The file is not a calendar, or names a stay that makes no sense; the text says which."""


def reservations(content: bytes, property_id: str) -> list[Reservation]:
    """The stays of one property's calendar, in the order of the file.

    Raises:
        CalendarError: nothing of the file can be used; names the event at fault.
    """
    try:
        events = Calendar.from_ical(content).walk("VEVENT")
    except ValueError as error:
        raise CalendarError(f"not an iCalendar file: {error}") from None
    found: dict[str, Reservation] = {}
    for number, event in enumerate(events, 1):
        stay = _reservation(event, number, property_id)
        if stay["id"] in found:
            raise CalendarError(f"two events have the UID {event['UID']}")
        found[stay["id"]] = stay
    return list(found.values())


def _reservation(event: Component, number: int, property_id: str) -> Reservation:
    uid = str(event.get("UID", "")).strip()
    if not uid:
        raise CalendarError(f"event {number}: has no UID")
    where = f"event {number} ({uid})"
    for name, problem in event.errors:
        raise CalendarError(f"{where}: {name}: {problem}")
    if "RRULE" in event or "RECURRENCE-ID" in event:
        raise CalendarError(f"{where}: a stay does not recur")
    arrival, check_in = _day(event, "DTSTART", where)
    departure, check_out = _departure(event, arrival, where)
    if departure <= arrival:
        raise CalendarError(f"{where}: DTEND is not after DTSTART")
    text = str(event.get("DESCRIPTION", ""))
    url = DETAILS.search(text) or DETAILS.search(str(event.get("URL", "")))
    digits = LAST_DIGITS.search(text)
    blocked = BLOCKED.search(str(event.get("SUMMARY", "")))
    cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
    stay: Reservation = {
        "id": identity(uid),
        "version": _version(event),
        "property_id": property_id,
        "kind": "block" if blocked else "booking",
        "status": "cancelled" if cancelled else "confirmed",
        "arrival": arrival.isoformat(),
        "departure": departure.isoformat(),
        "confirmation_code": url[1] if url else identity(uid),
    }
    times = {"check_in": check_in, "check_out": check_out}
    stay |= {name: at.strftime("%H:%M") for name, at in times.items() if at is not None}
    if digits:
        stay["guest"] = {"phone": digits[1]}
    return stay


def _departure(event: Component, arrival: date, where: str) -> tuple[date, time | None]:
    if "DTEND" in event:
        return _day(event, "DTEND", where)
    nights = timedelta(days=1)
    if isinstance(length := event.get("DURATION"), vDuration | vDDDTypes):
        nights = length.dt if isinstance(length.dt, timedelta) else nights
    return arrival + nights, None


def _day(event: Component, name: str, where: str) -> tuple[date, time | None]:
    """The local date, and the local time where the calendar tells one."""
    if name not in event:
        raise CalendarError(f"{where}: has no {name}")
    found = event[name]
    if not isinstance(found, vDDDTypes) or not isinstance(at := found.dt, date):
        raise CalendarError(f"{where}: {name} is not one date")
    if not isinstance(at, datetime):
        return at, None
    if str(at.tzinfo) == "UTC":
        raise CalendarError(f"{where}: {name} is in UTC, which tells no local date")
    return at.date(), at.time()


def _version(event: Component) -> int:
    """Rises with SEQUENCE, else with the time of the export; 0 where the file tells neither."""
    sequence = event.get("SEQUENCE")
    stamp = event.get("LAST-MODIFIED") or event.get("DTSTAMP")
    at = stamp.dt if isinstance(stamp, vDDDTypes) else None
    exported = int(at.timestamp()) if isinstance(at, datetime) else 0
    return ((sequence if isinstance(sequence, int) else 0) << 32) + exported


def identity(uid: str) -> str:
    """A UID in the letters and the length that the contract has for ids."""
    plain = re.sub(r"[^A-Za-z0-9._:-]", "-", uid)
    if len(plain) <= LONGEST_ID:
        return plain
    digest = hashlib.sha256(uid.encode()).hexdigest()[:16]
    return f"{plain[: LONGEST_ID - 17]}-{digest}"
