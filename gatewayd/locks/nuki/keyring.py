"""What is kept for each lock between runs; the store keeps it."""

from datetime import datetime
from typing import Protocol

from gatewayd.domain.credentials import Credentials


class Keyring(Protocol):
    """By address. A lock that is not paired is not in it; noting something of it does nothing."""

    async def get(self, address: str) -> Credentials | None:
        """What a lock was paired with."""
        ...

    async def put(self, address: str, credentials: Credentials) -> None:
        """The lock is paired anew: all that was known of it is replaced."""
        ...

    async def refuse_pin(self, address: str) -> None:
        """The lock refused the security PIN."""
        ...

    async def pin_tries(self, address: str, left: int) -> None:
        """So many more answers to the security PIN may get lost."""
        ...

    async def log_read(self, address: str, index: int) -> None:
        """The log is told from the next entry on."""
        ...

    async def clock_due(self, address: str, at: datetime) -> None:
        """Until then the lock's clock is not set again."""
        ...

    async def clock_right(self, address: str, at: datetime | None) -> None:
        """When the lock's clock was seen right; None: it is not."""
        ...
