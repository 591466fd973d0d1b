"""The whole daemon in this process, without a radio; its broker is away."""

import os
import sys
from pathlib import Path

import aiohttp
import aiosqlite
import pytest

from gatewayd.app import hub
from gatewayd.config import Config, HomeAssistant, Metrics, load
from gatewayd.errors import ConfigError
from gatewayd.store.connection import Row
from simulators.broker import Broker, free_port
from simulators.hub import Hub
from tests.integration.conftest import until
from tests.integration.test_link import listening
from tests.integration.test_reconciler import VirtualClock

CONFIG = """\
[hub]
org = "acme"
site = "lakeside"
id = "hub-1"
[mqtt]
host = "127.0.0.1"
port = {port}
tls = false
[store]
path = "gatewayd.db"
[local]
socket = ""
[site]
file = "site.toml"
"""
DAY = 86_400.0
SITE = """\
version = {version}
zone = "Europe/Zurich"
properties = []
locks = []
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "gatewayd.toml"
    file.write_text(CONFIG.format(port=free_port()))
    (tmp_path / "site.toml").write_text(SITE.format(version=1))
    return load(file)


async def rows(config: Config, sql: str) -> list[Row]:
    """What is on disk."""
    async with aiosqlite.connect(config.store.path) as database:
        return [tuple(row) for row in await database.execute_fetchall(sql)]


async def test_nobody_but_its_own_user_can_read_the_database(tmp_path: Path) -> None:
    before = os.umask(0o022)  # as a shell gives it
    try:
        async with Hub(tmp_path / "hub", free_port(), f"ws://127.0.0.1:{free_port()}") as running:
            files = [*running.folder.glob("gatewayd.db*")]
            assert len(files) == 4  # with its lock, its log, and the log's index
            assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 4
            assert await running.stop() == 0
    finally:
        os.umask(before)


async def test_what_is_long_over_goes_while_the_hub_runs(config: Config) -> None:
    clock = VirtualClock(recheck=DAY / 4)
    async with hub(config, clock):
        await clock.advance(59 * DAY, workers=4)
        assert len(await rows(config, "SELECT id FROM commands")) == 1
        await clock.advance(2 * DAY, workers=4)
        assert await rows(config, "SELECT id FROM commands") == []


async def test_the_same_site_file_is_the_same_command_and_another_one_is_not(
    config: Config, tmp_path: Path
) -> None:
    for _ in range(3):
        async with hub(config, VirtualClock()):
            pass
    assert len(await rows(config, "SELECT id FROM commands")) == 1
    (tmp_path / "site.toml").write_text(SITE.format(version=2))
    async with hub(config, VirtualClock()):
        pass
    assert len(await rows(config, "SELECT id FROM commands")) == 2
    assert await rows(config, "SELECT version FROM site") == [(2,)]


async def test_metrics_are_at_their_port_where_they_are_wanted_and_else_nowhere(
    config: Config,
) -> None:
    wanted = config.model_copy(update={"metrics": Metrics(port=free_port())})
    assert wanted.metrics is not None
    url = f"http://127.0.0.1:{wanted.metrics.port}/metrics"
    async with aiohttp.ClientSession() as http:
        async with hub(config, VirtualClock()):
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get(url)
        for _ in range(2):  # the second time: as after a reload
            async with hub(wanted, VirtualClock()), http.get(url) as response:
                assert "gatewayd_cloud_up 0.0" in await response.text()


async def test_metrics_that_cannot_be_made_end_the_start(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # as if it were not installed
    wanted = config.model_copy(update={"metrics": Metrics(port=free_port())})
    with pytest.raises(ConfigError, match="prometheus-client is not installed"):
        async with hub(wanted, VirtualClock()):
            pass


async def test_the_hub_is_in_home_assistant_where_it_is_wanted(
    config: Config, tmp_path: Path
) -> None:
    async with (
        Broker(tmp_path / "b", config.mqtt.port) as broker,
        listening(broker.port, "#", "") as heard,
    ):
        wanted = config.model_copy(update={"home_assistant": HomeAssistant()})
        async with hub(wanted, VirtualClock()):
            await until(lambda: "v1/acme/lakeside/hub-1/ha/hub" in [m.topic for m in heard])
        assert [m.topic.split("/")[1] for m in heard if m.topic.startswith("homeassist")] == [
            "device"
        ]
