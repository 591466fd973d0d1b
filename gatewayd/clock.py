"""The hub's clock: the wall as an interval, ticks since boot, and waiting for a change."""

import asyncio
import contextlib
import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from gatewayd.domain.moment import FOREVER, Mark, Now, agreed
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

    mark: Mark | None
    """The last time that was certain."""

    def now(self) -> Now:
        """The wall clock."""
        ...

    def witness(self, who: str, said: Now) -> None:
        """What somebody says who must know, instead of what they said before; a synchronised clock
        knows better."""
        ...

    def beyond(self, before: Mark) -> bool:
        """Whether the last certain time is later than could be reckoned from an earlier one."""
        ...

    def tick(self) -> Tick:
        """Seconds since boot; runs on through suspend and clock steps."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Until the event is set, `seconds` have passed, or a recheck is due."""
        ...


UNCERTAINTY = timedelta(hours=72)
"""For so long a hub may have been off, where nothing tells how long it was."""
BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this program was written it is not."""


class Certain:
    """Of a clock that is always right."""

    mark: Mark | None = None

    def witness(self, who: str, said: Now) -> None:
        """It knows better."""

    def beyond(self, before: Mark) -> bool:
        """It needs no mark."""
        return False


class SystemClock(Certain):
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


LIBC = ctypes.CDLL(None, use_errno=True)


class _Timex(ctypes.Structure):
    """Room for a struct timex, see adjtimex(2); with `modes` 0 nothing is set."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_long * 32))


TIME_ERROR = 5
"""What adjtimex(2) returns where the clock is not synchronised."""


def kernel_synchronised() -> bool:
    """Whether the kernel takes its clock as synchronised, whoever does that (timesyncd, chrony).

    Without word from a time server it stops to after some hours, when the error may be 16 s.

    Raises:
        OSError: it may not be asked.
    """
    state: int = LIBC.adjtimex(ctypes.byref(_Timex()))
    if state < 0:
        raise OSError(ctypes.get_errno(), "adjtimex is forbidden")
    return state < TIME_ERROR


class HubClock(SystemClock):
    """The machine's clock where the kernel says that it is synchronised; where it is not, what
    follows from the last time that was (`mark`, to be kept on disk) and from witnesses."""

    def __init__(
        self,
        uncertainty: timedelta = UNCERTAINTY,
        synchronised: Callable[[], bool] = kernel_synchronised,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._uncertainty, self._wall = uncertainty, wall
        self._synchronised = synchronised
        self._witnesses: dict[str, tuple[Tick, Now]] = {}

    def now(self) -> Now:
        """An instant where the clock is synchronised, else the interval in which the time lies."""
        tick, wall = self.tick(), self._wall()
        if self._synchronised():
            self.mark = Mark(wall, tick, self.boot)
            self._witnesses.clear()
            return Now.exactly(wall)
        reading = self._reckoned(tick, wall)
        told = [said.passed(tick - at) for at, said in self._witnesses.values()]
        if not (told := [said for said in told if said.latest >= reading.earliest]):
            return reading  # who says what cannot be does not know
        earliest, latest = max(said.earliest for said in told), reading.latest
        if earliest > latest:  # it was off for longer than was reckoned with
            latest = earliest + self._uncertainty
        ends = [latest if said.latest >= FOREVER else said.latest for said in told]
        said = agreed([Now(x.earliest, end) for x, end in zip(told, ends, strict=True)])
        return Now(max(said.earliest, reading.earliest), said.latest)

    def witness(self, who: str, said: Now) -> None:
        """What somebody says who must know, instead of what they said before; a synchronised clock
        knows better."""
        self._witnesses[who] = self.tick(), said

    def beyond(self, before: Mark) -> bool:
        """Whether the last certain time is later than could be reckoned from an earlier one."""
        mark = self.mark
        if mark is None:
            return False
        return mark.at > before.after(mark.tick, mark.boot, self._uncertainty).latest

    def _reckoned(self, tick: Tick, wall: datetime) -> Now:
        if self.mark is not None:
            return self.mark.after(tick, self.boot, self._uncertainty)
        return Now(BUILT, max(BUILT, wall) + self._uncertainty)  # it has never known
