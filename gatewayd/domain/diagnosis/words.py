"""Times, alerts and reasons in plain words."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gatewayd.domain.health import ALERTS, AlertCode
from gatewayd.domain.moment import Now
from gatewayd.errors import Reason

WEEK = timedelta(days=6)
"""Within it a day is told by its name alone."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

REASONS: dict[Reason, str] = {
    Reason.PROVISIONING_DISABLED_DOOR: "provisioning is not allowed on the door",
    Reason.PROVISIONING_DISABLED_KEY: "provisioning is not allowed on the reservation",
    Reason.AWAITING_CHECK_IN: "it waits for the guest's check-in",
    Reason.PHONE_MISSING: "its code comes from the guest's phone number, which is missing",
    Reason.LOCK_UNREACHABLE: "the lock does not answer",
    Reason.RADIO_DOWN: "the radio is not there",
    Reason.LOCK_ASLEEP: "the lock is asleep",
    Reason.BATTERY_DEAD: "the lock's battery is dead",
    Reason.LOCK_FULL: "the lock has no free slot",
    Reason.LOCK_INACTIVE: "the lock is not active",
    Reason.MAPPING_MISSING: "the key has other doors now",
    Reason.DUPLICATE_CODE: "the lock holds the same digits already",
    Reason.DUPLICATE_NAME: "the lock holds the same name already",
    Reason.REFUSED: "the lock refuses it",
    Reason.UNKNOWN_OUTCOME: "whether the lock took it is not known",
    Reason.MISMATCH: "the lock shows something else than what was written",
    Reason.UNREADABLE: "the lock does not show what is there",
    Reason.FOREIGN_SLOT: "a person's code lies in its place",
    Reason.DELETED_AT_LOCK: "a person deleted it at the lock",
    Reason.WRITE_BUDGET: "it was gone or altered time and again after it was there",
    Reason.PIN_REFUSED: "the lock refuses the hub's security PIN",
    Reason.PIN_UNANSWERED: "the lock fell silent after the security PIN",
}
"""Why a code is not at a door; where an alert says it, the alert's words are used."""


def because(reason: Reason | None) -> str:
    """A reason in words."""
    return REASONS.get(reason, str(reason).replace("_", " ")) if reason else "no reason is known"


def alert_text(code: AlertCode, subject: str) -> str:
    """What an alert says of it."""
    return ALERTS[code].text.format(subject=subject)


def when(at: datetime, now: Now, zone: ZoneInfo) -> str:
    """A time as people there would say it: today 21:04, this week Fri 09:00, else with its date."""
    here, today = at.astimezone(zone), now.latest.astimezone(zone).date()
    clock = f"{here:%H:%M}"
    if here.date() == today:
        return clock
    if abs(here.date() - today) <= WEEK:
        return f"{DAYS[here.weekday()]} {clock}"
    return f"{here.date().isoformat()} {clock}"


def on(at: datetime, now: Now, zone: ZoneInfo) -> str:
    """The same with its preposition."""
    told = when(at, now, zone)
    return f"on {told}" if " " in told else f"at {told}"


def times(count: int, what: str) -> str:
    """1 attempt, 3 attempts."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def place(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if number % 100 in range(11, 14) else ends.get(number % 10, "th")
    return f"{number}{end}"
