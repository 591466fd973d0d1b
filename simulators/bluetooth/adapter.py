"""org.bluez.Adapter1: one adapter, what it scans for, and the devices that it has heard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Device
from dbus_fast import Variant
from dbus_fast.aio import MessageBus

from simulators.bluetooth.background import Background
from simulators.bluetooth.monitors import SUPPORTED, Monitor
from simulators.bluetooth.objects import (
    ADAPTER,
    DEVICE,
    MONITOR_MANAGER,
    Failure,
    Objects,
)
from simulators.bluetooth.remote import Remote, uuid_text

RSSI_STEP_DBM: Final = 8
"""BlueZ tells of a smaller change only to who wants duplicates (RSSI_THRESHOLD)."""

REFRESH_S: Final = 1.0
"""An unchanged device is told of again after this time: real signals wander by RSSI_STEP_DBM."""


class Adapter:
    """`host` is the central behind it. Devices nobody uses vanish `temporary_s` after they were
    last heard, as BlueZ's TemporaryTimeout has it."""

    def __init__(
        self,
        name: str,
        address: str,
        host: Device,
        objects: Objects,
        background: Background,
        *,
        slots: int,
        temporary_s: float,
    ) -> None:
        self.name = name
        self.address = address
        self.path = f"/org/bluez/{name}"
        self.host = host
        self.objects = objects
        self.background = background
        self.connecting: Remote | None = None
        self.collisions = 0
        """Connections that were refused because another one was being made."""
        self.remotes: dict[str, Remote] = {}
        self.monitors: dict[tuple[str, str], Monitor] = {}
        self.bus: MessageBus | None = None
        self.slots = slots
        self._temporary_s = temporary_s
        self._filters: dict[str, bool] = {}
        self._discovering: set[str] = set()
        self._is_powered = self._is_plugged = True
        self.scanning: str | None = None
        """Active or passive, while it scans."""
        self._scan_lock = asyncio.Lock()
        host.on(host.EVENT_ADVERTISEMENT, self._heard)

    async def start(self) -> None:
        """Powers on and shows itself."""
        await self.host.power_on()
        self._show()

    def _show(self) -> None:
        shown = {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", self.name),
            "Alias": Variant("s", self.name),
            "Class": Variant("u", 0),
            "Powered": Variant("b", True),
            "Discoverable": Variant("b", False),
            "Pairable": Variant("b", True),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Modalias": Variant("s", "usb:v1D6Bp0246d0542"),
            "Roles": Variant("as", ["central", "peripheral"]),
        }
        manager = {
            "SupportedMonitorTypes": Variant("as", [SUPPORTED]),
            "SupportedFeatures": Variant("as", []),
        }
        self.objects.add(self.path, {ADAPTER: shown, MONITOR_MANAGER: manager})

    @property
    def is_powered(self) -> bool:
        """Its radio is on."""
        return self._is_powered

    @property
    def is_plugged(self) -> bool:
        """BlueZ shows it."""
        return self._is_plugged

    @property
    def links(self) -> int:
        """How many there are."""
        return sum(remote.link is not None for remote in self.remotes.values())

    async def set_powered(self, powered: bool) -> None:
        """Off: links break, scans end, devices are forgotten."""
        if powered == self._is_powered:
            return
        self._is_powered = powered
        if not powered:
            await self._cease()
        changed = {"Powered": Variant("b", powered)}
        if not powered:
            changed["Discovering"] = Variant("b", False)
        self.objects.set(self.path, ADAPTER, changed)

    async def set_plugged(self, plugged: bool) -> None:
        """Out: links break, and it is shown no more, nor what it has heard; in: it is on."""
        if plugged == self._is_plugged:
            return
        self._is_plugged = self._is_powered = plugged
        if plugged:
            self._show()
            return
        await self._cease()
        self.monitors.clear()
        await self._scan()
        self.objects.remove(self.path)

    async def _cease(self) -> None:
        await self.drop_all()
        self._discovering.clear()
        await self._scan()
        for path in list(self.remotes):
            self.forget(path)

    async def drop_all(self) -> None:
        """Ends every link and every attempt."""
        for remote in list(self.remotes.values()):
            await remote.hang_up()

    # Methods

    def check_ready(self) -> None:
        """Raises Failure when it is off."""
        if not self.is_powered:
            raise Failure("NotReady", "Resource Not Ready")

    def check_slot(self) -> None:
        """Raises Failure when it can hold no more links."""
        if self.links >= self.slots:
            raise Failure("Failed", "le-connection-abort-by-local")

    def set_filter(self, sender: str, wanted: dict[str, Variant]) -> None:
        """Of what a client says only DuplicateData matters here."""
        duplicates = wanted.get("DuplicateData")
        self._filters[sender] = duplicates is not None and bool(duplicates.value)

    async def start_discovery(self, sender: str) -> None:
        """Raises Failure."""
        if sender in self._discovering:
            raise Failure("InProgress", "Operation already in progress")
        self._discovering.add(sender)
        await self._scan()

    async def stop_discovery(self, sender: str) -> None:
        """Raises Failure."""
        if sender not in self._discovering:
            raise Failure("Failed", "No discovery started")
        self._discovering.discard(sender)
        await self._scan()

    async def remove_device(self, path: str) -> None:
        """Raises Failure."""
        if path not in self.remotes:
            raise Failure("DoesNotExist", "Does Not Exist")
        await self.remotes[path].hang_up()
        self.forget(path)

    def forget(self, path: str) -> None:
        """A device is shown no more."""
        self.remotes.pop(path, None)
        self.objects.remove(path)

    # Monitors

    async def register_monitor(self, sender: str, path: str) -> None:
        """Raises Failure."""
        if (sender, path) in self.monitors:
            raise Failure("AlreadyExists", "Already Exists")
        monitor = self.monitors[sender, path] = Monitor(sender, path)
        self.background.spawn(self._read(monitor))

    async def _read(self, monitor: Monitor) -> None:
        if self.bus is not None and await monitor.read(self.bus):
            await self.activate(monitor)

    async def activate(self, monitor: Monitor) -> None:
        """The monitor has said what it waits for."""
        if self.bus is not None:
            monitor.tell(self.bus, "Activate")
        await self._scan()

    async def unregister_monitor(self, sender: str, path: str) -> None:
        """Raises Failure."""
        if self.monitors.pop((sender, path), None) is None:
            raise Failure("DoesNotExist", "Does Not Exist")
        await self._scan()

    async def forget_client(self, sender: str) -> None:
        """A program has left the bus; its links stay, as BlueZ has it."""
        self._discovering.discard(sender)
        self._filters.pop(sender, None)
        for key in [key for key in self.monitors if key[0] == sender]:
            del self.monitors[key]
        await self._scan()
        for remote in self.remotes.values():
            await remote.forget_client(sender)

    async def forget_clients(self) -> None:
        """BlueZ itself has left."""
        self._discovering.clear()
        self._filters.clear()
        self.monitors.clear()
        await self._scan()

    # Scans

    async def _scan(self) -> None:
        """Scans as somebody wants it: actively, passively or not at all."""
        async with self._scan_lock:
            wanted = None
            if self._discovering:
                wanted = "active"
            elif any(monitor.patterns for monitor in self.monitors.values()):
                wanted = "passive"
            before, self.scanning = self.scanning, wanted
            if wanted == before:
                return
            if before is not None:
                await self.host.stop_scanning()
            if wanted is not None:
                await self.host.start_scanning(active=wanted == "active", filter_duplicates=True)
            else:
                self._forget_signals()
        if "active" in (before, wanted) and self.is_powered:
            discovering = Variant("b", wanted == "active")
            self.objects.set(self.path, ADAPTER, {"Discovering": discovering})

    def _forget_signals(self) -> None:
        """After a scan a device has no signal strength; unused it will go."""
        for path in self.remotes:
            self.objects.set(path, DEVICE, {}, ["RSSI"])

    def _heard(self, advertisement: Advertisement) -> None:
        data = advertisement.data.ad_structures
        address = advertisement.address.to_string(False)
        path = f"{self.path}/dev_{address.replace(':', '_')}"
        matching = [monitor for monitor in self.monitors.values() if monitor.matches(data)]
        if not self.is_powered or not (self._discovering or matching):
            return
        heard = {**_properties(data), "RSSI": Variant("n", advertisement.rssi)}
        remote = self.remotes.get(path)
        now = asyncio.get_running_loop().time()
        if remote is None:
            remote = self.remotes[path] = Remote(self, address)
            remote.heard_at = remote.told_at = now
            self.objects.add(path, {DEVICE: {**remote.properties(), **heard}})
            asyncio.get_running_loop().call_later(self._temporary_s, self._expire, path)
        else:
            remote.heard_at = now
            self._tell(remote, heard, now)
        for monitor in matching:
            if path not in monitor.found and self.bus is not None:
                monitor.found.add(path)
                monitor.tell(self.bus, "DeviceFound", path)

    def _tell(self, remote: Remote, heard: dict[str, Variant], now: float) -> None:
        """Signals what has changed, as far as the clients' filters want to know."""
        before = self.objects.all[remote.path][DEVICE]
        changed = {
            name: value
            for name, value in heard.items()
            if name not in before or before[name].value != value.value
        }
        if any(self._filters.get(sender) for sender in self._discovering):
            changed |= heard
        elif "RSSI" in before:
            step = abs(before["RSSI"].value - heard["RSSI"].value)
            if step < RSSI_STEP_DBM:
                changed.pop("RSSI", None)
            if now >= remote.told_at + REFRESH_S:
                changed["RSSI"] = heard["RSSI"]
        if changed:
            remote.told_at = now
            self.objects.set(remote.path, DEVICE, changed)

    def _expire(self, path: str) -> None:
        remote = self.remotes.get(path)
        if remote is None:
            return
        loop = asyncio.get_running_loop()
        left = remote.heard_at + self._temporary_s - loop.time()
        if left > 0 or remote.link is not None or self.connecting is remote:
            loop.call_later(max(left, 1.0), self._expire, path)
        else:
            self.forget(path)


def _properties(data: Sequence[tuple[int, bytes]]) -> dict[str, Variant]:
    """What an advertisement says, as Device1 shows it."""
    shown: dict[str, Variant] = {}
    for type_, value in data:
        match type_:
            case AdvertisingData.COMPLETE_LOCAL_NAME | AdvertisingData.SHORTENED_LOCAL_NAME:
                name = Variant("s", value.decode(errors="replace"))
                shown |= {"Name": name, "Alias": name}
            case AdvertisingData.MANUFACTURER_SPECIFIC_DATA:
                company = int.from_bytes(value[:2], "little")
                shown["ManufacturerData"] = Variant("a{qv}", {company: Variant("ay", value[2:])})
            case AdvertisingData.SERVICE_DATA_128_BIT_UUID:
                service = uuid_text(UUID.from_bytes(value[:16]))
                shown["ServiceData"] = Variant("a{sv}", {service: Variant("ay", value[16:])})
    return shown
