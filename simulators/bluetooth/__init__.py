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

import asyncio
import json
import signal
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from simulators.bluetooth.world import Setting

__all__ = ["BluetoothSimulator", "LockState", "Setting", "SimulatorError"]

READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 10.0
PROJECT = Path(__file__).parents[2]

type LockState = dict[str, Any]
"""As GET /locks/N shows it; verbs.py has the fields."""


class SimulatorError(Exception):
    """The simulator could not start, or its control port refuses."""


class BluetoothSimulator:
    """The simulator as an async context manager. Keywords are those of Setting.

    Port 0 is any free one, and stays the same over restarts, as the bus address does. Without
    `memory` the locks forget with this object.
    """

    def __init__(self, locks: int = 1, **setting: Any) -> None:
        self._setting = Setting(locks=locks, **setting)
        self._bus = ""
        self._control_port = self._setting.control_port
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def bus_address(self) -> str:
        """Of the bus that org.bluez is on."""
        return self._bus

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": self._bus}

    @property
    def control(self) -> str:
        """Where the control port listens."""
        return f"http://127.0.0.1:{self._control_port}"

    @property
    def pid(self) -> int:
        """The process of the simulator, dead or alive."""
        return self._running.pid

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise SimulatorError("the simulator is not started")
        return self._process

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # The process

    async def start(self) -> None:
        """Returns when BlueZ answers and every lock advertises."""
        self._scratch = tempfile.TemporaryDirectory(
            prefix="ble-simulator-", ignore_cleanup_errors=True
        )
        self._session = aiohttp.ClientSession()
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends the process and removes what was temporary."""
        await self._end()
        if self._session is not None:
            await self._session.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    async def restart(self) -> None:
        """Everything anew but the locks' memory: same addresses and port, healthy locks."""
        await self._end()
        await self._launch()

    def pause(self) -> None:
        """SIGSTOP: a BlueZ and locks that hang."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the end of `pause`."""
        self._running.send_signal(signal.SIGCONT)

    async def wait(self) -> int:
        """The exit status, when the process ends by itself."""
        return await self._running.wait()

    async def _launch(self) -> None:
        assert self._scratch is not None
        folder = Path(self._scratch.name)
        setting = replace(
            self._setting,
            control_port=self._control_port,
            memory=str(Path(self._setting.memory or folder / "memory.json").absolute()),
        )
        # It ends when its stdin does, should we die; in a group of its own, so that the terminal's
        # Ctrl-C reaches only us.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators.bluetooth.process"),
            *(str(folder), json.dumps(asdict(setting))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
            process_group=0,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise SimulatorError(f"not ready within {READY_WITHIN_S:.0f} s") from None
        if not line:
            status = await self._process.wait()
            raise SimulatorError(f"the simulator ended with status {status}; stderr says why")
        ready = json.loads(line)
        self._bus = ready["bus"]
        self._control_port = ready["control_port"]

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGCONT)  # a paused process hears nothing else
        process.terminate()
        try:
            async with asyncio.timeout(STOPPED_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

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
        from, until, weekdays, from_time, until_time (`from` needs **{"from": ...})."""
        return await self._post(lock, "code", code=code, **rest)

    async def remove_code(self, lock: int, code: str) -> LockState:
        """Removes a code past the radio."""
        return await self._post(lock, "code", code=code, remove=True)

    async def clock(self, lock: int, skew_s: float = 0.0, **zone: str) -> LockState:
        """Shifts the lock's clock against the real one; `timezone` moves it."""
        return await self._post(lock, "clock", skew_s=skew_s, **zone)

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
        """Changes what is named: in_progress, connection_abort, slots, service_rights, bluez;
        adapter and powered go together."""
        return await self._state("POST", "/bus/faults", faults)

    async def _post(self, lock: int, verb: str, **body: Any) -> dict[str, Any]:
        return await self._state("POST", f"/locks/{lock}/{verb}", body)

    async def _state(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        state: dict[str, Any] = await self._request(method, path, body)
        return state

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if self._session is None:
            raise SimulatorError("the simulator is not started")
        url = self.control + path
        async with self._session.request(method, url, json=body) as response:
            answer = await response.json()
            if response.status != 200:
                raise SimulatorError(answer["error"])
            return answer
