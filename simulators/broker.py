"""An MQTT broker on a free port: mosquitto where it is on PATH, else the embedded iotcore.

async with Broker(folder) as broker:
    broker.port             # 127.0.0.1
    await broker.stop()     # the broker is down
    await broker.start()    # and back, on the same port, with what it had persisted
"""

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

type Kind = Literal["mosquitto", "iotcore"]

STARTS_WITHIN_S = 10.0


class Broker:
    """One broker process; its files lie in `folder`. What came in the last `autosave` seconds is
    lost when it is killed; mosquitto by itself takes 1800. `largest`: bytes of a packet; where a
    client of MQTT 3.1.1, which is not told, sends more, mosquitto closes the connection."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        kind: Kind | None = None,
        *,
        autosave: int = 1,
        largest: int = 268_435_455,
    ) -> None:
        self._folder, self._autosave, self._largest = folder, autosave, largest
        self.port = port or free_port()
        self.kind: Kind = kind or ("mosquitto" if find_mosquitto() else "iotcore")
        self._process: asyncio.subprocess.Process | None = None

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
        """Returns when it takes connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "broker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(), stdout=log, stderr=log
            )
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not await self._answers():
                if self._process.returncode is not None:
                    raise RuntimeError(f"{self.kind} ended; see {self._folder / 'broker.log'}")
                await asyncio.sleep(0.02)

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, with another signal than SIGTERM where that is the point."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()

    def pause(self) -> None:
        """SIGSTOP: it hangs, with its sockets open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: the end of `pause`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError(f"{self.kind} is not running")
        self._process.send_signal(number)

    def _command(self) -> list[str]:
        if self.kind == "iotcore":
            return [sys.executable, "-m", "simulators.embedded_broker", str(self.port)]
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self._folder}/\n"
            f"autosave_interval {self._autosave}\nmax_queued_messages 0\n"
            f"user root\nset_tcp_nodelay true\nmax_packet_size {self._largest}\n"
        )
        return [find_mosquitto() or "mosquitto", "-c", str(configuration)]

    async def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False


def find_mosquitto() -> str | None:
    """Debian puts it into /usr/sbin, which is not on everybody's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
