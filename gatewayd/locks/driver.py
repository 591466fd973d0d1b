"""The contract of drivers and radios. One suite runs against every driver.

Whatever a driver raises is a `LockError`: `Unreachable`, `RadioDown`, `Refused`, `Unsupported` or
`OutcomeUnknown`. Anything else is a bug. No error's text holds a code.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.report import Heard
from gatewayd.domain.slot import Entry, Observation


class Session(Protocol):
    """Operations grouped in one wake of a battery lock, or one connection."""

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """Read slots from the lock itself, never from a cache.

        A lock that numbers its codes itself shows all that it holds, whatever is asked, and Empty
        for what is asked and not there.
        """
        ...

    async def unchanged(self, seen: Mapping[int, Observation]) -> bool:
        """Whether the lock still holds just what it showed in all its slots: one exchange. False
        where it does not say, or cannot be understood.

        Raises:
            Unsupported: it has no such question.
        """
        ...

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Put an entry into a slot (None: the lock chooses) and say where it went.

        Returning means that the lock acknowledged: no proof yet. What is there is written anew
        as a whole.
        """
        ...

    async def clear(self, slot: int) -> None:
        """Empty a slot. Returning means that the lock acknowledged: no proof yet."""
        ...

    async def operate(self, action: Action) -> None:
        """Turn the bolt, asked once. Returning means that the lock acknowledged: no proof yet."""
        ...

    async def bolt(self) -> Bolt:
        """Where the bolt is, from the lock itself."""
        ...


class LockDriver(Protocol):
    """One lock."""

    async def capabilities(self) -> Capabilities:
        """What the lock can do, without waking it where the radio knows; asked in each session."""
        ...

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Reach the lock. Nothing is changed by that, so its outcome is never unknown.

        Raises:
            Unreachable: it does not answer, or sleeps. RadioDown: nobody was asked.
        """
        ...


type OnReport = Callable[[str, Heard], None]
"""Called with a lock's address and what it told by itself; must not block."""

type IsServed = Callable[[str], bool]
"""Whether somebody takes what the lock at an address tells, and has written down what it told
before; where the lock itself keeps it, it is fetched once that is so."""


class Link:
    """Whether a radio can be used: exactly one of the two events is set.

    `parts` by name: its adapters, where one of several may be away; `bound` says of a lock's
    address which part it must use.
    """

    def __init__(
        self,
        parts: Mapping[str, "Link"] | None = None,
        bound: Mapping[str, str] | None = None,
    ) -> None:
        self.up, self.down = asyncio.Event(), asyncio.Event()
        self.down.set()
        self.parts, self._bound = parts or {}, bound or {}

    def of(self, address: str) -> "Link":
        """What a lock needs: a part, or any of them."""
        return self.parts.get(self._bound.get(address, ""), self)

    def change(self, *, up: bool) -> None:
        """Tell who waits."""
        (self.up if up else self.down).set()
        (self.down if up else self.up).clear()


class Radio(Protocol):
    """One network of locks; `unfit` says why its service cannot be used, while that is so. So many
    `sessions` may be open at a time: of their exchanges there is one at a time all the same."""

    name: str
    sessions: int
    link: Link
    unfit: str | None
    on_report: OnReport
    is_served: IsServed

    async def run(self) -> None:
        """Hold the connection, for ever; returns only by cancellation."""
        ...

    def lock(self, address: str) -> LockDriver:
        """The lock at an address, whether it is there or not."""
        ...
