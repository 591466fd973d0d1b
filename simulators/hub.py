"""gatewayd as a process of its own, with a configuration made for the occasion.

async with Hub(folder, broker_port, zwave_url) as hub:
    await hub.kill()        # -9
    await hub.start()       # again, on the same database

With Nuki locks: Hub(..., bluetooth=simulator.environment), and `pair` before it is started.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gatewayd.clock import SystemClock
from gatewayd.domain.credentials import Credentials
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring

READY_WITHIN_S = 20.0
STOPS_WITHIN_S = 20.0
UNIT = {"MALLOC_ARENA_MAX": "1"}
"""Of the environment that systemd/gatewayd.service gives it."""
READY = '"hub.ready"'

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

[store]
path = "{store}"

[local]
socket = "hub.sock"

[clock]
trust = "always"

[log]
format = "json"
"""
ZWAVE = """
[zwave]
url = "{url}"
"""
PAGE = """
[page]
port = {port}
"""
BLUETOOTH = """
[bluetooth]
adapters = ["hci0"]
"""


class Hub:
    """One daemon; its configuration, log and database, called `store`, lie in `folder`.

    `url` is the zwave-js server's; `bluetooth` what its environment says of the bus that BlueZ is
    on. None: it has no such locks.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        url: str | None,
        *,
        bluetooth: Mapping[str, str] | None = None,
        org: str = "demo",
        site: str = "site",
        store: str = "gatewayd.db",
    ) -> None:
        self.folder, self.org, self.site, self.id = folder, org, site, "hub"
        self._port, self._url, self._bluetooth = port, url, bluetooth
        self._store = store
        self._process: asyncio.subprocess.Process | None = None
        self.under: tuple[str, ...] = ()  # a command that runs it, such as strace
        self.page = 0  # the port of its page; 0: none

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
        return self.folder / self._store

    @property
    def socket(self) -> Path:
        """Its local door."""
        return self.folder / "hub.sock"

    @property
    def url(self) -> str:
        """Of its page."""
        return f"http://127.0.0.1:{self.page}"

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

    async def pair(self, *made: Mapping[str, Any]) -> None:
        """Let it know Nuki locks, by what `BluetoothSimulator.authorise` answers. It must not be
        running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        database = await open_database(self.database, SystemClock())
        try:
            for each in made:
                await NukiKeyring(database).put(each["address"], credentials(each))
        finally:
            await database.close()

    async def start(self) -> None:
        """Returns when it says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "gatewayd.toml"
        config.write_text(self.config())
        before = self._lines(READY)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.under, sys.executable, "-m", "gatewayd", "run", "--config", str(config),
                stdout=log, stderr=log, env={**os.environ, **UNIT, **(self._bluetooth or {})},
            )  # fmt: skip
        await self._heard(READY, before)

    async def reload(self, config: str, said: str = READY) -> None:
        """SIGHUP with another configuration; returns when the log has another line with `said`."""
        (self.folder / "gatewayd.toml").write_text(config)
        before = self._lines(said)
        os.kill(self.pid, signal.SIGHUP)
        await self._heard(said, before)

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def wait(self) -> int:
        """The exit status, when it ends by itself."""
        return await self._end(None)

    async def _end(self, number: int | None) -> int:
        process, self._process = self._process, None
        if process is None:
            raise RuntimeError("the hub is not running")
        if process.returncode is None and number is not None:
            process.send_signal(number)
        async with asyncio.timeout(STOPS_WITHIN_S):
            return await process.wait()

    def config(self) -> str:
        """Its configuration file."""
        text = CONFIG.format(
            org=self.org, site=self.site, id=self.id, port=self._port, store=self._store
        )
        if self._url is not None:
            text += ZWAVE.format(url=self._url)
        if self.page:
            text += PAGE.format(port=self.page)
        return text if self._bluetooth is None else text + BLUETOOTH

    async def _heard(self, said: str, before: int) -> None:
        async with asyncio.timeout(READY_WITHIN_S):
            while self._lines(said) == before:
                if self._process is None or self._process.returncode is not None:
                    raise RuntimeError(f"gatewayd ended; see {self.log}")
                await asyncio.sleep(0.02)

    def _lines(self, said: str) -> int:
        return self.log.read_text().count(said) if self.log.exists() else 0


def credentials(made: Mapping[str, Any]) -> Credentials:
    """What the hub keeps of a lock that was paired past the radio."""
    return Credentials(
        auth_id=made["auth_id"],
        shared_key=bytes.fromhex(made["shared_key"]),
        security_pin=made["pin"],
        lock_uuid="",
        name=made["address"],
    )
