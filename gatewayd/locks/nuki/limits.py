"""Windows and hours of an entry as a keypad's record has them.

Dates in a record are UTC, its weekdays and times of day the lock's local ones: hours are written
only while the lock's offset is that of the zone in which they are meant (`domain.hours.keeper`).
"""

from datetime import UTC, datetime

from gatewayd.domain.hours import LAST_MINUTE, MIDNIGHT, Hours
from gatewayd.domain.moment import Window
from gatewayd.domain.slot import Entry
from gatewayd.locks.nuki.keypad import TimeLimit

OTHER_LIMITS = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC))
"""Shown for a code with one date only, with hours over midnight or with such that there are not.
The hub writes none of these, and no window of its own is empty, so such a code never passes for one
as the hub wrote it."""


def record_of(entry: Entry) -> TimeLimit | None:
    """The limits to write; a whole day has equal times. None: the code opens always."""
    window, hours = entry.window, entry.hours or Hours()
    if window is None and hours == Hours():
        return None
    start, until = (window.start, window.end) if window else (None, None)
    if (hours.start, hours.end) == (MIDNIGHT, LAST_MINUTE):
        return TimeLimit(start, until, hours.days)
    return TimeLimit(start, until, hours.days, hours.start, hours.end)


def limits_of(record: TimeLimit | None) -> tuple[Window | None, Hours | None]:
    """The limits that are shown; None where nothing limits."""
    if record is None:
        return None, None
    window = OTHER_LIMITS if record.start or record.until else None
    if record.start and record.until:
        window = Window(record.start, record.until)
    start, end = record.from_time, record.until_time
    if (start, end) == (MIDNIGHT, MIDNIGHT):
        end = LAST_MINUTE
    if start is None or end is None or start >= end:
        return OTHER_LIMITS, None
    hours = Hours(record.weekdays, start, end)
    return window, None if hours == Hours() else hours
