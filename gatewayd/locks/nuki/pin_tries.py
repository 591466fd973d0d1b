"""How often the lock's answer to the security PIN may get lost: it may have been a refusal."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from gatewayd.domain.credentials import PIN_TRIES
from gatewayd.errors import LockError, Reason
from gatewayd.locks.nuki.failures import PIN_CODES, LockSaid, stopped


class PinTries:
    """`keep` puts the tries that are left on disk; `stop` is told why there are none any more: the
    lock refused the PIN, or only fell silent, and the PIN may well be right."""

    def __init__(
        self,
        left: int,
        keep: Callable[[int], Awaitable[None]],
        stop: Callable[[Reason], Awaitable[None]],
    ) -> None:
        self._left, self._keep, self._stop = left, keep, stop

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """Around a command with the PIN and its answer.

        Raises:
            Unreachable: no try is left.
        """
        left = self._left
        if left == 0:
            raise stopped(Reason.PIN_UNANSWERED)
        if left < PIN_TRIES:  # beforehand: not even a power cut makes it one more
            await self._note(left - 1)
        try:
            yield
        except LockSaid as said:
            if said.code in PIN_CODES:
                self._left = 0
                await self._stop(Reason.PIN_REFUSED)
            else:  # of the PIN it said nothing
                await self._note(left)
            raise
        except LockError:
            await self._note(left - 1)
            if left == 1:
                await self._stop(Reason.PIN_UNANSWERED)
            raise
        await self._note(PIN_TRIES)

    async def _note(self, left: int) -> None:
        if left != self._left:
            self._left = left
            await self._keep(left)
