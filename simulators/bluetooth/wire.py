"""What goes over the air: frames, their encryption, dates. Little-endian throughout.

Source of all layouts and numbers: Nuki Smart Lock API 2.1 (the vendor's Bluetooth document), whose
printed examples the tests verify. Nothing here is shared with the gateway: two readings of one
document that understand each other are evidence, one reading that understands itself is none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from binascii import crc_hqx
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from nacl.bindings import (
    crypto_box_beforenm,
    crypto_scalarmult_base,
    crypto_secretbox,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

_UUID = "-5501-11e4-916c-0800200c9a66"
PAIRING_SERVICE: Final = "a92ee100" + _UUID
PAIRING_GDIO: Final = "a92ee101" + _UUID
"""General data in and out: clear frames."""
KEYTURNER_SERVICE: Final = "a92ee200" + _UUID
KEYTURNER_GDIO: Final = "a92ee201" + _UUID
KEYTURNER_USDIO: Final = "a92ee202" + _UUID
"""User-specific data in and out: encrypted frames."""

NONCE_BYTES: Final = 32
"""Of a challenge."""
BOX_NONCE_BYTES: Final = 24
HEADER_BYTES: Final = BOX_NONCE_BYTES + 6  # nonce, authorisation, length
DATE_BYTES: Final = 7


class Command(IntEnum):
    """Command identifiers."""

    REQUEST_DATA = 0x0001
    PUBLIC_KEY = 0x0003
    CHALLENGE = 0x0004
    AUTHORIZATION_AUTHENTICATOR = 0x0005
    AUTHORIZATION_DATA = 0x0006
    AUTHORIZATION_ID = 0x0007
    KEYTURNER_STATES = 0x000C
    LOCK_ACTION = 0x000D
    STATUS = 0x000E
    BATTERY_REPORT = 0x0011
    ERROR_REPORT = 0x0012
    REQUEST_CONFIG = 0x0014
    CONFIG = 0x0015
    AUTHORIZATION_ID_CONFIRMATION = 0x001E
    VERIFY_SECURITY_PIN = 0x0020
    UPDATE_TIME = 0x0021
    REQUEST_LOG_ENTRIES = 0x0031
    LOG_ENTRY = 0x0032
    LOG_ENTRY_COUNT = 0x0033
    ADD_KEYPAD_CODE = 0x0041
    KEYPAD_CODE_ID = 0x0042
    REQUEST_KEYPAD_CODES = 0x0043
    KEYPAD_CODE_COUNT = 0x0044
    KEYPAD_CODE = 0x0045
    UPDATE_KEYPAD_CODE = 0x0046
    REMOVE_KEYPAD_CODE = 0x0047


class Status(IntEnum):
    """Payload of STATUS."""

    COMPLETE = 0x00
    ACCEPTED = 0x01


class ErrorCode(IntEnum):
    """First byte of ERROR_REPORT."""

    NOT_PAIRING = 0x10
    BAD_AUTHENTICATOR = 0x11
    PAIRING_BAD_PARAMETER = 0x12
    MAX_USER = 0x13
    NOT_AUTHORIZED = 0x20
    BAD_PIN = 0x21
    BAD_NONCE = 0x22
    BAD_PARAMETER = 0x23
    DISABLED = 0x25
    TIME_NOT_ALLOWED = 0x27
    TOO_MANY_PIN_ATTEMPTS = 0x28
    TOO_MANY_ENTRIES = 0x29
    CODE_ALREADY_EXISTS = 0x2A
    CODE_INVALID = 0x2B
    BUSY = 0x45
    BAD_CRC = 0xFD
    BAD_LENGTH = 0xFE
    UNKNOWN = 0xFF


class WireError(Exception):
    """Bytes that are no frame; `code` is what a lock answers to them."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True, slots=True)
class Frame:
    """One command and its payload, in either direction."""

    command: int
    payload: bytes = b""


def crc16(data: bytes) -> int:
    """CRC-CCITT: polynomial 0x1021, initial remainder 0xFFFF, not reflected."""
    return crc_hqx(data, 0xFFFF)


def with_crc(data: bytes) -> bytes:
    """The data and its CRC."""
    return data + struct.pack("<H", crc16(data))


