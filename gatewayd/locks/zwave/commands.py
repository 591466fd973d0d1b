"""The commands of one node: what is asked, what is changed, and what the interview found out.

A read always goes to the lock itself. `known` sends nothing: it looks into what zwave-js learnt
when it interviewed the node.
"""

from collections.abc import Awaitable
from enum import IntEnum
from typing import Any, Protocol, cast

from zwave_js_server.const import CommandClass
from zwave_js_server.model.node import Node

from gatewayd.clock import Clock
from gatewayd.domain.retry import Tick
from gatewayd.errors import OutcomeUnknown, RadioDown, Reason, Refused, Unanswered, Unreachable
from gatewayd.locks.zwave.reports import OwnChanges

SUPERVISION_FAIL, SUPERVISION_SUCCESS = 0x02, 0xFF
LATE_ANSWER = 10.0
"""Seconds after which an answer comes no more; zwave-js itself waits 1 s."""


class NoAnswer(OutcomeUnknown):
    """The lock was asked, and its answer did not come or cannot be read; the radio is well."""

    reason = Reason.LOCK_UNREACHABLE


class Network(Protocol):
    """What a lock needs of its radio."""

    clock: Clock
    own: OwnChanges

    def node(self, address: str) -> Node:
        """The library's node.

        Raises:
            RadioDown: no connection. Unreachable: no such node.
        """
        ...

    async def call[T](self, node: Node, operation: Awaitable[T]) -> T:
        """Await a call of the library about a node; what goes wrong is a `LockError`."""
        ...


class Silence:
    """What a node was asked and did not answer: for a while its answer may still come.

    zwave-js takes any report of the right kind for the answer to its question, whatever slot that
    is about; so until then nothing else is asked.
    """

    def __init__(self) -> None:
        self._until = Tick(0.0)

    def begin(self, tick: Tick) -> None:
        """An answer is owed."""
        self._until = Tick(tick + LATE_ANSWER)

    def lasts(self, tick: Tick) -> bool:
        """Whether a late answer may still come."""
        return tick < self._until


class Commands:
    """One node's commands, through its network."""

    def __init__(self, network: Network, node: Node, silence: Silence) -> None:
        self.network, self.node, self._silence = network, node, silence

    async def ask(self, command_class: IntEnum, method: str, *args: object) -> Any:
        """A read; None: the lock did not answer, or has nothing to say.

        Raises:
            Unreachable: no acknowledgement. RadioDown: nobody was asked, or nobody heard it.
        """
        return await self.read(self._invoke(command_class, method, *args))

    async def must_answer(self, command_class: IntEnum, method: str, *args: object) -> Any:
        """A read to which every lock has an answer.

        Raises:
            Unreachable: it gave none.
        """
        answer = await self.ask(command_class, method, *args)
        if answer is None:
            raise self.unanswered()
        return answer

    def unanswered(self) -> Unanswered:
        """The error for a question without its answer, which may come late."""
        self._silence.begin(self.network.clock.tick())
        return Unanswered("the lock did not answer the read")

    async def read[T](self, operation: Awaitable[T]) -> T:
        """Any read of the library's: it changes nothing, so its outcome is never unknown."""
        try:
            return await self._call(operation)
        except NoAnswer as error:
            raise Unreachable(str(error), error.reason) from None
        except OutcomeUnknown as error:
            raise RadioDown(str(error)) from None

    async def change(self, command_class: IntEnum, method: str, *args: object) -> bool:
        """A write; whether the lock said yes. An unsupervised one says neither yes nor no.

        Raises:
            Refused: the lock said no. Unsupported: it has no such command or slot.
        """
        answer = await self._call(self._invoke(command_class, method, *args))
        said = answer.get("status") if isinstance(answer, dict) else None
        if said == SUPERVISION_FAIL:
            raise Refused("the lock refused")
        return bool(said == SUPERVISION_SUCCESS)

    async def change_slot[T](self, slot: int, operation: Awaitable[T]) -> T:
        """Any other write of the library's, whose echo is no news."""
        with self.network.own.changing(self.node, slot):
            return await self._call(operation)

    async def _call[T](self, operation: Awaitable[T]) -> T:
        return await self.network.call(self.node, operation)

    async def known(self, command_class: int, name: str, key: int | None = None) -> Any:
        """What zwave-js has in store; None where it has nothing. No frame is sent."""
        value_id: dict[str, object] = {"commandClass": command_class, "endpoint": 0}
        value_id |= {"property": name} | ({} if key is None else {"propertyKey": key})
        answer = await self.read(
            self.node.async_send_command("get_value", valueId=value_id, wait_for_result=True)
        )
        return (answer or {}).get("value")

    def version(self, command_class: int) -> int:
        """The version that the node implements; 0: it does not have this class."""
        versions = (c.version for c in self.node.command_classes if c.id == command_class)
        return next(versions, 0)

    async def _invoke(self, command_class: IntEnum, method: str, *args: object) -> Any:
        return await self.node.async_invoke_cc_api(
            cast(CommandClass, command_class), method, *args, wait_for_result=True
        )
