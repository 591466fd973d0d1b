"""SIGHUP: another configuration without a restart."""

import json

import pytest

from tests.e2e.conftest import V1, House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_another_configuration_is_taken_up_and_a_wrong_one_refused(house: House) -> None:
    await house.site(V1)
    await house.cloud.done(await house.book())
    there = await house.codes(V1)
    good = house.hub.config()
    pid = house.hub.pid
    await house.hub.reload(good.replace("keepalive = 5", "keepalive = 1"), "config.refused")
    refused = [line for line in house.hub.log.read_text().splitlines() if "config.refused" in line]
    assert "mqtt.keepalive" in json.loads(refused[-1])["why"]
    await house.cloud.done(await house.cloud.send("report", {}))
    await house.hub.reload(good.replace('format = "json"', 'format = "console"'), "hub.ready  ")
    await house.cloud.done(await house.book("r2"))
    assert house.hub.pid == pid
    assert set(there) < set(await house.codes(V1))


@pytest.mark.parametrize("name", ["hub.sock", "gatewayd.db"])
async def test_what_another_configuration_names_and_is_not_there_leaves_the_old_one(
    house: House, name: str
) -> None:
    await house.site(V1)
    good = house.hub.config()
    bad = good.replace(f'"{name}"', f'"/proc/nowhere/{name}"')
    assert bad != good
    pid = house.hub.pid
    await house.hub.reload(bad, "config.refused")
    await house.cloud.done(await house.book())
    assert house.hub.socket.is_socket()
    assert house.hub.pid == pid
