"""A D-Bus daemon of one's own, where a BlueZ of one's own can stand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

ENDED_WITHIN_S: Final = 5.0

CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
  <limit name="max_connections_per_user">4096</limit>
  <limit name="max_replies_per_connection">65536</limit>
</busconfig>
"""


def address(folder: Path) -> str:
    """Where the daemon listens that `start` starts for this folder."""
    return f"unix:path={folder / 'bus'}"


class Daemon:
    """dbus-daemon as a child that ends with us, even when we are killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it listens."""
        config = self._folder / "bus.conf"
        config.write_text(CONFIG.format(socket=self._folder / "bus"))
        said = self._folder / "bus.log"
        with said.open("wb") as stderr:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *("setpriv", "--pdeathsig", "TERM"),
                    *("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"),
                    "--print-address",
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=stderr,
                )
            except FileNotFoundError:
                raise RuntimeError("want setpriv: apt install util-linux") from None
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise RuntimeError(f"want dbus-daemon (apt install dbus): {said.read_text()}")

    def kill(self) -> None:
        """SIGKILL: all that was on the bus loses it without a word."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Returns when it has ended."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
