"""The disk under a running hub: full to the last byte, or failing. The disk is a small tmpfs of the
daemon's own; the failures are the kernel's."""

import asyncio
import os
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from simulators.broker import Broker, free_port
from simulators.cloud import Cloud
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator
from tests.e2e.conftest import House, eventually, stay

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""A disk of one's own without root, where the kernel lets users do that."""
MEBIBYTE = 1024 * 1024
SITE = {"version": 1, "zone": "UTC", "properties": [], "locks": []}

_numbers = count(1)


def mounts() -> bool:
    """Whether a disk of one's own can be had."""
    if not shutil.which("unshare"):
        return False
    tried = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False)
    return tried.returncode == 0


@dataclass
class Small:
    """A hub whose database lies on a disk of 12 MiB."""

    hub: Hub
    cloud: Cloud

    @property
    def disk(self) -> Path:
        """As the daemon sees it."""
        return Path(f"/proc/{self.hub.pid}/root{self.hub.database.parent}")

    def fill(self, name: str) -> None:
        """To the last byte."""
        with (self.disk / name).open("wb", buffering=0) as file:
            for size in (MEBIBYTE, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue

    def free(self, name: str) -> None:
        """Somebody makes room."""
        (self.disk / name).unlink()

    async def ballast(self) -> bool:
        """Whether it is there."""
        return (self.disk / "ballast").exists()

    async def stuck(self) -> bool:
        """Whether it says that nothing can be written any more."""
        return '"freed": 0' in self.hub.log.read_text()


@pytest_asyncio.fixture(loop_scope="session")
async def small(street: tuple[Broker, ZwaveSimulator], tmp_path: Path) -> AsyncIterator[Small]:
    if not mounts():
        pytest.skip("this kernel lets no user mount a tmpfs")
    broker, _ = street
    disk = tmp_path / "hub" / "disk"
    disk.mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"'
    under = (*NAMESPACE, "sh", "-c", mount, str(disk))
    site = f"small{next(_numbers)}"
    hub = Hub(disk.parent, broker.port, None, site=site, store="disk/gatewayd.db")
    hub.under = under
    async with Cloud(broker.port, hub.prefix) as cloud, hub:
        await cloud.until(lambda e: e["type"] == "hub.started")
        yield Small(hub, cloud)


@pytest.mark.long
async def test_a_full_disk_is_told_and_costs_nothing_that_was_acknowledged(small: Small) -> None:
    # faults 22, 21
    await eventually(small.ballast)
    small.fill("somebody's")
    first = await small.cloud.send("site.put", SITE)  # the ballast gives way
    await small.cloud.done(first)
    assert not await small.ballast()
    await small.cloud.until(
        lambda e: e["type"] == "alert.raised" and e["data"]["code"] == "disk_full", within=40
    )
    small.fill("more of it")
    command = await small.cloud.send("reservation.put", stay("r1", 1))
    await eventually(small.stuck)
    assert small.cloud.unanswered == [command]
    small.free("more of it")
    await small.cloud.answer(command)
    small.free("somebody's")
    await small.cloud.until(
        lambda e: e["type"] == "alert.cleared" and e["data"]["code"] == "disk_full", within=40
    )
    assert await small.ballast()
    assert len([e for e in small.cloud.events if e["type"] == "hub.started"]) == 1
    assert await small.hub.stop() == 0


@pytest.mark.long
async def test_a_hub_that_waits_for_room_can_be_stopped(small: Small) -> None:
    await eventually(small.ballast)
    small.fill("somebody's")
    (small.disk / "ballast").unlink()
    small.fill("more of it")
    await small.cloud.send("site.put", SITE)
    await eventually(small.stuck)
    assert await small.hub.stop() == 0


@pytest.mark.long
async def test_a_disk_that_is_read_only_is_a_clear_end_before_anything_is_said(
    tmp_path: Path,
) -> None:
    # fault 23: systemd tries again until somebody has mended it
    if not mounts():
        pytest.skip("this kernel lets no user mount a tmpfs")
    disk = tmp_path / "hub" / "disk"
    disk.mkdir(parents=True)
    mount = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"'
    under = (*NAMESPACE, "sh", "-c", mount, str(disk))
    hub = Hub(disk.parent, free_port(), None, store="disk/gatewayd.db")
    hub.under = under
    with pytest.raises(RuntimeError, match="ended"):
        await hub.start()
    assert await hub.wait() == 1
    assert hub.log.read_text() == f"gatewayd: cannot use {disk}: Read-only file system\n"


@pytest.mark.long
async def test_a_write_that_fails_ends_the_daemon_and_the_command_comes_again(
    house: House,
) -> None:
    # faults 23, 24
    await house.cloud.done(await house.cloud.send("site.put", SITE))
    log = house.hub.database.with_name(house.hub.database.name + "-wal")
    size = log.stat().st_size
    resource.prlimit(house.hub.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    command = await house.cloud.send("reservation.put", stay("r1", 1))
    assert await house.hub.wait() == 1
    assert "cannot be used any more: disk I/O error" in house.hub.log.read_text()
    assert house.cloud.unanswered == [command]
    await house.hub.start()
    await house.cloud.answer(command)


@pytest.mark.long
async def test_after_an_fsync_that_fails_nothing_is_acknowledged(house: House) -> None:
    # fault 24: the kernel has dropped the pages, and the next fsync would succeed
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    await house.cloud.done(await house.cloud.send("site.put", SITE))
    calls = "fsync,fdatasync"
    tracer = await asyncio.create_subprocess_exec(
        strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}",
        "-e", f"inject={calls}:error=EIO", "-p", str(house.hub.pid),
    )  # fmt: skip

    async def traced() -> bool:
        status = Path(f"/proc/{house.hub.pid}/status").read_text()
        return "TracerPid:\t0" not in status or tracer.returncode is not None

    await eventually(traced)
    if tracer.returncode is not None:
        pytest.skip("no process may be traced here")
    command = await house.cloud.send("reservation.put", stay("r1", 1))
    assert await house.hub.wait() == 1
    await tracer.wait()
    assert house.cloud.unanswered == [command]
    await house.hub.start()
    await house.cloud.answer(command)
