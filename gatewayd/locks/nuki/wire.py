"""Reading and writing fields: little-endian numbers, padded names, raw keys."""

import struct
from collections.abc import Buffer
from enum import IntEnum

from gatewayd.errors import GatewaydError


class Malformed(GatewaydError):
    """Bytes that are no frame or no command of a Nuki. The text never holds any of them."""


class Reader:
    """Takes fields off a payload, from its beginning.

    Every method raises:
        Malformed: there are fewer bytes than the field has.
    """

    __slots__ = ("_at", "_payload")

    def __init__(self, payload: Buffer) -> None:
        self._payload, self._at = bytes(payload), 0

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return len(self._payload) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes as they are."""
        if size > self.left:
            raise Malformed(f"a field of {size} bytes, but only {self.left} are left")
        self._at += size
        return self._payload[self._at - size : self._at]

    def numbers(self, layout: str) -> tuple[int, ...]:
        """Numbers laid out as the letters of `struct` say: B b H h I, little-endian."""
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def u8(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Two bytes."""
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        """Four bytes."""
        return int.from_bytes(self.take(4), "little")

    def text(self, size: int) -> str:
        """UTF-8 up to the first zero byte; what is no UTF-8 becomes U+FFFD."""
        return self.take(size).split(b"\0")[0].decode(errors="replace")

    def end(self) -> None:
        """Nothing may be left: for commands that a lock checks strictly."""
        if self.left:
            raise Malformed(f"{self.left} bytes too many")


def padded(text: str, size: int) -> bytes:
    """UTF-8 with zero bytes behind it.

    Raises:
        ValueError: it does not fit, or would not be read back as it is.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise ValueError("a name is not UTF-8") from None
    if len(raw) > size or b"\0" in raw:
        raise ValueError(f"a name has at most {size} bytes, none of them zero")
    return raw.ljust(size, b"\0")


def exactly(raw: bytes, size: int) -> bytes:
    """A key or nonce of the right size.

    Raises:
        ValueError: of another size.
    """
    if len(raw) != size:
        raise ValueError(f"{size} bytes are needed, {len(raw)} were given")
    return raw


def known[E: IntEnum](kind: type[E], value: int) -> E | int:
    """The member with this number; a number that is not in the list stays a number."""
    try:
        return kind(value)
    except ValueError:
        return value
