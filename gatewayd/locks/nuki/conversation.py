"""What is said to a lock that knows us: sealed commands, the challenge before those that the PIN
protects, and the lock's errors in the contract's words."""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from gatewayd.domain.credentials import Credentials
from gatewayd.errors import OutcomeUnknown, RadioDown, Unreachable
from gatewayd.locks.nuki.commands import Known, encode
from gatewayd.locks.nuki.connection import Connection
from gatewayd.locks.nuki.exchange import Challenge, RequestData, SecurityPin, Status
from gatewayd.locks.nuki.failures import LockSaid, translated
from gatewayd.locks.nuki.frames import SEAL_NONCE_SIZE, seal
from gatewayd.locks.nuki.identifiers import Command, StatusCode
from gatewayd.locks.nuki.keyturner import KeyturnerStates, LockAction
from gatewayd.locks.nuki.pin_tries import PinTries

type Make = Callable[[bytes, SecurityPin], Known]
"""Makes a command from the lock's challenge and the PIN."""


class Conversation:
    """Each command with the PIN is one of its `tries`."""

    def __init__(self, connection: Connection, credentials: Credentials, tries: PinTries) -> None:
        self._connection, self._tries = connection, tries
        self._auth_id, self._key = credentials.auth_id, credentials.shared_key
        self._pin = SecurityPin(credentials.security_pin)

    async def states(self) -> KeyturnerStates:
        """Bolt, clock and batteries.

        Raises:
            Unreachable, RadioDown.
        """
        try:
            return await self._ask(Command.KEYTURNER_STATES, KeyturnerStates)
        except LockSaid as said:
            raise translated(said, writing=False) from None

    async def read[C: Known](self, make: Make, kind: type[C]) -> C:
        """Ask for something that the PIN protects; `more` has what follows the first answer.

        Raises:
            Unreachable, RadioDown.
        """
        try:
            command = make(await self._challenge(), self._pin)
            async with self._tries.spend():
                await self._send(command)
                return await self._hear(kind)
        except LockSaid as said:
            raise translated(said, writing=False) from None

    async def more[C: Known](self, kind: type[C]) -> C | None:
        """The next of several answers; None: the lock said that this was all.

        Raises:
            Unreachable, RadioDown.
        """
        try:
            while True:
                heard = await self._connection.hear(kind, Status)
                if isinstance(heard, kind):
                    return heard
                if _complete(heard):
                    return None
        except LockSaid as said:
            raise translated(said, writing=False) from None

    async def order[C: Known](self, make: Make, kind: type[C], within: float | None = None) -> C:
        """Have something changed, and hear that it was.

        Raises:
            LockError: OutcomeUnknown where the command was sent and nothing was heard.
        """
        try:
            command = make(await self._challenge(), self._pin)
            async with self._trying(command):
                try:
                    await self._send(command)
                    return await self._hear(kind, within=within)
                except (Unreachable, RadioDown) as error:
                    why = error.reason if isinstance(error, RadioDown) else None
                    raise OutcomeUnknown(f"{error}, after a command was sent", why) from None
        except LockSaid as said:
            raise translated(said, writing=True) from None

    def _trying(self, command: Known) -> AbstractAsyncContextManager[None]:
        """The motor turns without the PIN."""
        return nullcontext() if isinstance(command, LockAction) else self._tries.spend()

    async def _challenge(self) -> bytes:
        return (await self._ask(Command.CHALLENGE, Challenge)).nonce

    async def _ask[C: Known](self, wanted: Command, kind: type[C]) -> C:
        await self._send(RequestData(wanted))
        return await self._hear(kind)

    async def _hear[C: Known](self, kind: type[C], within: float | None = None) -> C:
        """A status counts once it says that all is done."""
        while True:
            heard = await self._connection.hear(kind, within=within)
            if isinstance(heard, kind) and (not isinstance(heard, Status) or _complete(heard)):
                return heard

    async def _send(self, command: Known) -> None:
        nonce = secrets.token_bytes(SEAL_NONCE_SIZE)
        await self._connection.send(seal(encode(command), self._auth_id, self._key, nonce))


def _complete(heard: Known) -> bool:
    return isinstance(heard, Status) and heard.code == StatusCode.COMPLETE
