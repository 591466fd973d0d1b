"""What several figures look at: made at first use, kept until the end of the run."""

import contextlib
from types import TracebackType
from typing import Self

from bench.filling import Filling, fill
from bench.rig import Rig, rig
from bench.store import PLAIN, Policies, Store, stays, store

MANY = 10_000
AT_THE_LOCK = 10
"""Reservations on the full site, and of these at the measured lock."""


class Shared:
    """`quick` asks for fewer rounds."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self._stack = contextlib.AsyncExitStack()
        self._site: Rig | None = None
        self._full: tuple[Store, Filling] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def site(self) -> Rig:
        """The site with all its processes; whoever changes it puts it back."""
        if self._site is None:
            self._site = await self._stack.enter_async_context(rig())
        return self._site

    async def full_store(self) -> tuple[Store, Filling]:
        """A store in this process with `MANY` reservations, and how it took them."""
        if self._full is None:
            self._full = await self.another_store(MANY)
        return self._full

    async def another_store(self, count: int, policies: Policies = PLAIN) -> tuple[Store, Filling]:
        """Another one, with so many, and how it took them."""
        here = await self._stack.enter_async_context(store(policies))
        return here, await fill(here, stays(count, AT_THE_LOCK, policies))
