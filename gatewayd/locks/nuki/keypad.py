"""Keypad codes: add, list, update, remove.

Nuki Smart Lock API 2.1, "Add Keypad Code" to "Remove Keypad Code". Names are hidden like codes:
among them are those that residents gave.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import ClassVar, Self

from gatewayd.domain.code import Code
from gatewayd.domain.hours import EVERY_DAY, MIDNIGHT
from gatewayd.locks.nuki.exchange import SecurityPin, pack_proof, read_proof
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.times import (
    pack_date,
    pack_time,
    pack_weekdays,
    read_date,
    read_time,
    unpack_weekdays,
)
from gatewayd.locks.nuki.wire import Reader, padded

NAME_SIZE = 20
"""Bytes of UTF-8."""
_LARGEST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """When a code opens. No date is no limit on that side; equal times of day are the whole day,
    and None is a time that nobody can read.
    """

    start: datetime | None = None
    until: datetime | None = None
    weekdays: frozenset[int] = EVERY_DAY
    from_time: time | None = MIDNIGHT
    until_time: time | None = MIDNIGHT

    SIZE: ClassVar = 19

    def pack(self) -> bytes:
        """start@0, until@7, weekdays@14, times@15 and 17."""
        dates = pack_date(self.start) + pack_date(self.until)
        times = pack_time(self.from_time) + pack_time(self.until_time)
        return dates + bytes((pack_weekdays(self.weekdays),)) + times

    @classmethod
    def read(cls, fields: Reader) -> Self:
        """19 bytes."""
        start, until, days = read_date(fields), read_date(fields), unpack_weekdays(fields.u8())
        return cls(start, until, days, read_time(fields), read_time(fields))


def _pack_limit(limit: TimeLimit | None) -> bytes:
    """Always there in what is sent: the flag apart, zeros where nothing is limited."""
    return limit.pack() if limit else bytes(TimeLimit.SIZE)


def _read_limit(fields: Reader, *, limited: int) -> TimeLimit | None:
    if not limited:
        fields.take(TimeLimit.SIZE)
        return None
    return TimeLimit.read(fields)


def _pack_code(code: Code) -> bytes:
    """The code as a number.

    Raises:
        ValueError: it begins with 0 or is too long, and would be read back as another.
    """
    number = int(code.digits) if len(code.digits) <= len(str(_LARGEST)) else _LARGEST + 1
    if str(number) != code.digits or number > _LARGEST:
        raise ValueError("a keypad code is a number below 2^32 that does not begin with 0")
    return struct.pack("<I", number)


def _read_code(fields: Reader) -> Code:
    return Code(str(fields.u32()))


@dataclass(frozen=True, slots=True)
class AddKeypadCode:
    """Adds a code; answered by its id, `CODE_ALREADY_EXISTS` or `TOO_MANY_ENTRIES`."""

    command: ClassVar = Command.ADD_KEYPAD_CODE
    code: Code
    name: str = field(repr=False)
    limit: TimeLimit | None
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """code@0, name@4, limited@24, limit@25, nonce@44, pin@76."""
        limited = bytes((self.limit is not None,))
        return (
            _pack_code(self.code)
            + padded(self.name, NAME_SIZE)
            + limited
            + _pack_limit(self.limit)
            + pack_proof(self.nonce, self.pin)
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        code, name = _read_code(fields), fields.text(NAME_SIZE)
        return cls(code, name, _read_limit(fields, limited=fields.u8()), *read_proof(fields))


@dataclass(frozen=True, slots=True)
class KeypadCodeId:
    """The lock added a code."""

    command: ClassVar = Command.KEYPAD_CODE_ID
    code_id: int
    created: datetime | None

    def pack(self) -> bytes:
        """id@0, created@2."""
        return struct.pack("<H", self.code_id) + pack_date(self.created)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """What follows is ignored."""
        fields = Reader(payload)
        return cls(fields.u16(), read_date(fields))


@dataclass(frozen=True, slots=True)
class RequestKeypadCodes:
    """Asks for the list; answered by the count and as many codes as asked for."""

    command: ClassVar = Command.REQUEST_KEYPAD_CODES
    offset: int
    count: int
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """offset@0, count@2, nonce@4, pin@36."""
        return struct.pack("<HH", self.offset, self.count) + pack_proof(self.nonce, self.pin)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        return cls(fields.u16(), fields.u16(), *read_proof(fields))


@dataclass(frozen=True, slots=True)
class KeypadCodeCount:
    """How many codes the lock holds; the codes follow."""

    command: ClassVar = Command.KEYPAD_CODE_COUNT
    count: int

    def pack(self) -> bytes:
        """Two bytes."""
        return struct.pack("<H", self.count)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """What follows is ignored."""
        return cls(Reader(payload).u16())


@dataclass(frozen=True, slots=True)
class KeypadCode:
    """One code of the list."""

    command: ClassVar = Command.KEYPAD_CODE
    code_id: int
    code: Code
    name: str = field(repr=False)
    enabled: bool
    created: datetime | None
    last_active: datetime | None
    lock_count: int
    limit: TimeLimit | None

    def pack(self) -> bytes:
        """id@0, code@2, name@6, enabled@26, created@27, last active@34, lock count@41,
        limited@43, and only then limit@44: 44 or 63 bytes.
        """
        return (
            struct.pack("<H", self.code_id)
            + _pack_code(self.code)
            + padded(self.name, NAME_SIZE)
            + bytes((self.enabled,))
            + pack_date(self.created)
            + pack_date(self.last_active)
            + struct.pack("<HB", self.lock_count, self.limit is not None)
            + (self.limit.pack() if self.limit else b"")
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """What follows, a limit that is not in force included, is ignored."""
        fields = Reader(payload)
        code_id, code, name = fields.u16(), _read_code(fields), fields.text(NAME_SIZE)
        enabled, created, active = bool(fields.u8()), read_date(fields), read_date(fields)
        lock_count, limited = fields.u16(), fields.u8()
        limit = TimeLimit.read(fields) if limited else None
        return cls(code_id, code, name, enabled, created, active, lock_count, limit)


@dataclass(frozen=True, slots=True)
class UpdateKeypadCode:
    """Replaces the whole record of a code."""

    command: ClassVar = Command.UPDATE_KEYPAD_CODE
    code_id: int
    code: Code
    name: str = field(repr=False)
    enabled: bool
    limit: TimeLimit | None
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """id@0, code@2, name@6, enabled@26, limited@27, limit@28, nonce@47, pin@79."""
        return (
            struct.pack("<H", self.code_id)
            + _pack_code(self.code)
            + padded(self.name, NAME_SIZE)
            + bytes((self.enabled, self.limit is not None))
            + _pack_limit(self.limit)
            + pack_proof(self.nonce, self.pin)
        )

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        code_id, code, name = fields.u16(), _read_code(fields), fields.text(NAME_SIZE)
        enabled = bool(fields.u8())
        limit = _read_limit(fields, limited=fields.u8())
        return cls(code_id, code, name, enabled, limit, *read_proof(fields))


@dataclass(frozen=True, slots=True)
class RemoveKeypadCode:
    """Removes a code."""

    command: ClassVar = Command.REMOVE_KEYPAD_CODE
    code_id: int
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """id@0, nonce@2, pin@34."""
        return struct.pack("<H", self.code_id) + pack_proof(self.nonce, self.pin)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        fields = Reader(payload)
        return cls(fields.u16(), *read_proof(fields))
