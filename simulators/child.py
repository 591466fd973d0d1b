"""A simulator as a process of its own, with a control port: its life, and a way to steer it.

The process ends when its stdin does, should we die; it is in a group of its own, so that the
terminal's Ctrl-C reaches only us; when it is ready it prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

PROJECT = Path(__file__).parents[1]
STOPPED_WITHIN_S = 10.0


class SimulatorError(Exception):
    """The simulator cannot be started, or refuses what it was asked."""


class Child(ABC):
    """Base of the simulators, each an async context manager; usable again after `restart`.

    `_command` starts one, with a folder for what is temporary; `_ready` hears what it printed.
    """

    NAME = "simulator"
    READY_WITHIN_S = 60.0

    def __init__(self, control_port: int) -> None:
        self._control_port = control_port
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    @abstractmethod
    def _command(self, scratch: Path) -> list[str]: ...

    @abstractmethod
    def _ready(self, told: dict[str, Any]) -> None: ...

    @abstractmethod
    def announcement(self) -> Iterable[str]:
        """What a person is told when it is ready."""

    @property
    def control(self) -> str:
        """Where the control port listens."""
        return f"http://127.0.0.1:{self._control_port}"

    @property
    def pid(self) -> int:
        """The process, dead or alive."""
        return self._running.pid

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise SimulatorError(f"the {self.NAME} is not started")
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

    async def start(self) -> None:
        """Returns when all that is simulated answers."""
        self._scratch = tempfile.TemporaryDirectory(
            prefix="gatewayd-simulator-", ignore_cleanup_errors=True
        )
        # A connection per request: one at rest may be closed by the server while it is taken.
        connections = aiohttp.TCPConnector(force_close=True)
        self._session = aiohttp.ClientSession(connector=connections)
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

    async def kill(self) -> None:
        """SIGKILL: what a power cut does to a hub."""
        if self._running.returncode is None:
            self._running.kill()
        await self._running.wait()

    async def restart(self) -> None:
        """Anew but for the locks' memory: same addresses and ports, healthy locks."""
        await self._end()
        await self._launch()

    def pause(self) -> None:
        """SIGSTOP: it hangs, with its sockets open."""
        self._running.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the end of `pause`."""
        self._running.send_signal(signal.SIGCONT)

    async def wait(self) -> int:
        """The exit status, when the process ends by itself."""
        return await self._running.wait()

    async def _launch(self) -> None:
        assert self._scratch is not None
        self._process = await asyncio.create_subprocess_exec(
            *self._command(Path(self._scratch.name)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
            process_group=0,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(self.READY_WITHIN_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise SimulatorError(f"not ready within {self.READY_WITHIN_S:.0f} s") from None
        if not line:
            raise SimulatorError(f"{self.NAME} ended with status {await self._process.wait()}")
        self._ready(json.loads(line))

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

    # The control port

    async def _state(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        state: dict[str, Any] = await self._request(method, path, body)
        return state

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if self._session is None:
            raise SimulatorError(f"the {self.NAME} is not started")
        async with self._session.request(method, self.control + path, json=body) as response:
            answer = json.loads(await response.text(), object_hook=_numbered)
            if response.status != 200:
                raise SimulatorError(answer["error"])
            return answer


def _numbered(pairs: dict[str, Any]) -> dict[Any, Any]:
    """JSON has only strings for keys; slots and nodes are numbers."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs.items()}


async def until_signal(child: Child) -> int:
    """Runs one for a person, until a signal (status 0) or until it ends by itself (status 1)."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with child:
            print(*child.announcement(), sep="\n", flush=True)
            status = await child.wait()
    except asyncio.CancelledError:
        return 0
    except SimulatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"error: {child.NAME} ended with status {status}", file=sys.stderr)
    return 1
