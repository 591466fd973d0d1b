"""The real Z-Wave stack, started once a session for the tests that leave it as they found it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest_asyncio

from gatewayd.clock import SystemClock
from gatewayd.domain.report import Report
from gatewayd.locks.zwave.radio import ZwaveRadio
from simulators.zwave import ZwaveSimulator

type Reports = list[tuple[str, Report]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def zwave() -> AsyncIterator[ZwaveSimulator]:
    """Locks of all kinds: User Code V1 (2), V2 S2 with schedules (3), V2 (5), V1 asleep (6), V1 S2
    (7), and User Credential (4)."""
    async with ZwaveSimulator(nodes=(2, 3, 4, 5, 6, 7), slots=10) as simulator:
        yield simulator


@asynccontextmanager
async def running(url: str) -> AsyncIterator[tuple[ZwaveRadio, Reports]]:
    """A radio on its task, up, and what its locks report."""
    radio = ZwaveRadio(url, SystemClock())
    heard: Reports = []
    radio.on_report = lambda address, report: heard.append((address, report))
    task = asyncio.create_task(radio.run())
    try:
        async with asyncio.timeout(20):
            await radio.link.up.wait()
        yield radio, heard
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait for a state, with a deadline."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # many kinds of state, one way to wait
            await asyncio.sleep(0.01)
