"""What a lock stores and sends: keypad codes with their windows, log entries, authorisations.

Layouts: Nuki Smart Lock API 2.1, commands 0x0041 to 0x0046, 0x0032 and 0x0006.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

from simulators.bluetooth.wire import (
    pack_date,
    pack_text,
    unpack_date,
    unpack_text,
)

NAME_BYTES: Final = 20
WINDOW_BYTES: Final = 19
WEEKDAYS: Final = ("mo", "tu", "we", "th", "fr", "sa", "su")
"""Bits 0x40 to 0x01, in this order; none set: every day."""


class LogType(IntEnum):
    """Kinds of log entries."""

    LOCK_ACTION = 0x02
    KEYPAD_ACTION = 0x05


class KeypadSource(IntEnum):
    """How the keypad was used."""

    ARROW = 0x00
    CODE = 0x01


KEYPAD_INVALID_CODE: Final = 0xE0
"""Completion status of a keypad action that opened nothing."""


class Refusal(StrEnum):
    """Why a code opens nothing."""

    NO_KEYPAD = "no keypad"
    UNKNOWN = "unknown code"
    DISABLED = "disabled"
    EARLY = "before its window"
    LATE = "after its window"
    WEEKDAY = "not on this weekday"
    TIME = "not at this time of day"


@dataclass(frozen=True, slots=True)
class Window:
    """When a code opens: dates are UTC, weekdays and times of day are the lock's local ones."""

    starts: datetime | None = None
    ends: datetime | None = None
    weekdays: int = 0
    from_time: tuple[int, int] = (0, 0)
    until_time: tuple[int, int] = (0, 0)

    def pack(self) -> bytes:
        """19 bytes."""
        daily = (self.weekdays, *self.from_time, *self.until_time)
        return pack_date(self.starts) + pack_date(self.ends) + bytes(daily)

    @classmethod
    def unpack(cls, data: bytes) -> Window:
        """Raises WireError for dates that are none."""
        weekdays, *times = data[14:WINDOW_BYTES]
        return cls(
            starts=unpack_date(data[:7]),
            ends=unpack_date(data[7:14]),
            weekdays=weekdays,
            from_time=(times[0], times[1]),
            until_time=(times[2], times[3]),
        )

    @property
    def is_possible(self) -> bool:
        """No time of day beyond 23:59 and no bit that is no weekday."""
        times = (self.from_time, self.until_time)
        return self.weekdays < 0x80 and all(hour < 24 and minute < 60 for hour, minute in times)

    def refuses(self, utc: datetime, local: datetime) -> Refusal | None:
        """Why it is closed at that moment; None: it is open."""
        if self.starts is not None and utc < self.starts:
            return Refusal.EARLY
        if self.ends is not None and utc >= self.ends:
            return Refusal.LATE
        if self.weekdays and not self.weekdays & (0x40 >> local.weekday()):
            return Refusal.WEEKDAY
        now = (local.hour, local.minute)
        if self.from_time < self.until_time:
            within = self.from_time <= now < self.until_time
        elif self.from_time > self.until_time:  # over midnight
            within = now >= self.from_time or now < self.until_time
        else:  # the whole day
            within = True
        return None if within else Refusal.TIME

    def as_json(self) -> dict[str, object]:
        """As the control port shows it."""
        return {
            "from": self.starts.isoformat() if self.starts else None,
            "until": self.ends.isoformat() if self.ends else None,
            "weekdays": [day for n, day in enumerate(WEEKDAYS) if self.weekdays & (0x40 >> n)],
            "from_time": "{:02}:{:02}".format(*self.from_time),
            "until_time": "{:02}:{:02}".format(*self.until_time),
        }


@dataclass(slots=True)
class KeypadCode:
    """One code on the keypad. Without `limited` its window means nothing."""

    id: int
    code: int
    name: str
    created: datetime
    enabled: bool = True
    limited: bool = False
    window: Window = field(default_factory=Window)
    last_active: datetime | None = None
    lock_count: int = 0

    def pack(self) -> bytes:
        """KEYPAD_CODE (0x0045): 44 bytes, 63 with a window."""
        head = struct.pack("<HI", self.id, self.code) + pack_text(self.name, NAME_BYTES)
        dates = pack_date(self.created) + pack_date(self.last_active)
        tail = struct.pack("<H?", self.lock_count, self.limited)
        window = self.window.pack() if self.limited else b""
        return head + bytes([self.enabled]) + dates + tail + window

    def refuses(self, utc: datetime, local: datetime) -> Refusal | None:
        """Why it opens nothing at that moment; None: it opens."""
        if not self.enabled:
            return Refusal.DISABLED
        return self.window.refuses(utc, local) if self.limited else None

    def as_json(self) -> dict[str, object]:
        """As the control port shows it."""
        return {
            "id": self.id,
            "code": str(self.code),
            "name": self.name,
            "enabled": self.enabled,
            "limited": self.limited,
            **self.window.as_json(),
            "created": self.created.isoformat(),
            "last_active": self.last_active.isoformat() if self.last_active else None,
            "lock_count": self.lock_count,
        }


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the lock's log; `data` is what its type says, five bytes."""

    index: int
    at: datetime
    authorisation: int
    name: str
    type: LogType
    data: bytes

    def pack(self) -> bytes:
        """LOG_ENTRY (0x0032)."""
        head = struct.pack("<I", self.index) + pack_date(self.at)
        who = struct.pack("<I", self.authorisation) + pack_text(self.name, 32)
        return head + who + bytes([self.type]) + self.data

    @classmethod
    def unpack(cls, data: bytes) -> LogEntry:
        """The inverse of `pack`, for a client."""
        at = unpack_date(data[4:11])
        assert at is not None
        return cls(
            index=int.from_bytes(data[:4], "little"),
            at=at,
            authorisation=int.from_bytes(data[11:15], "little"),
            name=unpack_text(data[15:47]),
            type=LogType(data[47]),
            data=data[48:],
        )

    def as_json(self) -> dict[str, object]:
        """As the control port shows it."""
        return {
            "index": self.index,
            "at": self.at.isoformat(),
            "authorisation": self.authorisation,
            "name": self.name,
            "type": self.type.name.lower(),
            "data": self.data.hex(),
        }


@dataclass(slots=True)
class Authorisation:
    """Who may speak to the lock. `challenge` is the nonce last given out, good for one command."""

    id: int
    key: bytes
    type: int
    app_id: int
    name: str
    challenge: bytes | None = None

    def as_json(self) -> dict[str, object]:
        """As the control port shows it; without the key."""
        return {"id": self.id, "type": self.type, "app_id": self.app_id, "name": self.name}
