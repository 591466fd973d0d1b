"""The hub's clock: the wall as an interval, ticks since boot, and waiting for a change."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Tick

RECHECK = 20.0
"""Seconds after which a wait ends anyway, so that a step of the wall clock is noticed well within
the 60 s in which a code that is over must go."""


class Clock(Protocol):
    """What the daemon knows of time; tests inject their own."""

    @property
    def boot(self) -> str:
        """Names the boot that ticks count from."""
        ...

    def now(self) -> Now:
        """The wall clock."""
        ...

    def tick(self) -> Tick:
        """Seconds since boot; runs on through suspend and clock steps."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Until the event is set, `seconds` have passed, or a recheck is due."""
        ...


class SystemClock:
    """The machine's clock, taken as synchronised."""

    def __init__(self) -> None:
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def now(self) -> Now:
        """A trusted reading."""
        return Now.exactly(datetime.now(UTC))

    def tick(self) -> Tick:
        """CLOCK_BOOTTIME."""
        return Tick(time.clock_gettime(time.CLOCK_BOOTTIME))

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait on the loop's clock."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(RECHECK, RECHECK if seconds is None else seconds)):
                await event.wait()
