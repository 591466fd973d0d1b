"""One link to a lock: commands in, replies out, one after the other.

Of a lock's faults, here: silent, drop_before, drop_after, mute, busy, reject, wrong_crc, garbage,
slow_ms, fragments.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from bumble import core, hci
from bumble.device import Connection
from bumble.gatt import Characteristic

from simulators.bluetooth.codes import Refused
from simulators.bluetooth.commands import answer, error
from simulators.bluetooth.faults import Drop
from simulators.bluetooth.lock import Lock
from simulators.bluetooth.pairing import Handshake
from simulators.bluetooth.records import Authorisation
from simulators.bluetooth.wire import (
    Command,
    ErrorCode,
    Frame,
    WireError,
    clear,
    read_clear,
    seal,
    sealed_for,
    unseal,
)


def name_of(command: int) -> str:
    """As counters and faults call it."""
    try:
        return Command(command).name.lower()
    except ValueError:
        return f"0x{command:04x}"


class Exchange:
    """What the lock does on one link, until that ends."""

    def __init__(
        self,
        lock: Lock,
        link: Connection,
        gdio: Characteristic[bytes],
        usdio: Characteristic[bytes],
    ) -> None:
        self._lock = lock
        self._link = link
        self._gdio = gdio
        self._usdio = usdio
        self._handshake = Handshake(lock)
        self._written: asyncio.Queue[tuple[Characteristic[bytes], bytes]] = asyncio.Queue()

    def write(self, characteristic: Characteristic[bytes], value: bytes) -> None:
        """The client has written; it is served in turn."""
        self._written.put_nowait((characteristic, value))

    async def run(self, idle_s: float) -> None:
        """Until cancelled, or until nobody has written for so long: then the lock hangs up."""
        try:
            while True:
                async with asyncio.timeout(idle_s):
                    characteristic, value = await self._written.get()
                if self._lock.faults.silent:
                    continue
                if characteristic is self._gdio:
                    await self._pair(value)
                else:
                    await self._serve(value)
        except TimeoutError:
            await self._hang_up()
        except core.BaseBumbleError:  # the link broke while it was used
            pass

    async def _hang_up(self) -> None:
        await self._link.disconnect(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

    # Clear frames

    async def _pair(self, value: bytes) -> None:
        try:
            frame = read_clear(value)
        except WireError as complaint:
            await self._send_clear(self._gdio, error(complaint.code, 0))
            return
        await self._perform(self._gdio, None, frame, self._step(frame))

    async def _step(self, frame: Frame) -> AsyncGenerator[Frame]:
        yield self._handshake.answer(frame)

    # Encrypted frames

    async def _serve(self, value: bytes) -> None:
        who = self._lock.authorisations.get(sealed_for(value) or 0)
        if who is None:
            await self._send_clear(self._usdio, error(ErrorCode.NOT_AUTHORIZED, 0))
            return
        try:
            frame = unseal(who.key, value)
        except WireError as complaint:
            await self._send_clear(self._usdio, error(complaint.code, 0))
            return
        await self._perform(self._usdio, who, frame, answer(self._lock, who, frame))

    # Both

    async def _perform(
        self,
        characteristic: Characteristic[bytes],
        who: Authorisation | None,
        frame: Frame,
        acting: AsyncIterator[Frame],
    ) -> None:
        self._lock.commands[name_of(frame.command)] += 1
        faults = self._lock.faults
        if _meets(faults.drop_before, frame):
            self._lock.faults = replace(faults, drop_before=None)
            await self._hang_up()
            return
        drop = faults.drop_after if _meets(faults.drop_after, frame) else None
        if drop is not None:
            self._lock.faults = replace(faults, drop_after=None)
        most = 0 if faults.mute == frame.command else None if drop is None else drop.replies
        async with aclosing(self._replies(frame, acting)) as replies:
            sent = 0
            async for reply in replies:
                if most is None or sent < most:
                    await self._send(characteristic, who, reply)
                    sent += 1
        if drop is not None:
            await self._hang_up()

    async def _replies(self, frame: Frame, acting: AsyncIterator[Frame]) -> AsyncGenerator[Frame]:
        faults = self._lock.faults
        if faults.busy and frame.command != Command.REQUEST_DATA:
            self._lock.faults = replace(faults, busy=faults.busy - 1)
            yield error(ErrorCode.BUSY, frame.command)
            return
        if faults.reject and faults.reject.meets(frame.command):
            yield error(faults.reject.error, frame.command)
            return
        try:
            async for reply in acting:
                yield reply
        except (Refused, WireError) as refusal:
            yield error(refusal.code, frame.command)

    async def _send(
        self, characteristic: Characteristic[bytes], who: Authorisation | None, frame: Frame
    ) -> None:
        if who is None:
            await self._send_clear(characteristic, frame)
        else:
            spoil = self._lock.faults.wrong_crc
            await self._indicate(characteristic, seal(who.key, who.id, frame, spoil_crc=spoil))

    async def _send_clear(self, characteristic: Characteristic[bytes], frame: Frame) -> None:
        data = clear(frame)
        if self._lock.faults.wrong_crc:
            data = data[:-1] + bytes([data[-1] ^ 0xFF])
        await self._indicate(characteristic, data)

    async def _indicate(self, characteristic: Characteristic[bytes], data: bytes) -> None:
        faults = self._lock.faults
        if faults.slow_ms:
            await asyncio.sleep(faults.slow_ms / 1000)
        if faults.garbage:
            data = secrets.token_bytes(len(data))
        size = min(faults.fragments or len(data), self._link.att_mtu - 3)
        for start in range(0, len(data), size):
            part = data[start : start + size]
            await self._link.device.indicate_subscriber(self._link, characteristic, part)


def _meets(drop: Drop | None, frame: Frame) -> bool:
    return drop is not None and drop.command == frame.command
