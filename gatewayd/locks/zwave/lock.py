"""One node as a lock. How it keeps its codes, its command classes tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from zwave_js_server.const import NodeStatus
from zwave_js_server.model.node import Node

from gatewayd.domain.capabilities import Capabilities
from gatewayd.errors import RadioDown, Reason, Unreachable
from gatewayd.locks.driver import Session
from gatewayd.locks.zwave.commands import Commands, Network, Silence
from gatewayd.locks.zwave.user_code import UserCodes
from gatewayd.locks.zwave.user_credential import USER_CREDENTIAL, UserCredentials

type Codes = UserCodes | UserCredentials


class ZwaveLock:
    """One node."""

    def __init__(self, network: Network, address: str) -> None:
        self._network, self._address = network, address
        self._silence = Silence()
        self._learnt: tuple[Node, Codes] | None = None

    async def capabilities(self) -> Capabilities:
        """From what the interview found; no frame is sent."""
        node = self._network.node(self._address)
        return (await self._codes(Commands(self._network, node, self._silence))).capabilities

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A dead node is pinged first: its abort takes 1 s where a read's takes 3 s."""
        node = self._network.node(self._address)
        if self._silence.lasts(self._network.clock.tick()):
            raise RadioDown(f"a late answer of node {self._address} may still come")
        if node.status is NodeStatus.ASLEEP:
            raise Unreachable("the lock sleeps and wakes by itself", Reason.LOCK_ASLEEP)
        if node.status is NodeStatus.DEAD and not await self._network.call(node.async_ping()):
            raise Unreachable(f"node {self._address} does not answer")
        if not node.ready:
            raise RadioDown(f"node {self._address} is still being interviewed")
        commands = Commands(self._network, node, self._silence)
        codes = await self._codes(commands)
        yield codes.session(commands)

    async def _codes(self, commands: Commands) -> Codes:
        """Asked once per connection, which makes new nodes."""
        if self._learnt is not None and self._learnt[0] is commands.node:
            return self._learnt[1]
        if await _has_users(commands):
            codes: Codes = await UserCredentials.learn(commands)
        else:
            codes = await UserCodes.learn(commands)
        if commands.node.ready:
            self._learnt = (commands.node, codes)
        return codes


async def _has_users(commands: Commands) -> bool:
    """A lock with both classes is used by the newer one, unless it reports no users there
    (CL:0083.01.21.00.4)."""
    if not commands.version(USER_CREDENTIAL):
        return False
    return bool(await commands.known(USER_CREDENTIAL, "supportedUsers") != 0)
