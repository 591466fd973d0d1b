"""A bare client on the codec, over any bleak client: what the least possible would send.

Tests use it to ask the simulator, benchmarks as what a driver is compared with. It does not retry,
and it waits at most `within_s` for each reply.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bleak import BleakClient

from simulators.bluetooth.codes import Wanted
from simulators.bluetooth.records import NAME_BYTES, LogEntry, Window
from simulators.bluetooth.wire import (
    KEYTURNER_USDIO,
    NONCE_BYTES,
    PAIRING_GDIO,
    Command,
    ErrorCode,
    Frame,
    Status,
    WireError,
    authenticator,
    clear,
    key_pair,
    pack_date,
    pack_text,
    read_clear,
    seal,
    sealed_length,
    shared_key,
    unpack_text,
    unseal,
)

ERROR_FRAME_BYTES: Final = 7
"""A clear error report where encrypted frames are expected: the lock has no key for us."""


class LockError(Exception):
    """The lock's error report."""

    def __init__(self, code: int, command: int) -> None:
        super().__init__(f"0x{code:02x} to 0x{command:04x}")
        self.code = code


class LinkLostError(Exception):
    """The link broke while a reply was awaited."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What pairing leaves."""

    authorisation: int
    key: bytes
    pin: int

    @classmethod
    def from_control(cls, made: dict[str, Any]) -> Credentials:
        """From the answer to `BluetoothSimulator.authorise`."""
        return cls(made["auth_id"], bytes.fromhex(made["shared_key"]), made["pin"])


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list of codes."""

    id: int
    code: int
    name: str
    enabled: bool
    lock_count: int
    window: Window | None

    @classmethod
    def unpack(cls, data: bytes) -> Listed:
        """From KEYPAD_CODE."""
        id_, code = struct.unpack_from("<HI", data)
        return cls(
            id=id_,
            code=code,
            name=unpack_text(data[6:26]),
            enabled=bool(data[26]),
            lock_count=int.from_bytes(data[41:43], "little"),
            window=Window.unpack(data[44:]) if data[43] else None,
        )


class BareClient:
    """One link to one lock."""

    def __init__(
        self, client: BleakClient, credentials: Credentials | None = None, within_s: float = 5.0
    ) -> None:
        self._client = client
        self.credentials = credentials
        self._within_s = within_s
        self._frames: asyncio.Queue[Frame | Exception] = asyncio.Queue()
        self._clear = bytearray()
        self._sealed = bytearray()
        self.largest_part = 0
        """Bytes in the largest indication so far."""

    async def listen(self, *, pairing: bool = False) -> None:
        """Asks for indications."""
        characteristic, take = KEYTURNER_USDIO, self._take_sealed
        if pairing:
            characteristic, take = PAIRING_GDIO, self._take_clear
        await self._client.start_notify(characteristic, take)

    def lost(self) -> None:
        """To be called when the link has broken: who waits is told."""
        self._frames.put_nowait(LinkLostError())

    # Frames

    def _take_clear(self, _sender: object, part: bytearray) -> None:
        self._clear += part
        try:
            frame = read_clear(bytes(self._clear))
        except WireError:  # not all of it yet
            return
        self._clear.clear()
        self._frames.put_nowait(frame)

    def _take_sealed(self, _sender: object, part: bytearray) -> None:
        self.largest_part = max(self.largest_part, len(part))
        self._sealed += part
        if len(self._sealed) == ERROR_FRAME_BYTES:
            self._frames.put_nowait(read_clear(bytes(self._sealed)))
            self._sealed.clear()
        while (length := sealed_length(bytes(self._sealed))) and len(self._sealed) >= length:
            data = bytes(self._sealed[:length])
            del self._sealed[:length]
            assert self.credentials is not None
            try:
                self._frames.put_nowait(unseal(self.credentials.key, data))
            except WireError as error:
                self._frames.put_nowait(error)

    async def hear(self, *wanted: Command) -> Frame:
        """The next frame, which must be one of these. Raises LockError, WireError, TimeoutError."""
        async with asyncio.timeout(self._within_s):
            frame = await self._frames.get()
        if isinstance(frame, Exception):
            raise frame
        if frame.command == Command.ERROR_REPORT:
            raise LockError(*struct.unpack("<BH", frame.payload))
        if frame.command not in wanted:
            raise WireError(ErrorCode.UNKNOWN)
        return frame

    async def send(self, command: Command, payload: bytes = b"") -> None:
        """One encrypted frame."""
        assert self.credentials is not None
        data = seal(self.credentials.key, self.credentials.authorisation, Frame(command, payload))
        await self._client.write_gatt_char(KEYTURNER_USDIO, data, response=True)

    async def request(self, what: Command) -> bytes:
        """The payload of data that needs no challenge."""
        await self.send(Command.REQUEST_DATA, struct.pack("<H", what))
        return (await self.hear(what)).payload

    async def order(self, command: Command, body: bytes = b"", *, pin: bool = True) -> None:
        """A command with a fresh challenge and, as most want it, the PIN."""
        assert self.credentials is not None
        challenge = await self.request(Command.CHALLENGE)
        tail = struct.pack("<H", self.credentials.pin) if pin else b""
        await self.send(command, body + challenge + tail)

    async def complete(self) -> None:
        """Waits for the status that ends a command."""
        while (await self.hear(Command.STATUS)).payload[0] != Status.COMPLETE:
            pass

    # Pairing

    async def _say(self, command: Command, payload: bytes, reply: Command) -> bytes:
        data = clear(Frame(command, payload))
        await self._client.write_gatt_char(PAIRING_GDIO, data, response=True)
        return (await self.hear(reply)).payload

    async def pair(self, pin: int = 1234, name: str = "bare", app_id: int = 42) -> Credentials:
        """The vendor's handshake, as an app. Raises LockError."""
        private, public = key_pair()
        ask = struct.pack("<H", Command.PUBLIC_KEY)
        theirs = await self._say(Command.REQUEST_DATA, ask, Command.PUBLIC_KEY)
        challenge = await self._say(Command.PUBLIC_KEY, public, Command.CHALLENGE)
        key = shared_key(theirs, private)
        proof = authenticator(key, public, theirs, challenge)
        challenge = await self._say(Command.AUTHORIZATION_AUTHENTICATOR, proof, Command.CHALLENGE)
        nonce = secrets.token_bytes(NONCE_BYTES)
        said = struct.pack("<BI", 0, app_id) + pack_text(name, 32) + nonce
        proof = authenticator(key, said, challenge)
        made = await self._say(Command.AUTHORIZATION_DATA, proof + said, Command.AUTHORIZATION_ID)
        if made[:32] != authenticator(key, made[32:], nonce):
            raise WireError(ErrorCode.BAD_AUTHENTICATOR)
        id_, challenge = made[32:36], made[52:84]
        proof = authenticator(key, id_, challenge)
        await self._say(Command.AUTHORIZATION_ID_CONFIRMATION, proof + id_, Command.STATUS)
        self.credentials = Credentials(int.from_bytes(id_, "little"), key, pin)
        return self.credentials

    # Codes

    async def add(self, wanted: Wanted) -> int:
        """The id of the new code."""
        body = struct.pack("<I", wanted.code) + pack_text(wanted.name, NAME_BYTES)
        await self.order(Command.ADD_KEYPAD_CODE, body + _limits(wanted))
        made = await self.hear(Command.KEYPAD_CODE_ID)
        await self.complete()
        return int.from_bytes(made.payload[:2], "little")

    async def codes(self, offset: int = 0, count: int = 0xFFFF) -> list[Listed]:
        """As many as the lock sends until it says that this was all."""
        await self.order(Command.REQUEST_KEYPAD_CODES, struct.pack("<HH", offset, count))
        await self.hear(Command.KEYPAD_CODE_COUNT)
        found = []
        while (frame := await self._next(Command.KEYPAD_CODE)) is not None:
            found.append(Listed.unpack(frame.payload))
        return found

    async def update(self, id_: int, wanted: Wanted) -> None:
        """Replaces a code."""
        body = struct.pack("<HI", id_, wanted.code) + pack_text(wanted.name, NAME_BYTES)
        enabled = bytes([wanted.enabled])
        await self.order(Command.UPDATE_KEYPAD_CODE, body + enabled + _limits(wanted))
        await self.complete()

    async def remove(self, id_: int) -> None:
        """Removes a code."""
        await self.order(Command.REMOVE_KEYPAD_CODE, struct.pack("<H", id_))
        await self.complete()

    # The rest

    async def verify_pin(self) -> None:
        """Raises LockError when it is wrong."""
        await self.order(Command.VERIFY_SECURITY_PIN)
        await self.complete()

    async def set_time(self, utc: datetime) -> None:
        """Sets the lock's clock."""
        await self.order(Command.UPDATE_TIME, pack_date(utc))
        await self.complete()

    async def log(
        self, start: int = 0, count: int = 100, *, newest_first: bool = False
    ) -> tuple[int, list[LogEntry]]:
        """How many there are, and those asked for."""
        body = struct.pack("<IHBB", start, count, newest_first, 1)
        await self.order(Command.REQUEST_LOG_ENTRIES, body)
        total = (await self.hear(Command.LOG_ENTRY_COUNT)).payload
        found = []
        while (frame := await self._next(Command.LOG_ENTRY)) is not None:
            found.append(LogEntry.unpack(frame.payload))
        return int.from_bytes(total[1:3], "little"), found

    async def act(self, action: int, suffix: str | None = None) -> list[bytes]:
        """Turns the lock: the states it told of on the way."""
        body = struct.pack("<BIB", action, 42, 0)
        if suffix is not None:
            body += pack_text(suffix, 20)
        await self.order(Command.LOCK_ACTION, body, pin=False)
        states = []
        while True:
            frame = await self.hear(Command.STATUS, Command.KEYTURNER_STATES)
            if frame.command == Command.KEYTURNER_STATES:
                states.append(frame.payload)
            elif frame.payload[0] == Status.COMPLETE:
                return states

    async def _next(self, wanted: Command) -> Frame | None:
        """The next of several; None: that was all."""
        frame = await self.hear(wanted, Command.STATUS)
        return None if frame.command == Command.STATUS else frame


def _limits(wanted: Wanted) -> bytes:
    return bytes([wanted.limited]) + wanted.window.pack()
