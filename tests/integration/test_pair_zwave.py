"""`gatewayd pair zwave` at the real zwave-js server: S2 Access Control, or a clear refusal."""

import asyncio
import hashlib
import json
import os
import pty
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from zwave_js_server.client import Client
from zwave_js_server.const import SecurityClass

from gatewayd.intake.schemas import LockDocument
from gatewayd.locks.zwave.include import (
    NotIncluded,
    Order,
    at_server,
    exclude,
    include,
    parsed,
    provision,
    smart_start,
)
from simulators.broker import free_port
from simulators.zwave import ZwaveSimulator
from tests.integration.conftest import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = """\
[hub]
org = "acme"
site = "lakeside"
id = "hub-1"
[mqtt]
host = "127.0.0.1"
tls = false
[zwave]
url = "{url}"
"""
DSK = "1" * 40
ACCESS_CONTROL, UNAUTHENTICATED = 4, 1
"""Bits of the security classes that a code asks for."""


def code(keys: int, version: int = 1) -> str:
    """A QR code as Z-Wave makes them, see SDS13937; version 1 is SmartStart."""
    device = "0010" + "16387" + "00768" + "0220" + "00009" * 4
    rest = f"{keys:03}{DSK}{device}"
    check = int.from_bytes(hashlib.sha1(rest.encode()).digest()[:2], "big")  # noqa: S324  # theirs
    return f"90{version:02}{check:05}{rest}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sim() -> AsyncIterator[ZwaveSimulator]:
    async with ZwaveSimulator(nodes=(2,)) as sim:
        yield sim


def order(digits: str = "", seconds: float = 20) -> Order:
    """Somebody who types these digits."""

    async def typed(_: str) -> str:
        return digits

    return Order(seconds, typed, lambda _: None)


async def test_a_lock_joins_by_its_digits_while_the_hub_goes_on(
    sim: ZwaveSimulator, tmp_path: Path
) -> None:
    config = tmp_path / "gatewayd.toml"
    config.write_text(CONFIG.format(url=sim.url))
    await sim.offer(7)
    ours, theirs = pty.openpty()
    async with running(sim.url) as (radio, _):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewayd", "pair", "zwave", "--config", str(config)),
            stdin=theirs,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(60):
            asked = await process.stderr.readuntil(b"digits before it: ")
            dsk = await sim.dsk()
            assert dsk is not None
            assert f"the lock's DSK is ?????{dsk[5:]}" in asked.decode()
            os.write(ours, b"12\n")  # not five: asked again
            await process.stderr.readuntil(b"digits before it: ")
            os.write(ours, f"{dsk[:5]}\n".encode())
            out, err = await process.communicate()
        assert process.returncode == 0, err
        (stanza,) = tomllib.loads(out.decode())["locks"]
        assert stanza["address"] == "7"
        LockDocument.model_validate(stanza)
        assert radio.link.up.is_set()
        assert radio.node("7").highest_security_class is SecurityClass.S2_ACCESS_CONTROL
    os.close(ours)
    os.close(theirs)


async def test_wrong_digits_are_refused_and_said(sim: ZwaveSimulator) -> None:
    await sim.offer(3)
    with pytest.raises(NotIncluded, match="digits are not those") as refused:
        await at_server(sim.url, lambda client: include(client, order("00000"), None))
    assert "is left in the network" in str(refused.value)
    assert "--exclude" in refused.value.what_to_do


async def test_a_lock_without_access_control_is_refused_and_what_it_wants_is_said(
    sim: ZwaveSimulator,
) -> None:
    await sim.offer(4, "S2_Authenticated")
    with pytest.raises(NotIncluded, match="no S2 Access Control but S2_AUTHENTICATED"):
        await at_server(sim.url, lambda client: include(client, order(), None))
    await sim.offer(9)
    with pytest.raises(NotIncluded, match="no security at all"):
        await at_server(sim.url, lambda client: include(client, order(), None))


async def test_nobody_comes_and_the_next_one_can(sim: ZwaveSimulator) -> None:
    for _ in range(2):
        with pytest.raises(NotIncluded, match="no lock came in time"):
            await at_server(sim.url, lambda client: include(client, order(seconds=0.3), None))
    with pytest.raises(NotIncluded, match="no device came in time"):
        await at_server(sim.url, lambda client: exclude(client, order(seconds=0.3)))


async def test_a_smart_start_code_is_given_to_the_server(sim: ZwaveSimulator) -> None:
    async def work(client: Client) -> int | None:
        known = await parsed(client, code(ACCESS_CONTROL))
        assert smart_start(known)
        joined = await provision(client, known, order(seconds=0.3))
        assert client.driver is not None
        (entry,) = await client.driver.controller.async_get_provisioning_entries()
        assert entry.security_classes == [SecurityClass.S2_ACCESS_CONTROL]
        assert entry.dsk.replace("-", "") == DSK
        return joined

    assert await at_server(sim.url, work) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (code(UNAUTHENTICATED), "no S2 Access Control but S2_UNAUTHENTICATED"),
        (code(UNAUTHENTICATED, version=0), "no S2 Access Control but S2_UNAUTHENTICATED"),
        (code(ACCESS_CONTROL)[:-1], "no code of a Z-Wave device"),
        ("hello", "no code of a Z-Wave device"),
    ],
)
async def test_a_code_that_will_not_do(sim: ZwaveSimulator, said: str, why: str) -> None:
    async def work(client: Client) -> int | None:
        known = await parsed(client, said)
        if smart_start(known):
            return await provision(client, known, order())
        return await include(client, order(), known)

    with pytest.raises(NotIncluded, match=why):
        await at_server(sim.url, work)


async def test_scripts_are_told_what_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "gatewayd.toml"
    config.write_text(CONFIG.format(url=f"ws://127.0.0.1:{free_port()}"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatewayd", "pair", "zwave", "--config", str(config), "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    said = json.loads(out)
    assert (process.returncode, said["ok"]) == (1, False)
    assert "no answer from the zwave-js server" in said["error"]
