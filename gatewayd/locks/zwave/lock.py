"""User Code (0x63) locks, V1 and V2: raw reads and writes, nothing from the cache.

`util.lock.get_usercode_from_node` returned torn or stale data in 5 of 40 reads and
`set_credential` reported success for a code that the lock had stored differently; the direct
`get` was right 40 of 40 times. So only that counts.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from zwave_js_server.const import CommandClass, NodeStatus
from zwave_js_server.model.node import Node

from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.capabilities import DEFAULT_SLOTS, Capabilities
from gatewayd.domain.code import ANY_CODE, Code
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import OutcomeUnknown, RadioDown, Reason, Refused, Unreachable, Unsupported

if TYPE_CHECKING:
    from gatewayd.locks.zwave.radio import ZwaveRadio

AVAILABLE, ENABLED, NOT_AVAILABLE = 0x00, 0x01, 0xFE
"""User ID Status of the User Code command class."""
SUPERVISION_SUCCESS, SUPERVISION_FAIL = 0xFF, 0x02


class ZwaveLock:
    """One node."""

    def __init__(self, radio: "ZwaveRadio", address: str) -> None:
        self._radio, self._address = radio, address

    async def capabilities(self) -> Capabilities:
        """From what the interview found; no frame is sent."""
        node = self._radio.node(self._address)
        known = await self._radio.call(node.access_control.get_user_capabilities_cached())
        return Capabilities(slots=known.max_users or DEFAULT_SLOTS, code=ANY_CODE)

    @asynccontextmanager
    async def session(self) -> AsyncIterator["UserCodeSession"]:
        """A dead node is pinged first: its abort takes 1 s where a read's takes 3 s."""
        node = self._radio.node(self._address)
        if node.status is NodeStatus.ASLEEP:
            raise Unreachable("the lock sleeps and wakes by itself", Reason.LOCK_ASLEEP)
        if node.status is NodeStatus.DEAD and not await self._radio.call(node.async_ping()):
            raise Unreachable(f"node {self._address} does not answer")
        if not node.ready:
            raise RadioDown(f"node {self._address} is still being interviewed")
        yield UserCodeSession(self._radio, node)


class UserCodeSession:
    """Reads and writes slots of one node."""

    def __init__(self, radio: "ZwaveRadio", node: Node) -> None:
        self._radio, self._node = radio, node

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """Each slot from the lock itself.

        Raises:
            Unreachable: the lock gave no answer. Unsupported: no such slot.
        """
        return {slot: await self._read(slot) for slot in slots}

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Set a code, enabled.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot, or takes no such code.
        """
        if not ANY_CODE.allow(entry.code):
            raise Unsupported("User Code takes 4 to 8 digits", Reason.CODE_IMPOSSIBLE)
        if slot is None:
            raise Unsupported("User Code has numbered slots")
        await self._change("set", slot, ENABLED, entry.code.digits)
        return slot

    async def clear(self, slot: int) -> None:
        """Set a slot to available.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot.
        """
        if slot < 1:
            raise Unsupported("slot 0 means all slots")
        await self._change("clear", slot)

    async def operate(self, action: Action) -> None:
        """Not yet."""
        raise Unsupported(f"cannot {action} by Z-Wave yet")

    async def bolt(self) -> Bolt:
        """Not yet."""
        raise Unsupported("cannot read the bolt by Z-Wave yet")

    async def _read(self, slot: int) -> Observation:
        try:
            answer = await self._invoke("get", slot)
        except OutcomeUnknown as error:  # a read changes nothing
            raise RadioDown(str(error)) from None
        if answer is None:
            raise Unreachable("the lock did not answer the read")
        at = self._radio.clock.now().earliest
        status, code = answer["userIdStatus"], str(answer.get("userCode") or "")
        if status == NOT_AVAILABLE:
            raise Unsupported(f"the lock has no slot {slot}")
        if status == AVAILABLE:  # some locks then show 0000
            return Empty(at)
        return Holds(at, Code(code)) if code.isascii() and code.isdigit() else Occupied(at)

    async def _change(self, method: str, *args: object) -> None:
        """A supervised lock says yes or no; an unsupervised one says nothing."""
        answer = await self._invoke(method, *args)
        if isinstance(answer, dict) and answer.get("status") == SUPERVISION_FAIL:
            raise Refused("the lock refused the code")

    async def _invoke(self, method: str, *args: object) -> Any:
        call = self._node.async_invoke_cc_api(
            CommandClass.USER_CODE, method, *args, wait_for_result=True
        )
        return await self._radio.call(call)
