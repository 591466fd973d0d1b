"""Simulated Nuki locks with keypads behind a BlueZ on a private D-Bus.

    async with BluetoothSimulator(locks=2) as sim:
        os.environ.update(sim.environment)        # what any client of BlueZ, such as bleak, reads
        await sim.faults(1, silent=True)          # what may be wrong with a lock
        await sim.keypad(1, code="345678")        # what a person at the door does

One process holds the D-Bus daemon (as its child), BlueZ, adapters, the air and the locks; here it
is started, stopped and steered. Every coroutine that steers raises SimulatorError where the control
port refuses. Locks are numbered from 1.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from simulators.bluetooth.world import Setting
from simulators.child import Child, SimulatorError

__all__ = ["BluetoothSimulator", "LockState", "Setting", "SimulatorError"]

type LockState = dict[str, Any]
"""As GET /locks/N shows it; verbs.py has the fields."""


class BluetoothSimulator(Child):
    """The simulator as an async context manager. Keywords are those of Setting.

    Port 0 is any free one, and stays the same over restarts, as the bus address does. Without
    `memory` the locks forget with this object.
    """

    NAME = "Bluetooth simulator"

    def __init__(self, locks: int = 1, **setting: Any) -> None:
        self._setting = Setting(locks=locks, **setting)
        self._bus = ""
        super().__init__(self._setting.control_port)

    @property
    def bus_address(self) -> str:
        """Of the bus that org.bluez is on."""
        return self._bus

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": self._bus}

    def announcement(self) -> list[str]:
        """The environment for clients, then the control port."""
        return [f"{k}={v}" for k, v in self.environment.items()] + [f"ready {self.control}"]

    def _command(self, scratch: Path) -> list[str]:
        setting = replace(
            self._setting,
            control_port=self._control_port,
            memory=str(Path(self._setting.memory or scratch / "memory.json").absolute()),
        )
        module = "simulators.bluetooth.process"
        return [sys.executable, "-m", module, str(scratch), json.dumps(asdict(setting))]

    def _ready(self, told: dict[str, Any]) -> None:
        self._bus, self._control_port = told["bus"], told["control_port"]

    # The locks, through the control port

    async def locks(self) -> list[LockState]:
        """Every lock as it is, whatever a client believes."""
        found: list[LockState] = await self._request("GET", "/locks")
        return found

    async def lock(self, lock: int) -> LockState:
        """One lock as it is."""
        return await self._state("GET", f"/locks/{lock}")

    async def faults(self, lock: int, **faults: Any) -> LockState:
        """Replaces what is wrong with a lock; no faults: healthy again. Names: faults.py."""
        return await self._post(lock, "faults", **faults)

    async def button(self, lock: int) -> LockState:
        """Holds the button: pairing mode."""
        return await self._post(lock, "button")

    async def keypad(
        self, lock: int, code: str | None = None, action: str = "unlock"
    ) -> dict[str, Any]:
        """Types a code: {"opened": bool, "reason": in words, "id": of the code or null}."""
        return await self._post(lock, "keypad", code=code, action=action)

    async def turn(self, lock: int, action: str) -> LockState:
        """Turns the knob by hand: unlock, lock, unlatch."""
        return await self._post(lock, "turn", action=action)

    async def code(self, lock: int, code: str, **rest: Any) -> LockState:
        """Adds a foreign code past the radio; with `id` changes that one. Rest: name, enabled,
        from, until, weekdays, from_time, until_time (`from` needs **{"from": ...}); unchecked: as
        another firmware may have stored it, such as with hours that there are not."""
        return await self._post(lock, "code", code=code, **rest)

    async def remove_code(self, lock: int, code: str) -> LockState:
        """Removes a code past the radio."""
        return await self._post(lock, "code", code=code, remove=True)

    async def clock(self, lock: int, skew_s: float = 0.0, **rest: Any) -> LockState:
        """Shifts the lock's clock against the real one; `drift` is what it gains in each second,
        `timezone` moves it."""
        return await self._post(lock, "clock", skew_s=skew_s, **rest)

    async def battery(self, lock: int, **battery: int | bool) -> LockState:
        """Sets percent, critical, charging, keypad_critical."""
        return await self._post(lock, "battery", **battery)

    async def keypad_present(self, lock: int, present: bool) -> LockState:
        """Takes the keypad away or brings it back."""
        return await self._post(lock, "keypad_present", present=present)

    async def pin(self, lock: int, pin: int) -> LockState:
        """Sets the security PIN and ends a lock-out."""
        return await self._post(lock, "pin", pin=pin)

    async def capacity(self, lock: int, **capacity: int) -> LockState:
        """Sets how many codes and authorisations there is room for."""
        return await self._post(lock, "capacity", **capacity)

    async def authorise(self, lock: int, **applicant: Any) -> dict[str, Any]:
        """Pairs past the radio: {"auth_id", "shared_key" in hex, "pin", "address"}."""
        return await self._post(lock, "authorise", **applicant)

    async def forget(self, lock: int, **authorisation: int) -> LockState:
        """Removes the authorisation `auth_id`, or all."""
        return await self._post(lock, "forget", **authorisation)

    async def rssi(self, lock: int, rssi: int | None, adapter: str = "hci0") -> LockState:
        """How loud an adapter hears the lock, in dBm; None: not at all."""
        return await self._post(lock, "rssi", adapter=adapter, rssi=rssi)

    async def reset(self, lock: int) -> LockState:
        """As at the start, but for who is paired: healthy, without codes and log."""
        return await self._post(lock, "reset")

    # BlueZ, through the control port

    async def bus(self) -> dict[str, Any]:
        """BlueZ and its adapters as they are."""
        return await self._state("GET", "/bus/faults")

    async def bus_faults(self, **faults: Any) -> dict[str, Any]:
        """Changes what is named: in_progress, connection_abort, connection_canceled, connect_ms,
        slots, service_rights, bluez; powered and plugged, of the `adapter` that goes with them;
        bus=False kills the bus until `restart`."""
        return await self._state("POST", "/bus/faults", faults)

    async def _post(self, lock: int, verb: str, **body: Any) -> dict[str, Any]:
        return await self._state("POST", f"/locks/{lock}/{verb}", body)
