"""The hub's card dies, and another machine takes its place from the sealed backup."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.bluetooth import BluetoothSimulator
from simulators.broker import Broker
from simulators.cloud import Cloud
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator
from tests import invariants
from tests.e2e.conftest import V2_S2, House, eventually, stay

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUKI = 1
DOORS = (f"l{V2_S2}", "nuki")
PASSPHRASE = "six words that nobody would ever guess"


@pytest_asyncio.fixture(loop_scope="session")
async def nukis() -> AsyncIterator[BluetoothSimulator]:
    async with BluetoothSimulator(locks=1, codes=10, advertise_ms=20) as simulator:
        yield simulator


async def gatewayd(hub: Hub, *words: str | Path) -> dict[str, Any]:
    """A command of the hub's machine that succeeds; what it tells scripts."""
    hub.folder.mkdir(exist_ok=True)
    config, secret = hub.folder / "gatewayd.toml", hub.folder / "passphrase"
    config.write_text(hub.config())
    secret.write_text(f"{PASSPHRASE}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd", *map(str, words), "--json"),
        *("--config", str(config), "--passphrase-file", str(secret)),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0, out
    said: dict[str, Any] = json.loads(out)
    return said


@pytest.mark.long
async def test_the_restored_hub_is_the_old_one_in_a_new_epoch(
    street: tuple[Broker, ZwaveSimulator], nukis: BluetoothSimulator, tmp_path: Path
) -> None:
    # suffering 29
    broker, zwave = street
    await zwave.faults(V2_S2)
    for slot in (await zwave.node(V2_S2))["codes"]:
        await zwave.set_code(V2_S2, slot, None)
    zwave.by_hand.clear()
    old, new = (
        Hub(tmp_path / name, broker.port, zwave.url, bluetooth=nukis.environment, site="restored")
        for name in ("old", "new")
    )
    paired = await nukis.authorise(NUKI)
    await old.pair(paired)
    async with Cloud(broker.port, old.prefix) as cloud:
        house = House(broker=broker, zwave=zwave, hub=old, cloud=cloud)
        await old.start()
        await cloud.done(await cloud.send("site.put", site(paired["address"])))
        await cloud.done(await house.book("r1"))
        saved = await gatewayd(old, "backup", tmp_path / "hub.backup")
        assert saved["hub"] == "demo/restored/hub"
        await cloud.done(await house.book("r2"))  # of which the backup knows nothing
        await cloud.done(await cloud.send("report", {}))

        async def reported() -> bool:
            return len(cloud.retained.get("reported", {}).get("leases", [])) == 2 * len(DOORS)

        await eventually(reported)
        await old.kill()
        before = len(cloud.events)
        codes = await house.code("r1"), await house.code("r2")
        assert await house.codes(V2_S2) == sorted(codes)

        await zwave.reset_frames()
        restored = await gatewayd(new, "restore", tmp_path / "hub.backup")
        assert restored == {
            "ok": True,
            "hub": "demo/restored/hub",
            "made_at": saved["made_at"],
            "kept": None,
        }
        async with new:
            for door in DOORS:  # proven anew, by another look
                await house.told_times(2, "code.confirmed", lock_id=door, key_id="res:r1")
            await house.told("alert.raised", code="database_lost")
            whole = {
                "snapshot_id": "after",
                "part": 1,
                "parts": 1,
                "as_of": cloud.events[-1]["ts"],
                "complete": True,
                "items": [
                    stay(id_, 2) | {"code": code}
                    for id_, code in zip(("r1", "r2"), codes, strict=True)
                ],
            }
            await cloud.done(await cloud.send("reservation.snapshot", whole))
            await house.told("alert.cleared", code="database_lost")
            for door in DOORS:  # what was put since is the hub's again
                await house.told_times(2, "code.confirmed", lock_id=door, key_id="res:r2")
            assert await house.exchanges(V2_S2, "set") == 0  # looks were enough
            await invariants.hold(new, cloud, zwave, private=("Zyxwvut", paired["shared_key"]))
            assert await new.stop() == 0
        told = cloud.events[before:]
        assert {"hub.started", "snapshot.wanted"} <= {event["type"] for event in told}
        assert await house.codes(V2_S2) == sorted(codes)
        for code in codes:
            assert (await nukis.keypad(NUKI, code))["opened"]
        assert told[0]["epoch"] != cloud.events[0]["epoch"]
        places = {(event["epoch"], event["seq"]) for event in cloud.events}
        assert len(places) == len(cloud.events)


def site(nuki: str) -> dict[str, Any]:
    """One property behind a Z-Wave lock and a Nuki."""
    return {
        "version": 1,
        "zone": "Europe/Zurich",
        "policy": {"verify_after": "1s", "backup": {"pool": 0}},
        "properties": [
            {
                "id": "p",
                "name": "Seaside",
                "check_in": "15:00",
                "check_out": "10:00",
                "locks": list(DOORS),
            }
        ],
        "locks": [
            {"id": DOORS[0], "name": "Front", "driver": "zwave", "address": str(V2_S2)},
            {"id": DOORS[1], "name": "Back", "driver": "nuki", "address": nuki},
        ],
    }
