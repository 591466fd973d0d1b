"""gatewayd as a process of its own, with a configuration made for the occasion.

async with Hub(folder, broker_port, zwave_url) as hub:
    await hub.kill()        # -9
    await hub.start()       # again, on the same database
"""

import asyncio
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

READY_WITHIN_S = 20.0
STOPS_WITHIN_S = 20.0

CONFIG = """
[hub]
org = "{org}"
site = "{site}"
id = "{id}"

[mqtt]
host = "127.0.0.1"
port = {port}
tls = false
keepalive = 5

[zwave]
url = "{url}"

[store]
path = "gatewayd.db"

[log]
format = "json"
"""


class Hub:
    """One daemon; its configuration, database and log lie in `folder`."""

    def __init__(
        self, folder: Path, port: int, url: str, *, org: str = "demo", site: str = "site"
    ) -> None:
        self.folder, self.org, self.site, self.id = folder, org, site, "hub"
        self._port, self._url = port, url
        self._process: asyncio.subprocess.Process | None = None

    @property
    def prefix(self) -> str:
        """The head of its topics."""
        return f"v1/{self.org}/{self.site}/{self.id}/"

    @property
    def log(self) -> Path:
        """All that it logged, over its restarts."""
        return self.folder / "gatewayd.log"

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "gatewayd.db"

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError("the hub is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            await self.stop()

    async def start(self) -> None:
        """Returns when it says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "gatewayd.toml"
        config.write_text(
            CONFIG.format(org=self.org, site=self.site, id=self.id, port=self._port, url=self._url)
        )
        before = self._ready_lines()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gatewayd", "run", "--config", str(config),
                stdout=log, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(READY_WITHIN_S):
            while self._ready_lines() == before:
                if self._process.returncode is not None:
                    raise RuntimeError(f"gatewayd ended; see {self.log}")
                await asyncio.sleep(0.02)

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("the hub is not running")
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(STOPS_WITHIN_S):
            return await process.wait()

    def _ready_lines(self) -> int:
        return self.log.read_text().count('"hub.ready"') if self.log.exists() else 0
