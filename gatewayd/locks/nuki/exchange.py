"""Commands of every exchange: asking, challenge, PIN, clock, status, error.

Nuki Smart Lock API 2.1, "Commands". A command that the PIN protects ends with the nonce of a
challenge asked for just before, and the PIN.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self

from gatewayd.locks.nuki.identifiers import Command, ErrorCode, StatusCode
from gatewayd.locks.nuki.times import pack_date, read_date
from gatewayd.locks.nuki.wire import Malformed, Reader, exactly, known

NONCE_SIZE = 32
SHORT_PIN, LONG_PIN = 2, 4
"""Bytes of a security PIN: the Smart Lock's and the Ultra's."""


@dataclass(frozen=True, slots=True, repr=False)
class SecurityPin:
    """The PIN set in the vendor's app: four digits in two bytes, or six in four on the Ultra.

    Raises:
        ValueError: too large for its bytes.
    """

    value: int
    size: int = SHORT_PIN

    def __post_init__(self) -> None:
        if self.size not in (SHORT_PIN, LONG_PIN) or not 0 <= self.value < 1 << 8 * self.size:
            raise ValueError("a security PIN has two bytes, or four on the Ultra")

    def __repr__(self) -> str:
        return "SecurityPin(hidden)"

    def pack(self) -> bytes:
        """Little-endian."""
        return self.value.to_bytes(self.size, "little")


def pack_proof(nonce: bytes, pin: SecurityPin) -> bytes:
    """What ends each protected command."""
    return exactly(nonce, NONCE_SIZE) + pin.pack()


def read_proof(fields: Reader) -> tuple[bytes, SecurityPin]:
    """Nonce and PIN; how many bytes are left tells the size of the PIN."""
    nonce, size = fields.take(NONCE_SIZE), fields.left
    if size not in (SHORT_PIN, LONG_PIN):
        raise Malformed("no PIN of two or four bytes at the end")
    return nonce, SecurityPin(int.from_bytes(fields.take(size), "little"), size)


@dataclass(frozen=True, slots=True)
class RequestData:
    """Asks for a command: a challenge, the public key, the states, the battery report."""

    command: ClassVar = Command.REQUEST_DATA
    wanted: Command | int

    def pack(self) -> bytes:
        """Two bytes."""
        return struct.pack("<H", self.wanted)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict. Data that may follow for other commands is not known here."""
        fields = Reader(payload)
        wanted = known(Command, fields.u16())
        fields.end()
        return cls(wanted)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A nonce to be sent back once, with the next command."""

    command: ClassVar = Command.CHALLENGE
    nonce: bytes = field(repr=False)

    def pack(self) -> bytes:
        """32 bytes."""
        return exactly(self.nonce, NONCE_SIZE)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The nonce."""
        return cls(Reader(payload).take(NONCE_SIZE))


@dataclass(frozen=True, slots=True)
class VerifySecurityPin:
    """Asks whether the PIN is right; answered by a status or `BAD_PIN`."""

    command: ClassVar = Command.VERIFY_SECURITY_PIN
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """nonce@0, pin@32."""
        return pack_proof(self.nonce, self.pin)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict."""
        return cls(*read_proof(Reader(payload)))


@dataclass(frozen=True, slots=True)
class UpdateTime:
    """Sets the lock's clock."""

    command: ClassVar = Command.UPDATE_TIME
    at: datetime | None
    nonce: bytes = field(repr=False)
    pin: SecurityPin = field(repr=False)

    def pack(self) -> bytes:
        """date@0, nonce@7, pin@39."""
        return pack_date(self.at) + pack_proof(self.nonce, self.pin)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """Strict; `at` is None where the bytes are no date."""
        fields = Reader(payload)
        return cls(read_date(fields), *read_proof(fields))


@dataclass(frozen=True, slots=True)
class Status:
    """The lock completed a command, or accepted it and will say more."""

    command: ClassVar = Command.STATUS
    code: StatusCode | int

    def pack(self) -> bytes:
        """One byte."""
        return struct.pack("<B", self.code)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """An unknown status stays a number."""
        return cls(known(StatusCode, Reader(payload).u8()))


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """The lock refused a command; `refused` is 0 where the lock could not read which."""

    command: ClassVar = Command.ERROR_REPORT
    code: ErrorCode | int
    refused: Command | int

    def pack(self) -> bytes:
        """code@0, command@1."""
        return struct.pack("<BH", self.code, self.refused)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """An unknown code or command stays a number."""
        fields = Reader(payload)
        return cls(known(ErrorCode, fields.u8()), known(Command, fields.u16()))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that is not known here; its payload is not kept."""

    command: int
