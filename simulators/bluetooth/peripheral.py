"""A lock on the air: advertisements, characteristics, links.

Of a lock's faults, here: out_of_range, and the MTU of fragments.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import uuid
from typing import Final

from bumble import core, hci
from bumble.core import AdvertisingData
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from simulators.bluetooth.air import Air
from simulators.bluetooth.background import Background
from simulators.bluetooth.exchange import Exchange
from simulators.bluetooth.faults import Faults
from simulators.bluetooth.lock import Lock
from simulators.bluetooth.wire import (
    KEYTURNER_GDIO,
    KEYTURNER_SERVICE,
    KEYTURNER_USDIO,
    PAIRING_GDIO,
    PAIRING_SERVICE,
)

LARGEST_MTU: Final = 517
COMPANY_APPLE: Final = 0x004C
BEACON_TX_POWER: Final = 0xC4
"""Measured power of the iBeacon; its lowest bit says that the state has changed."""


def _characteristic(uuid_: str, write: CharacteristicValue[bytes]) -> Characteristic[bytes]:
    properties = Characteristic.Properties.WRITE | Characteristic.Properties.INDICATE
    return Characteristic(uuid_, properties, Characteristic.WRITEABLE, write)


class Peripheral:
    """Brings one lock to the air, on tasks in the background."""

    def __init__(
        self,
        lock: Lock,
        air: Air,
        background: Background,
        *,
        idle_s: float,
        interval_ms: float,
    ) -> None:
        self.lock = lock
        self._background = background
        self._air = air
        self._idle_s = idle_s
        self._interval_ms = interval_ms
        self._look_again = asyncio.Event()
        self._commanding = asyncio.Lock()
        self._advertising: asyncio.Task[None] | None = None
        self._link: Connection | None = None
        self._exchange: Exchange | None = None
        self._device = air.add_lock(lock.name, lock.address)
        self._gdio = _characteristic(PAIRING_GDIO, CharacteristicValue(write=self._write_clear))
        self._usdio = _characteristic(
            KEYTURNER_USDIO, CharacteristicValue(write=self._write_sealed)
        )
        unused = _characteristic(KEYTURNER_GDIO, CharacteristicValue(write=lambda *_: None))
        self._device.add_services(
            [
                Service(PAIRING_SERVICE, [self._gdio]),
                Service(KEYTURNER_SERVICE, [unused, self._usdio]),
            ]
        )
        self._device.on(self._device.EVENT_CONNECTION, self._connected)
        lock.on_change = self._look_again.set

    @property
    def is_connected(self) -> bool:
        """Somebody holds a link to it."""
        return self._link is not None

    async def start(self) -> None:
        """Returns when it is about to advertise."""
        await self._device.power_on()
        self._look_again.set()
        self._advertising = self._background.spawn(self._advertise())

    async def stop(self) -> None:
        """Advertises no more; not in the midst of a command, whose answer would find nobody."""
        async with self._commanding:
            if self._advertising is not None:
                self._advertising.cancel()

    def set_faults(self, faults: Faults) -> None:
        """Replaces what is wrong."""
        self.lock.faults = faults
        self._device.gatt_server.max_mtu = min(
            LARGEST_MTU, (faults.fragments or LARGEST_MTU - 3) + 3
        )
        self._air.mute(self.lock.address, faults.out_of_range)

    # Advertising

    async def _advertise(self) -> None:
        shown: tuple[bytes, bool, int] | None = None
        while True:
            await self._wait_for_change()
            self._look_again.clear()
            # Also after a link so short that it is seen no more: it has ended the advertising.
            wanted = (self._advertisement(), self.is_connected, self.lock.connections)
            if wanted == shown:
                continue
            shown = wanted
            async with self._commanding:
                await self._device.stop_advertising()
                if not self.is_connected:
                    await self._start_advertising(shown[0])

    async def _start_advertising(self, data: bytes) -> None:
        name = [(AdvertisingData.COMPLETE_LOCAL_NAME, self.lock.name.encode())]
        interval = self._interval_ms * 0.625  # bumble's controller takes its units for milliseconds
        await self._device.start_advertising(
            own_address_type=hci.OwnAddressType.PUBLIC,
            advertising_data=data,
            scan_response_data=bytes(AdvertisingData(name)),
            advertising_interval_min=interval,
            advertising_interval_max=interval,
        )

    async def _wait_for_change(self) -> None:
        """Or for the end of pairing mode, of which nobody tells."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.lock.pairing_left_s):
                await self._look_again.wait()

    def _advertisement(self) -> bytes:
        """Pairing mode: service data; otherwise an iBeacon with the keyturner service."""
        id_ = struct.pack(">I", self.lock.nuki_id)
        if self.lock.is_pairing:
            type_ = AdvertisingData.SERVICE_DATA_128_BIT_UUID
            content = bytes(core.UUID(PAIRING_SERVICE)) + id_
        else:
            type_ = AdvertisingData.MANUFACTURER_SPECIFIC_DATA
            beacon = b"\x02\x15" + uuid.UUID(KEYTURNER_SERVICE).bytes + id_
            power = BEACON_TX_POWER | self.lock.changed
            content = struct.pack("<H", COMPANY_APPLE) + beacon + bytes([power])
        return bytes(AdvertisingData([(AdvertisingData.FLAGS, b"\x06"), (type_, content)]))

    # Links

    def _connected(self, link: Connection) -> None:
        self._link = link
        self.lock.connections += 1
        self._exchange = Exchange(self.lock, link, self._gdio, self._usdio)
        serving = self._background.spawn(self._exchange.run(self._idle_s))
        link.on(link.EVENT_DISCONNECTION, lambda _reason: self._disconnected(link, serving))
        self._look_again.set()

    def _disconnected(self, link: Connection, serving: asyncio.Task[None]) -> None:
        serving.cancel()
        if self._link is link:
            self._link = None
            self._look_again.set()

    def _write_clear(self, _link: Connection, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.write(self._gdio, bytes(value))

    def _write_sealed(self, _link: Connection, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.write(self._usdio, bytes(value))
