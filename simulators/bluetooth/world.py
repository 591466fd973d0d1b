"""One bus, one BlueZ, its adapters and the locks around them, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from simulators.bluetooth import memory
from simulators.bluetooth.adapter import Adapter
from simulators.bluetooth.air import Air
from simulators.bluetooth.background import Background
from simulators.bluetooth.bluez import Bluez
from simulators.bluetooth.daemon import Daemon, address
from simulators.bluetooth.lock import Lock
from simulators.bluetooth.peripheral import Peripheral

MOST_LOCKS: Final = 1000
MOST_ADAPTERS: Final = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """What the command line says. `slots`: links that one adapter can hold."""

    locks: int = 1
    adapters: int = 1
    codes: int = 100
    pin: int = 1234
    timezone: str = "UTC"
    idle_s: float = 20.0
    pairing_s: float = 30.0
    temporary_s: float = 30.0
    advertise_ms: float = 50.0
    slots: int = 7
    memory: str | None = None
    control_port: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.locks <= MOST_LOCKS:
            raise ValueError(f"locks must be from 1 to {MOST_LOCKS}")
        if not 1 <= self.adapters <= MOST_ADAPTERS:
            raise ValueError(f"adapters must be from 1 to {MOST_ADAPTERS}")
        if min(self.idle_s, self.pairing_s, self.temporary_s, self.advertise_ms) <= 0:
            raise ValueError("times must be above 0")
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"no time zone {self.timezone}") from None


@dataclass(frozen=True, slots=True)
class World:
    """What the control port steers."""

    setting: Setting
    daemon: Daemon
    air: Air
    bluez: Bluez
    adapters: dict[str, Adapter]
    locks: dict[int, Lock]
    peripherals: dict[int, Peripheral]


@asynccontextmanager
async def world(setting: Setting, folder: Path) -> AsyncIterator[World]:
    """Everything runs and advertises; afterwards the locks' memory is kept."""
    daemon = Daemon(folder)
    await daemon.start()
    try:
        async with asyncio.TaskGroup() as group:
            made = _make(setting, daemon, folder, group)
            if setting.memory is not None:
                memory.load(Path(setting.memory), made.locks.values())
            for adapter in made.adapters.values():
                await adapter.start()
            for peripheral in made.peripherals.values():
                await peripheral.start()
            await made.bluez.appear()
            try:
                yield made
            finally:
                if setting.memory is not None:
                    memory.save(Path(setting.memory), made.locks.values())
            await made.bluez.vanish()
            for peripheral in made.peripherals.values():
                await peripheral.stop()
            group.create_task(_end())
    except* _Ended:
        pass
    finally:
        await daemon.stop()


class _Ended(Exception):
    """Ends the tasks of a group."""


async def _end() -> None:
    raise _Ended


def _make(setting: Setting, daemon: Daemon, folder: Path, group: asyncio.TaskGroup) -> World:
    air = Air()
    background = Background(group)
    bluez = Bluez(address(folder), background)
    adapters = {}
    for number in range(setting.adapters):
        name, public = f"hci{number}", f"00:1A:7D:DA:71:{number:02X}"
        adapter = Adapter(
            name,
            public,
            air.add_adapter(name, public),
            bluez.objects,
            background,
            slots=setting.slots,
            temporary_s=setting.temporary_s,
        )
        adapters[name] = adapter
        bluez.add(adapter)
    locks = {
        number: Lock(
            number,
            pin=setting.pin,
            capacity=setting.codes,
            timezone=setting.timezone,
            pairing_s=setting.pairing_s,
        )
        for number in range(1, setting.locks + 1)
    }
    peripherals = {
        number: Peripheral(
            lock, air, background, idle_s=setting.idle_s, interval_ms=setting.advertise_ms
        )
        for number, lock in locks.items()
    }
    return World(setting, daemon, air, bluez, adapters, locks, peripherals)
