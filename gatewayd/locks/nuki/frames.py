"""Frames: how a command travels, and how it is put together again from its fragments.

Nuki Smart Lock API 2.1, "Message format" and "Encryption". Clear, while pairing: command u16,
payload, CRC u16. Encrypted: nonce 24, authorization id u32, length u16, then a secretbox of
authorization id u32, command u16, payload, CRC u16. Values come in pieces of 20 bytes or more.
"""

import struct
from abc import ABC, abstractmethod
from binascii import crc_hqx
from dataclasses import dataclass, field

from nacl.bindings import crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError

from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.wire import Malformed, exactly

KEY_SIZE = 32
SEAL_NONCE_SIZE = 24
HEADER_SIZE = 30
"""Bytes before the secretbox: nonce, authorization id, length."""
FRAME_OVERHEAD = 4
"""Bytes of a clear frame with an empty payload: command and CRC."""
BOX_SIZES = range(24, 513)
"""Bytes of a secretbox: its tag of 16 with an empty command, up to well above the longest."""
LONGEST_CLEAR = 256
"""Bytes; the longest clear frame known has 105."""
CLEAR_PAYLOADS = {
    Command.REQUEST_DATA: 2,
    Command.PUBLIC_KEY: 32,
    Command.CHALLENGE: 32,
    Command.AUTHORIZATION_AUTHENTICATOR: 32,
    Command.AUTHORIZATION_DATA: 101,
    Command.AUTHORIZATION_ID: 84,
    Command.STATUS: 1,
    Command.ERROR_REPORT: 3,
    Command.AUTHORIZATION_ID_CONFIRMATION: 36,
    Command.AUTHORIZATION_INFO: 1,
}
"""Bytes of payload of the commands that travel clear."""
_ERROR_FRAME = FRAME_OVERHEAD + CLEAR_PAYLOADS[Command.ERROR_REPORT]
_ERROR_START = struct.pack("<H", Command.ERROR_REPORT)


@dataclass(frozen=True, slots=True)
class Packet:
    """A command's number and payload, which may hold a code or a PIN."""

    command: int
    payload: bytes = field(default=b"", repr=False)


def crc16(data: bytes) -> int:
    """CRC-16 CCITT: polynomial 0x1021, initial value 0xFFFF, not reflected."""
    return crc_hqx(data, 0xFFFF)


def clear(packet: Packet) -> bytes:
    """A clear frame."""
    return _with_crc(struct.pack("<H", packet.command) + packet.payload)


def read_clear(frame: bytes) -> Packet:
    """The packet of one clear frame.

    Raises:
        Malformed: too short, or a wrong CRC.
    """
    body = _without_crc(frame)
    return Packet(int.from_bytes(body[:2], "little"), body[2:])


def seal(packet: Packet, auth_id: int, key: bytes, nonce: bytes) -> bytes:
    """An encrypted frame. The nonce has 24 bytes and must never serve twice with one key."""
    body = struct.pack("<IH", auth_id, packet.command) + packet.payload
    box = crypto_secretbox(_with_crc(body), exactly(nonce, SEAL_NONCE_SIZE), exactly(key, KEY_SIZE))
    return nonce + struct.pack("<IH", auth_id, len(box)) + box


def unseal(frame: bytes, auth_id: int, key: bytes) -> Packet:
    """The packet of one encrypted frame.

    Raises:
        Malformed: of a wrong length, not sealed with this key, a wrong CRC, or not for `auth_id`.
    """
    exactly(key, KEY_SIZE)
    if len(frame) < HEADER_SIZE:
        raise Malformed("an encrypted frame without its header")
    outer, size = struct.unpack_from("<IH", frame, SEAL_NONCE_SIZE)
    if size not in BOX_SIZES or len(frame) != HEADER_SIZE + size:
        raise Malformed("an encrypted frame of a wrong length")
    try:
        plain = crypto_secretbox_open(frame[HEADER_SIZE:], frame[:SEAL_NONCE_SIZE], key)
    except CryptoError:
        raise Malformed("an encrypted frame that the key does not open") from None
    body = _without_crc(plain)
    inner, command = struct.unpack_from("<IH", body)
    if inner != auth_id or outer != auth_id:
        raise Malformed("an encrypted frame for another authorization")
    return Packet(command, body[6:])


class Frames(ABC):
    """Puts frames together from their fragments; one object for each connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, fragment: bytes) -> list[Packet]:
        """The packets that this fragment completes.

        Raises:
            Malformed: all that came so far is dropped. What follows may begin amid a frame, so the
                connection is best ended.
        """
        self._buffer += fragment
        packets: list[Packet] = []
        try:
            while (packet := self._next()) is not None:
                packets.append(packet)
        except Malformed:
            self._buffer.clear()
            raise
        return packets

    @abstractmethod
    def _next(self) -> Packet | None:
        """Take one whole frame off the buffer, if there is one."""

    def _take(self, size: int) -> bytes:
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        return frame


class ClearFrames(Frames):
    """Clear frames. Known commands tell their size; one that is unknown is whole when the CRC fits
    at the end of a fragment.
    """

    def _next(self) -> Packet | None:
        size = self._size()
        return read_clear(self._take(size)) if size else None

    def _size(self) -> int:
        """Bytes of the whole frame at the beginning, 0 while it is not there."""
        have = len(self._buffer)
        if have < FRAME_OVERHEAD:
            return 0
        command = int.from_bytes(self._buffer[:2], "little")
        if command in CLEAR_PAYLOADS:
            whole = FRAME_OVERHEAD + CLEAR_PAYLOADS[Command(command)]
            return whole if have >= whole else 0
        if have > LONGEST_CLEAR:
            raise Malformed("a clear frame without an end")
        return have if _fits(bytes(self._buffer)) else 0


class SealedFrames(Frames):
    """Encrypted frames, opened.

    A lock that does not know the authorization answers with a clear error report; an encrypted
    frame is mistaken for one once in 2^32.
    """

    def __init__(self, auth_id: int, key: bytes) -> None:
        super().__init__()
        self._auth_id, self._key = auth_id, exactly(key, KEY_SIZE)

    def _next(self) -> Packet | None:
        start = bytes(self._buffer[:_ERROR_FRAME])
        if len(start) == _ERROR_FRAME and start.startswith(_ERROR_START) and _fits(start):
            return read_clear(self._take(_ERROR_FRAME))
        size = self._size()
        return unseal(self._take(size), self._auth_id, self._key) if size else None

    def _size(self) -> int:
        """Bytes of the whole frame at the beginning, 0 while it is not there."""
        if len(self._buffer) < HEADER_SIZE:
            return 0
        box = int.from_bytes(self._buffer[HEADER_SIZE - 2 : HEADER_SIZE], "little")
        if box not in BOX_SIZES:
            raise Malformed("an encrypted frame of a wrong length")
        whole = HEADER_SIZE + box
        return whole if len(self._buffer) >= whole else 0


def _with_crc(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


def _fits(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of those before."""
    return len(frame) >= FRAME_OVERHEAD and _with_crc(frame[:-2]) == frame


def _without_crc(frame: bytes) -> bytes:
    if not _fits(frame):
        raise Malformed("a wrong CRC")
    return frame[:-2]
