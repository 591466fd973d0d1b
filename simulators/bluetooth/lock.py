"""A lock with a keypad: what it knows and the rules that it enforces, on its own clock."""

from __future__ import annotations

import secrets
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final
from zoneinfo import ZoneInfo

from simulators.bluetooth.codes import CodeBook, Refused, Wanted
from simulators.bluetooth.faults import Faults
from simulators.bluetooth.records import (
    KEYPAD_INVALID_CODE,
    Authorisation,
    KeypadCode,
    KeypadSource,
    LogEntry,
    LogType,
    Refusal,
)
from simulators.bluetooth.wire import ErrorCode, key_pair, public_key

PIN_ATTEMPTS: Final = 10
"""Wrong PINs until even the right one is refused."""

MOST_AUTHORISATIONS: Final = 100
"""How many can pair, until the control port says otherwise."""

LOG_CAPACITY: Final = 500
"""Older entries fall out; indexes go on counting."""


class LockState(IntEnum):
    """Second byte of KEYTURNER_STATES."""

    LOCKED = 0x01
    UNLOCKING = 0x02
    UNLOCKED = 0x03
    LOCKING = 0x04
    UNLATCHED = 0x05
    UNLATCHING = 0x07


class Action(IntEnum):
    """Lock actions."""

    UNLOCK = 0x01
    LOCK = 0x02
    UNLATCH = 0x03


MOTION: Final = {
    Action.UNLOCK: (LockState.UNLOCKING, LockState.UNLOCKED),
    Action.LOCK: (LockState.LOCKING, LockState.LOCKED),
    Action.UNLATCH: (LockState.UNLATCHING, LockState.UNLATCHED),
}
"""What the lock is while it moves and after."""


