"""One Nuki Smart Lock with a keypad, reached over Bluetooth."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from gatewayd.domain.capabilities import NUKI, Capabilities
from gatewayd.locks.nuki.session import NukiSession

if TYPE_CHECKING:
    from gatewayd.locks.nuki.radio import NukiRadio


class NukiLock:
    """A lock by its Bluetooth address."""

    def __init__(self, radio: "NukiRadio", address: str) -> None:
        self._radio, self._address = radio, address

    async def capabilities(self) -> Capabilities:
        """The same for all of them; nothing is sent."""
        return NUKI

    def session(self) -> AbstractAsyncContextManager[NukiSession]:
        """One connection.

        Raises:
            Unreachable: not heard, silent, not paired, or it refused our PIN once. RadioDown.
        """
        return self._radio.session(self._address)
