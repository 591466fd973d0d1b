"""One connection to one lock: commands out, answers in, and an end to every wait.

Each wait ends with its own limit, the connection's deadline, the link's drop, or the fall of the
adapter. The last comes from outside: of a killed bluetoothd bleak hears nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak_retry_connector import (
    BleakClientWithServiceCache,
    close_stale_connections,
    establish_connection,
)

from gatewayd.errors import LockError, RadioDown, Unreachable
from gatewayd.locks.nuki.adapter import BUS_ERRORS, Adapter
from gatewayd.locks.nuki.commands import Known, decode
from gatewayd.locks.nuki.exchange import ErrorReport, Unknown
from gatewayd.locks.nuki.failures import LockSaid
from gatewayd.locks.nuki.frames import Frames, Packet
from gatewayd.locks.nuki.wire import Malformed

CONNECT_S = 20.0
"""Seconds to connect, all attempts together: the kernel's own limit for one. A Pi Zero W needs 10
to 15; bleak-retry-connector alone would go on for 80."""
ATTEMPTS = 3
"""Of them those that BlueZ refuses at once are cheap."""
ANSWER_S = 5.0
"""Seconds for each answer: locks take tenths. Above the slowest connection interval with six lost
events."""
LEAVE_S = 5.0
"""Seconds to disconnect, and once more to clean up after a connect that was given up."""
FALL_S = 0.5
"""Seconds in which BlueZ says that an adapter went off, whose links have broken already: it takes
milliseconds."""
SESSION_S = 90.0
"""Seconds for a whole connection: a turn of 10 s, and a list of 200 codes in pieces of 20 bytes."""
ADAPTER_ERRORS = (
    "AccessDenied",
    "ServiceUnknown",
    "NameHasNoOwner",
    "NotReady",
    "NoReply",
    "adapter '",
    "No Bluetooth adapters",
    "No powered Bluetooth adapters",
)
"""Words of errors that are not the lock's fault."""


class Connection:
    """A link in use by one task."""

    def __init__(self, characteristic: str, frames: Frames) -> None:
        self._characteristic, self._frames = characteristic, frames
        self._client: BleakClient | None = None
        self._came: asyncio.Queue[Packet | Malformed] = asyncio.Queue()
        self._deadline = asyncio.get_running_loop().time() + SESSION_S
        self._scope: asyncio.Timeout | None = None
        self._lost: str | None = None
        self._fell = asyncio.Event()

    async def open(self, device: BLEDevice) -> None:
        """Connect and listen.

        Raises:
            Unreachable: the lock did not take the connection. RadioDown: the adapter cannot.
        """
        async with contextlib.AsyncExitStack() as stack:
            # Twice: a cancelled connect is cleaned up by calls that may hang as well.
            await stack.enter_async_context(self._bounded(CONNECT_S + LEAVE_S, "to connect"))
            async with self._bounded(CONNECT_S, "to connect"):
                # Else the link that another adapter still has would be taken instead of our own.
                await close_stale_connections(device, only_other_adapters=True)
                client = await establish_connection(
                    BleakClientWithServiceCache, device, device.address, self._dropped, ATTEMPTS
                )
        self._client = client
        if not client.is_connected:
            self._dropped(client)
        async with self._bounded(ANSWER_S, "to subscribe"):
            await client.start_notify(self._characteristic, self._take)

    async def close(self) -> None:
        """Disconnect; what goes wrong there has no consequence."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*BUS_ERRORS):
                async with asyncio.timeout(LEAVE_S):
                    await client.disconnect()

    async def send(self, frame: bytes) -> None:
        """Write one frame; it may have arrived also where this raises.

        Raises:
            Unreachable: the link broke, or the write took too long. RadioDown: the adapter fell.
        """
        async with self._bounded(ANSWER_S, "to a write"):
            if self._client is None:
                raise Unreachable("not connected")
            await self._client.write_gatt_char(self._characteristic, frame, response=True)

    async def packet(self, within: float | None = None) -> Packet:
        """The next packet.

        Raises:
            Unreachable: none came, or none that can be read. RadioDown: the adapter fell.
        """
        async with self._bounded(ANSWER_S if within is None else within, "to a command"):
            came = await self._came.get()
        if isinstance(came, Malformed):
            raise self._garbled()
        return came

    async def hear(self, *kinds: type[object], within: float | None = None) -> Known:
        """The next answer of these kinds. What the lock adds to the answer before it, or tells by
        itself, is passed over.

        Raises:
            LockSaid: an error report. Unreachable, RadioDown: no such answer.
        """
        while True:
            packet = await self.packet(within)
            try:
                command = decode(packet)
            except Malformed:
                raise self._garbled() from None
            if isinstance(command, ErrorReport):
                raise LockSaid(command.code)
            if not isinstance(command, Unknown) and isinstance(command, kinds):
                return command

    def fallen(self) -> None:
        """The adapter is off or gone."""
        self._fell.set()
        self._end("the Bluetooth adapter is off or gone")

    def _garbled(self) -> LockError:
        """What follows may begin amid a frame: the connection is of no more use."""
        self._end("the lock sent what cannot be read")
        return Unreachable("the lock sent what cannot be read")

    def _dropped(self, client: BleakClient) -> None:
        if client is self._client:  # not an attempt that is still being made
            self._end("the link to the lock broke")

    def _end(self, why: str) -> None:
        self._lost = self._lost or why
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _take(self, _: BleakGATTCharacteristic, fragment: bytearray) -> None:
        try:
            for packet in self._frames.feed(bytes(fragment)):
                self._came.put_nowait(packet)
        except Malformed as error:
            self._came.put_nowait(error)

    @contextlib.asynccontextmanager
    async def _bounded(self, seconds: float, what: str) -> AsyncIterator[None]:
        """A limit around one wait, and its errors in the contract's words."""
        outer = self._scope
        until = min(asyncio.get_running_loop().time() + seconds, self._deadline)
        try:
            async with asyncio.timeout_at(until) as self._scope:
                if self._lost is None:
                    yield
                    return
        except TimeoutError:
            if self._lost is None:
                raise Unreachable(f"no answer {what}") from None
        except BUS_ERRORS as error:
            failed = _blamed(error)
        finally:
            self._scope = outer
        raise await self._judged(Unreachable(self._lost) if self._lost else failed)

    async def _judged(self, failed: LockError) -> LockError:
        """The lock is blamed for nothing that its adapter did."""
        if isinstance(failed, Unreachable):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FALL_S):
                    await self._fell.wait()
        return RadioDown("the Bluetooth adapter is off or gone") if self._fell.is_set() else failed


def _blamed(error: Exception) -> LockError:
    """Whose fault an error of bleak is: its text may name addresses, never what was written."""
    text = str(error)
    if any(word in text for word in ADAPTER_ERRORS):
        return RadioDown(f"the Bluetooth adapter cannot be used ({type(error).__name__})")
    return Unreachable(f"no connection to the lock ({type(error).__name__})")


@contextlib.asynccontextmanager
async def connected(
    adapter: Adapter, device: BLEDevice, characteristic: str, frames: Frames
) -> AsyncIterator[Connection]:
    """A connection for as long as the block lasts, alone on its adapter.

    Raises:
        Unreachable, RadioDown.
    """
    async with adapter.turn:
        connection = Connection(characteristic, frames)
        with adapter.watched(connection.fallen):
            if not adapter.up:
                raise RadioDown(f"the Bluetooth adapter {adapter.name} is off or gone")
            try:
                await connection.open(device)
                yield connection
            finally:
                await connection.close()