def _without_crc(data: bytes) -> bytes:
    if struct.pack("<H", crc16(data[:-2])) != data[-2:]:
        raise WireError(ErrorCode.BAD_CRC)
    return data[:-2]


# Clear frames


def clear(frame: Frame) -> bytes:
    """A frame of the pairing service."""
    return with_crc(struct.pack("<H", frame.command) + frame.payload)


def read_clear(data: bytes) -> Frame:
    """Raises WireError."""
    if len(data) < 4:
        raise WireError(ErrorCode.BAD_LENGTH)
    content = _without_crc(data)
    return Frame(int.from_bytes(content[:2], "little"), content[2:])


# Encrypted frames


def key_pair() -> tuple[bytes, bytes]:
    """A private key of chance and its public key."""
    private = secrets.token_bytes(32)
    return private, public_key(private)


def public_key(private: bytes) -> bytes:
    """X25519."""
    return crypto_scalarmult_base(private)


def shared_key(their_public: bytes, private: bytes) -> bytes:
    """X25519 and HSalsa20: what both sides encrypt with."""
    return crypto_box_beforenm(their_public, private)


def authenticator(key: bytes, *parts: bytes) -> bytes:
    """h1 of the document: HMAC-SHA256."""
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def seal(key: bytes, authorisation: int, frame: Frame, *, spoil_crc: bool = False) -> bytes:
    """A frame of the keyturner service. A spoilt CRC is what a lock with a fault sends."""
    content = with_crc(struct.pack("<IH", authorisation, frame.command) + frame.payload)
    if spoil_crc:
        content = content[:-1] + bytes([content[-1] ^ 0xFF])
    nonce = secrets.token_bytes(BOX_NONCE_BYTES)
    box = crypto_secretbox(content, nonce, key)
    return nonce + struct.pack("<IH", authorisation, len(box)) + box


def sealed_length(data: bytes) -> int | None:
    """How long the encrypted frame is that begins here; None while too little has come."""
    if len(data) < HEADER_BYTES:
        return None
    return HEADER_BYTES + int.from_bytes(data[HEADER_BYTES - 2 : HEADER_BYTES], "little")


def sealed_for(data: bytes) -> int | None:
    """The authorisation that an encrypted frame names; None if it is none."""
    if len(data) < HEADER_BYTES:
        return None
    return int.from_bytes(data[BOX_NONCE_BYTES : BOX_NONCE_BYTES + 4], "little")


def unseal(key: bytes, data: bytes) -> Frame:
    """Raises WireError."""
    if sealed_length(data) != len(data):
        raise WireError(ErrorCode.BAD_LENGTH)
    try:
        content = crypto_secretbox_open(data[HEADER_BYTES:], data[:BOX_NONCE_BYTES], key)
    except CryptoError:
        raise WireError(ErrorCode.NOT_AUTHORIZED) from None
    content = _without_crc(content)
    if len(content) < 6 or content[:4] != data[BOX_NONCE_BYTES : BOX_NONCE_BYTES + 4]:
        raise WireError(ErrorCode.NOT_AUTHORIZED)
    return Frame(int.from_bytes(content[4:6], "little"), content[6:])


# Dates and texts


def pack_date(date: datetime | None) -> bytes:
    """Year as two bytes, then month, day, hour, minute, second; no date is zeros."""
    if date is None:
        return bytes(DATE_BYTES)
    moment = (date.year, date.month, date.day, date.hour, date.minute, date.second)
    return struct.pack("<HBBBBB", *moment)


def unpack_date(data: bytes) -> datetime | None:
    """Naive. Raises WireError for a day that no calendar has."""
    year, *rest = struct.unpack("<HBBBBB", data)
    if year == 0:
        return None
    try:
        return datetime(year, *rest)  # noqa: DTZ001 - the wire has no zone; UTC by convention
    except ValueError:
        raise WireError(ErrorCode.BAD_PARAMETER) from None


def pack_text(text: str, size: int) -> bytes:
    """UTF-8, padded with zeros, never cut within a character."""
    return text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")


def unpack_text(data: bytes) -> str:
    """What stands before the padding."""
    return data.rstrip(b"\0").decode(errors="replace")
