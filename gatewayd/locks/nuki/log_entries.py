"""The lock's log: who did what, and which code was typed.

Nuki Smart Lock API 2.1, "Request Log Entries", "Log Entry" and "Log Entry Count"; the numbers of
data bytes that locks add are those seen by ronengr/pyNukiBT. Names are hidden: they are people's.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import ClassVar, Self

from gatewayd.locks.nuki.exchange import SecurityPin, pack_proof, read_proof
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.states import Action, Completion, DoorSensor, Trigger
from gatewayd.locks.nuki.times import pack_date, read_date
from gatewayd.locks.nuki.wire import Reader, known, padded

NAME_SIZE = 32


class SortOrder(IntEnum):
    """By index."""

    ASCENDING = 0x00
    DESCENDING = 0x01


class LogType(IntEnum):
    """What a log entry tells of."""

    LOGGING = 0x01
    LOCK_ACTION = 0x02
    CALIBRATION = 0x03
    INITIALIZATION_RUN = 0x04
    KEYPAD_ACTION = 0x05
    DOOR_SENSOR = 0x06
    DOOR_SENSOR_LOGGING = 0x07


class KeypadSource(IntEnum):
    """What was used at the keypad."""

    ARROW_KEY = 0x00
    CODE = 0x01
    FINGERPRINT = 0x02


@dataclass(frozen=True, slots=True)
class Switched:
    """Logging was switched on or off, or that of the door sensor."""

    enabled: bool

    def pack(self) -> bytes:
        """enabled@0."""
        return bytes((self.enabled,))


@dataclass(frozen=True, slots=True)
class Acted:
    """The motor turned, also for a calibration. Flags are those of the lock action."""

    action: Action | int
    trigger: Trigger | int
    flags: int
    completion: Completion | int

    def pack(self) -> bytes:
        """action@0, trigger@1, flags@2, completion@3."""
        return bytes((self.action, self.trigger, self.flags, self.completion))


@dataclass(frozen=True, slots=True)
class KeypadUsed:
    """Somebody used the keypad. Source and code id say whose code; INVALID_CODE is a wrong one."""

    action: Action | int
    source: KeypadSource | int
    completion: Completion | int
    code_id: int

    def pack(self) -> bytes:
        """action@0, source@1, completion@2, code id@3."""
        return struct.pack("<BBBH", self.action, self.source, self.completion, self.code_id)


@dataclass(frozen=True, slots=True)
class DoorSensed:
    """The door sensor told something."""

    state: DoorSensor | int

    def pack(self) -> bytes:
        """state@0."""
        return bytes((self.state,))


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Data of an entry whose type is not known here."""

    data: bytes = field(repr=False)

    def pack(self) -> bytes:
        """As it came."""
        return self.data


type LogData = Switched | Acted | KeypadUsed | DoorSensed | Undecoded


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log. `auth_id` is 0 where nobody's authorization was used."""

    command: ClassVar = Command.LOG_ENTRY
    index: int
    at: datetime | None
    auth_id: int
    name: str = field(repr=False)
    kind: LogType | int
    data: LogData

    def pack(self) -> bytes:
        """index@0, time@4, auth-id@11, name@15, type@47, data@48."""
        return (
            struct.pack("<I", self.index)
            + pack_date(self.at)
            + struct.pack("<I", self.auth_id)
            + padded(self.name, NAME_SIZE)
            + struct.pack("<B", self.kind)
            + self.data.pack()
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Locks fill the data up with bytes that mean nothing; they are ignored."""
        fields = Reader(payload)
        index, at, auth_id = fields.u32(), read_date(fields), fields.u32()
        name, kind = fields.text(NAME_SIZE), known(LogType, fields.u8())
        return cls(index, at, auth_id, name, kind, _read_data(kind, fields))


def _read_data(kind: int, fields: Reader) -> LogData:
    match kind:
        case LogType.LOGGING | LogType.DOOR_SENSOR_LOGGING:
            return Switched(bool(fields.u8()))
        case LogType.LOCK_ACTION | LogType.CALIBRATION | LogType.INITIALIZATION_RUN:
            action, trigger, flags, completion = fields.numbers("BBBB")
            return Acted(
                known(Action, action),
                known(Trigger, trigger),
                flags,
                known(Completion, completion),
            )
        case LogType.KEYPAD_ACTION:
            action, source, completion, code_id = fields.numbers("BBBH")
            return KeypadUsed(
                known(Action, action),
                known(KeypadSource, source),
                known(Completion, completion),
                code_id,
            )
        case LogType.DOOR_SENSOR:
            return DoorSensed(known(DoorSensor, fields.u8()))
        case _:
            return Undecoded(fields.take(fields.left))


@dataclass(frozen=True, slots=True)
class RequestLogEntries:
    """Asks for `count` entries from `start` on; with `total`, for their number before them."""

    command: ClassVar = Command.REQUEST_LOG_ENTRIES
    start: int
    count: int
    order: SortOrder | int
    total: bool
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """start@0, count@4, order@6, total@7, nonce@8, pin@40."""
        asked = struct.pack("<IHBB", self.start, self.count, self.order, self.total)
        return asked + pack_proof(self.nonce, self.pin)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        start, count, order, total = fields.numbers("IHBB")
        return cls(start, count, known(SortOrder, order), bool(total), *read_proof(fields))


@dataclass(frozen=True, slots=True)
class LogEntryCount:
    """How many entries there are, and what the lock logs at all."""

    command: ClassVar = Command.LOG_ENTRY_COUNT
    logging: bool
    count: int
    door_sensor: bool = False
    door_sensor_logging: bool = False

    def pack(self) -> bytes:
        """logging@0, count@1, door sensor@3, its logging@4."""
        return struct.pack(
            "<BHBB", self.logging, self.count, self.door_sensor, self.door_sensor_logging
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Three bytes at least: a lock without door sensor may leave the last two out."""
        fields = Reader(payload)
        logging, count = bool(fields.u8()), fields.u16()
        sensor, sensor_logging = (bool(fields.u8()) if fields.left else False for _ in range(2))
        return cls(logging, count, sensor, sensor_logging)
