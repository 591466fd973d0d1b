"""One Bluetooth adapter: what it hears, and whose turn it is to connect.

The scan stays on while a lock is connected: the kernel suspends it for the connecting itself
(bluez/bluez issue 569), and connects to a device better that is still being heard
(hbldh/bleak issues 631 and 971).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import structlog
from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs, OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from gatewayd.clock import Clock
from gatewayd.domain.retry import Tick
from gatewayd.locks.driver import Link
from gatewayd.locks.nuki.advertisement import APPLE, BEACON, Advertisement, read_advertisement

log = structlog.get_logger(__name__)

BUS_ERRORS = (BleakError, OSError, EOFError, AttributeError, KeyError, AssertionError)
"""What bleak raises: its own, a dead socket's, and what a device or a bus that vanishes beneath it
leaves behind. A TimeoutError is among them, as an OSError."""
BUS_S = 10.0
"""Seconds for one call of BlueZ that needs no lock: it answers in milliseconds or hangs."""

PATTERN = OrPattern(
    0, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA, APPLE.to_bytes(2, "little") + BEACON
)
"""What BlueZ listens for: the iBeacon of a Nuki lock."""
PASSIVE_IMPOSSIBLE = ("passive scanning", "UnknownMethod", "UnknownInterface", "NotSupported")
"""Words of the errors of a BlueZ without advertisement monitors; others are for the moment."""

type OnHeard = Callable[["Adapter", str, Advertisement], None]
"""Called with each advertisement of a lock; must not block."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """A lock as one adapter heard it last; `rssi` in dBm."""

    device: BLEDevice
    rssi: int
    at: Tick


class Adapter:
    """`turn`: one connection at a time; two connects at once fail with InProgress. `link` is up
    while there is a scan; `changed` is set when BlueZ tells that the adapter went on or off."""

    def __init__(self, name: str, clock: Clock, on_heard: OnHeard) -> None:
        self.name, self.powered, self.up_since = name, False, Tick(0.0)
        self.link, self.changed = Link(), asyncio.Event()
        self.turn = asyncio.Lock()
        self._clock, self._on_heard = clock, on_heard
        self._scanner: BleakScanner | None = None
        self._mode: Literal["passive", "active"] = "passive"
        self._heard: dict[str, Hearing] = {}
        self._watchers: set[Callable[[], None]] = set()

    @property
    def up(self) -> bool:
        """Whether there is a scan, and a lock can be reached."""
        return self.link.up.is_set()

    async def listen(self) -> None:
        """Begin to scan: passively; where BlueZ or the kernel cannot, actively.

        Raises:
            BleakError and the rest of `BUS_ERRORS`: BlueZ would not, or the adapter fell meanwhile.
        """
        fell = asyncio.Event()
        with self.watched(fell.set):
            await self.hush()
            try:
                await self._scan()
            except BleakError as error:
                never = any(word in str(error) for word in PASSIVE_IMPOSSIBLE)
                if self._mode == "active" or not never:
                    raise
                self._mode = "active"
                log.warning("nuki.passive_scan_impossible", adapter=self.name)
                await self._scan()
        if fell.is_set():
            raise BleakError("the adapter fell as its scan began")
        self.up_since = self._clock.tick()
        self.link.change(up=True)

    async def hush(self) -> None:
        """End the scan, if there is one: of a BlueZ that has gone this only tidies up."""
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with contextlib.suppress(*BUS_ERRORS):
                async with asyncio.timeout(BUS_S):
                    await scanner.stop()

    def rise(self) -> None:
        """It is on."""
        if not self.powered:
            self.powered = True
            self.changed.set()

    def fall(self) -> None:
        """It is off or gone: whoever is connected through it must know at once."""
        self.powered = False
        self.changed.set()
        self.link.change(up=False)
        self._heard.clear()
        for fallen in list(self._watchers):
            fallen()

    @contextlib.contextmanager
    def watched(self, fallen: Callable[[], None]) -> Iterator[None]:
        """Be called when it falls: a killed bluetoothd leaves bleak's clients as if connected."""
        self._watchers.add(fallen)
        try:
            yield
        finally:
            self._watchers.discard(fallen)

    def hearing(self, address: str) -> Hearing | None:
        """How it last heard a lock; None where BlueZ does not know that lock (any more)."""
        if self._scanner is None or not self.up:
            return None
        known = self._scanner.discovered_devices_and_advertisement_data
        return self._heard.get(address) if address in known else None

    async def _scan(self) -> None:
        args = BlueZScannerArgs(adapter=self.name)
        if self._mode == "passive":
            args["or_patterns"] = [PATTERN]
        self._scanner = BleakScanner(self._hear, scanning_mode=self._mode, bluez=args)
        async with asyncio.timeout(BUS_S):
            await self._scanner.start()

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        # Without the service data: BlueZ keeps those of a pairing mode long over.
        told = read_advertisement(data.manufacturer_data, {})
        if told is not None:  # while connected BlueZ also tells what the pattern leaves out
            address = device.address.upper()
            self._heard[address] = Hearing(device, data.rssi, self._clock.tick())
            self._on_heard(self, address, told)
