"""Whether the workers get on: a driver that hangs beyond all its own timeouts would keep its lock,
and the radio with it, for ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gatewayd.clock import Clock
from gatewayd.domain.ids import LockId
from gatewayd.domain.retry import Tick

STUCK = 300.0
"""Seconds that nothing takes at a lock: a whole Nuki connection has 90, and 40 to begin and to end;
a Z-Wave call has 15. A lock that is slow or does not answer raises before."""


@dataclass(slots=True)
class Progress:
    """Since when each lock is being touched, in ticks; by two at a time where the bolt is turned
    amid a session."""

    _since: dict[object, tuple[LockId, Tick]] = field(default_factory=dict)

    @contextmanager
    def touching(self, lock: LockId, clock: Clock) -> Iterator[Callable[[], None]]:
        """While the block lasts; what it gives says that something was done meanwhile."""

        this = object()

        def got_on() -> None:
            self._since[this] = lock, clock.tick()

        got_on()
        try:
            yield got_on
        finally:
            del self._since[this]

    def stuck(self, tick: Tick) -> list[LockId]:
        """The locks at which nothing was done for too long."""
        return sorted({lock for lock, since in self._since.values() if tick - since > STUCK})
