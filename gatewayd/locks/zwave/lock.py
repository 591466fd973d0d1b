"""One node as a lock. How it keeps its codes, its command classes tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from zwave_js_server.const import NodeStatus

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.retry import Tick
from gatewayd.errors import LockError, RadioDown, Reason, Unreachable
from gatewayd.locks.driver import Session
from gatewayd.locks.zwave.commands import Commands, Network, Silence
from gatewayd.locks.zwave.credentials import USER_CREDENTIAL
from gatewayd.locks.zwave.user_code import UserCodes
from gatewayd.locks.zwave.user_credential import UserCredentials

INTERVIEW_GRACE = 60.0
"""Seconds that an interview may take before the lock counts as one that does not answer."""

type Codes = UserCodes | UserCredentials


class ZwaveLock:
    """One node."""

    def __init__(self, network: Network, address: str) -> None:
        self._network, self._address = network, address
        self._silence = Silence()
        self._learnt: tuple[object, Codes] | None = None  # `data`, which an interview makes new
        self._unready_since: Tick | None = None

    async def capabilities(self) -> Capabilities:
        """From what the interview found; no frame is sent."""
        node = self._network.node(self._address)
        return (await self._codes(Commands(self._network, node, self._silence))).capabilities

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A dead node is pinged first: its abort takes 1 s where a read's takes 3 s."""
        node = self._network.node(self._address)
        commands = Commands(self._network, node, self._silence)
        if self._silence.lasts(self._network.clock.tick()):
            raise RadioDown(f"a late answer of node {self._address} may still come")
        if node.status is NodeStatus.ASLEEP:
            raise Unreachable("the lock sleeps and wakes by itself", Reason.LOCK_ASLEEP)
        if node.status is NodeStatus.DEAD and not await commands.read(node.async_ping()):
            raise Unreachable(f"node {self._address} does not answer")
        if not node.ready:
            raise self._unready()
        self._unready_since = None
        codes = await self._codes(commands)
        yield codes.session(commands)

    def _unready(self) -> LockError:
        """An interview takes its time; one that does not end is the lock's fault."""
        tick = self._network.clock.tick()
        if self._unready_since is None:
            self._unready_since = tick
        if tick - self._unready_since < INTERVIEW_GRACE:
            return RadioDown(f"node {self._address} is still being interviewed")
        return Unreachable(f"the interview of node {self._address} does not end")

    async def _codes(self, commands: Commands) -> Codes:
        """Asked once per interview."""
        data = commands.node.data
        if self._learnt is not None and self._learnt[0] is data:
            return self._learnt[1]
        if await _has_users(commands):
            codes: Codes = await UserCredentials.learn(commands)
        else:
            codes = await UserCodes.learn(commands)
        if commands.node.ready:
            self._learnt = (data, codes)
        return codes


async def _has_users(commands: Commands) -> bool:
    """A lock with both classes is used by the newer one, unless it reports no users there
    (CL:0083.01.21.00.4)."""
    if not commands.version(USER_CREDENTIAL):
        return False
    return bool(await commands.known(USER_CREDENTIAL, "supportedUsers") != 0)