class Trigger(IntEnum):
    """What moved the lock: anything over Bluetooth, a keypad included, is the system."""

    SYSTEM = 0x00
    MANUAL = 0x01
    BUTTON = 0x02


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of a person at the keypad."""

    opened: bool
    reason: str
    code_id: int | None = None


@dataclass(slots=True)
class Battery:
    """Of the lock, in percent, and of its keypad."""

    percent: int = 80
    critical: bool = False
    charging: bool = False
    keypad_critical: bool = False

    @property
    def state(self) -> int:
        """Bit 0 critical, bit 1 charging, bits 2 to 7 half the percents."""
        return self.critical | self.charging << 1 | (self.percent // 2) << 2


class Lock:
    """One Smart Lock. `on_change` is called when its advertisement may have to change."""

    def __init__(
        self,
        number: int,
        *,
        pin: int = 1234,
        capacity: int = 100,
        authorisations: int = MOST_AUTHORISATIONS,
        timezone: str = "UTC",
        pairing_s: float = 30.0,
    ) -> None:
        self.number = number
        self.nuki_id = 0x1A2B0000 + number
        self.name = f"Nuki_{self.nuki_id:08X}"
        self.address = f"54:D2:72:00:{number >> 8:02X}:{number & 0xFF:02X}"  # the vendor's prefix
        self.uuid = secrets.token_bytes(16)
        self.private, self.public = key_pair()
        self.pin = pin
        self.wrong_pins = 0
        self.drift = 0.0
        self.skew_s = 0.0
        self.timezone = ZoneInfo(timezone)
        self.most_authorisations = authorisations
        self.authorisations: dict[int, Authorisation] = {}
        self.next_authorisation = 2  # 1 is whom the app paired first
        self.book = CodeBook(capacity)
        self.log: list[LogEntry] = []
        self.log_index = 0
        self.state = LockState.LOCKED
        self.last_action = Action.LOCK
        self.last_trigger = Trigger.MANUAL
        self.config_updates = 0
        self.battery = Battery()
        self.keypad_present = True
        self.faults = Faults()
        self.pairing_s = pairing_s
        self._pairing_until = 0.0
        self.changed = False
        self.connections = 0
        self.commands: Counter[str] = Counter()
        self.on_change: Callable[[], None] = lambda: None

    def clear(self) -> None:
        """Without codes, log and wrong PINs, locked, at the right time; who is paired stays so."""
        self.book.codes.clear()
        self.log.clear()
        self.wrong_pins = 0
        self.drift = 0.0
        self.skew_s = 0.0
        self.state = LockState.LOCKED
        self.battery = Battery()
        self.keypad_present = True
        self._pairing_until = 0.0
        self.changed = False
        self.commands.clear()
        self.on_change()

    # Time

    @property
    def skew_s(self) -> float:
        """Seconds by which the clock is ahead; it gains `drift` of them in each."""
        return self._skew_s + self.drift * (time.monotonic() - self._skewed_at)

    @skew_s.setter
    def skew_s(self, seconds: float) -> None:
        self._skew_s, self._skewed_at = seconds, time.monotonic()

    def utc(self) -> datetime:
        """The lock's own clock, which is naive and may be wrong."""
        now = datetime.now(UTC) + timedelta(seconds=self.skew_s)
        return now.replace(tzinfo=None, microsecond=0)

    def local(self) -> datetime:
        """The lock's clock in its time zone."""
        return self.utc() + self.offset()

    def offset(self) -> timedelta:
        """From UTC, at the moment of the lock's clock."""
        offset = self.utc().replace(tzinfo=UTC).astimezone(self.timezone).utcoffset()
        assert offset is not None
        return offset

    def set_clock(self, date: datetime) -> None:
        """What UPDATE_TIME does."""
        self.skew_s = (date.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()

    # Pairing

    @property
    def is_pairing(self) -> bool:
        """The button was held not long ago and nobody has paired since."""
        return time.monotonic() < self._pairing_until

    @property
    def pairing_left_s(self) -> float | None:
        """Until pairing mode ends by itself; None outside of it."""
        left = self._pairing_until - time.monotonic()
        return left if left > 0 else None

    def press_button(self) -> None:
        """Pairing mode, for a while."""
        self._pairing_until = time.monotonic() + self.pairing_s
        self.on_change()

    def authorise(self, key: bytes, type_: int, app_id: int, name: str) -> Authorisation:
        """A new authorisation, which ends pairing mode. Raises Refused."""
        self.check_room()
        entry = Authorisation(self.next_authorisation, key, type_, app_id, name)
        self.next_authorisation += 1
        self.authorisations[entry.id] = entry
        self._pairing_until = 0.0
        self.on_change()
        return entry

    def check_room(self) -> None:
        """Raises Refused when nobody more can pair."""
        if len(self.authorisations) >= self.most_authorisations:
            raise Refused(ErrorCode.MAX_USER)

    def take_identity(self, private: bytes) -> None:
        """The key pair that it had before."""
        self.private, self.public = private, public_key(private)

    # The security PIN

    def check_pin(self, pin: int) -> None:
        """Raises Refused; after ten wrong ones for ever, until `set_pin`."""
        if self.wrong_pins >= PIN_ATTEMPTS:
            raise Refused(ErrorCode.TOO_MANY_PIN_ATTEMPTS)
        if pin != self.pin:
            self.wrong_pins += 1
            raise Refused(ErrorCode.BAD_PIN)
        self.wrong_pins = 0

    def set_pin(self, pin: int) -> None:
        """As the vendor's app does; ends a lock-out."""
        self.pin = pin
        self.wrong_pins = 0

    # Codes

    def add_code(self, wanted: Wanted) -> KeypadCode:
        """Raises Refused."""
        if not self.keypad_present:
            raise Refused(ErrorCode.DISABLED)
        entry = self.book.add(wanted, self.utc())
        self._config_changed()
        return entry

    def update_code(self, id_: int, wanted: Wanted) -> None:
        """Raises Refused."""
        self.book.update(id_, wanted)
        self._config_changed()

    def remove_code(self, id_: int) -> None:
        """Raises Refused."""
        self.book.remove(id_)
        self._config_changed()

    def type_code(self, code: int | None, action: Action = Action.UNLOCK) -> Typed:
        """A person types a code; without one, presses the arrow, which only locks."""
        if not self.keypad_present:
            return Typed(opened=False, reason=Refusal.NO_KEYPAD)
        if code is None:
            self._keypad_entry(action, KeypadSource.ARROW, 0, None)
            self._move(action, Trigger.SYSTEM)
            return Typed(opened=True, reason="arrow")
        entry = self.book.find(code)
        if entry is None:
            self._keypad_entry(action, KeypadSource.CODE, KEYPAD_INVALID_CODE, None)
            return Typed(opened=False, reason=Refusal.UNKNOWN)
        # That the log then names the code is a guess: no document says so.
        if refusal := entry.refuses(self.utc(), self.local()):
            self._keypad_entry(action, KeypadSource.CODE, KEYPAD_INVALID_CODE, entry)
            return Typed(opened=False, reason=refusal, code_id=entry.id)
        entry.last_active = self.utc()
        entry.lock_count += 1
        self._keypad_entry(action, KeypadSource.CODE, 0, entry)
        self._move(action, Trigger.SYSTEM)
        return Typed(opened=True, reason="open", code_id=entry.id)

    def _keypad_entry(
        self, action: Action, source: KeypadSource, completion: int, entry: KeypadCode | None
    ) -> None:
        id_, name = (entry.id, entry.name) if entry else (0, "")
        data = struct.pack("<BBBH", action, source, completion, id_)
        self.write_log(LogType.KEYPAD_ACTION, 0, name, data)

    # The bolt

    def start(self, action: Action) -> None:
        """The motor begins to turn."""
        self.state = MOTION[action][0]

    def finish(self, action: Action, who: Authorisation) -> None:
        """The motor has turned, for a client."""
        data = struct.pack("<BBBBB", action, Trigger.SYSTEM, 0, 0, 0)
        self.write_log(LogType.LOCK_ACTION, who.id, who.name, data)
        self._move(action, Trigger.SYSTEM)

    def turn(self, action: Action) -> None:
        """A person turns the knob."""
        data = struct.pack("<BBBBB", action, Trigger.MANUAL, 0, 0, 0)
        self.write_log(LogType.LOCK_ACTION, 0, "", data)
        self._move(action, Trigger.MANUAL)

    def _move(self, action: Action, trigger: Trigger) -> None:
        self.state = MOTION[action][1]
        self.last_action = action
        self.last_trigger = trigger
        self._mark_changed()

    # The log, and the flag in the advertisement that says to read it

    def write_log(self, type_: LogType, who: int, name: str, data: bytes) -> None:
        """Appends; the oldest entry falls out."""
        self.log_index += 1
        self.log.append(LogEntry(self.log_index, self.utc(), who, name, type_, data))
        del self.log[:-LOG_CAPACITY]
        self._mark_changed()

    def was_read(self) -> None:
        """A client has read the state or the log."""
        if self.changed:
            self.changed = False
            self.on_change()

    def _mark_changed(self) -> None:
        if not self.changed:
            self.changed = True
            self.on_change()

    def _config_changed(self) -> None:
        self.config_updates = (self.config_updates + 1) & 0xFF
