"""What systemd hears of a hub that works, and of one that does not."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from simulators.broker import Broker
from simulators.cloud import Cloud
from simulators.hub import Hub

INTERVAL_S = 1.0
SILENT_AFTER_S = 4 * INTERVAL_S


@pytest.mark.long
async def test_a_hub_whose_loop_stands_still_is_silent_and_tells_where_it_stood(
    tmp_path: Path,
) -> None:
    # Fault 38
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        async with Broker(tmp_path / "broker") as broker:
            hub = Hub(tmp_path / "hub", broker.port, url=None)
            hub.under = (
                *("env", f"NOTIFY_SOCKET={tmp_path / 'notify'}", "PYTHONFAULTHANDLER=1"),
                f"WATCHDOG_USEC={2_000_000 * INTERVAL_S:.0f}",
                *("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=epoll_wait"),
                *("-e", "inject=epoll_wait:delay_enter=6s:when=400+"),
            )
            async with Cloud(broker.port, hub.prefix) as cloud, hub:
                assert await heard(systemd) == "READY=1"
                assert [await heard(systemd) for _ in range(2)] == ["WATCHDOG=1"] * 2
                for _ in range(40):
                    await cloud.send("report", {})
                async with asyncio.timeout(20):
                    while await heard(systemd):
                        pass
                os.kill(hub.pid, signal.SIGABRT)  # as systemd does
                assert await hub.wait() == -signal.SIGABRT
                hub.under = ()
                await hub.start()
                await cloud.done(await cloud.send("report", {}))
    assert "Fatal Python error: Aborted" in hub.log.read_text()
    assert "most recent call first" in hub.log.read_text()


async def heard(systemd: socket.socket) -> str | None:
    """The next word; None: it was silent for long."""
    try:
        async with asyncio.timeout(SILENT_AFTER_S):
            word = await asyncio.get_running_loop().sock_recv(systemd, 100)
    except TimeoutError:
        return None
    return word.decode()
