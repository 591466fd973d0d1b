"""Dates, times of day and weekdays on the wire.

Dates are UTC; times of day and weekdays are those of the lock's own time zone (said by the vendor's
staff of the web API; over Bluetooth nobody has verified it).
"""

import struct
from datetime import UTC, datetime, time

from gatewayd.domain.hours import EVERY_DAY, MIDNIGHT
from gatewayd.locks.nuki.wire import Reader

DATE_SIZE = 7
"""Bytes: u16 year, then month, day, hour, minute, second."""
_MONDAY = 0x40
_END_OF_DAY = (24, 0)
_NO_TIME = b"\xff\xff"


def pack_date(at: datetime | None) -> bytes:
    """Whole seconds, the fraction dropped; None is seven zero bytes.

    Raises:
        ValueError: a datetime without a time zone.
    """
    if at is None:
        return bytes(DATE_SIZE)
    if at.utcoffset() is None:
        raise ValueError("a date on the wire is UTC; this one has no time zone")
    utc = at.astimezone(UTC)
    return struct.pack("<HBBBBB", utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second)


def read_date(fields: Reader) -> datetime | None:
    """UTC. None where there is no such date: zeros mean "never", and a lock whose date makes no
    sense must stay usable.
    """
    year, month, day, hour, minute, second = fields.numbers("HBBBBB")
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def pack_time(at: time | None) -> bytes:
    """Hour and minute, local to the lock; None is two bytes that are no time."""
    return bytes((at.hour, at.minute)) if at else _NO_TIME


def read_time(fields: Reader) -> time | None:
    """Local to the lock; 24:00 is read as midnight. None where there is no such time: one odd code
    must not hide the others.
    """
    hour, minute = fields.u8(), fields.u8()
    if (hour, minute) == _END_OF_DAY:
        return MIDNIGHT
    try:
        return time(hour, minute)
    except ValueError:
        return None


def pack_weekdays(days: frozenset[int]) -> int:
    """The mask 0x40 Monday to 0x01 Sunday.

    Raises:
        ValueError: no day at all, which a lock would take for every day, or not 0 to 6.
    """
    if not days or not days <= EVERY_DAY:
        raise ValueError("weekdays are some of 0 (Monday) to 6 (Sunday), at least one")
    return sum(_MONDAY >> day for day in days)


def unpack_weekdays(mask: int) -> frozenset[int]:
    """The days of a mask; 0 means every day. The highest bit has no meaning."""
    return frozenset(day for day in EVERY_DAY if mask & _MONDAY >> day) or EVERY_DAY
