"""One command's change while it is being made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.events import Event
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.key import Basis, Key, key_for
from gatewayd.domain.moment import Now
from gatewayd.domain.site import Site
from gatewayd.errors import Reason
from gatewayd.store.database import Outgoing, Transaction
from gatewayd.store.outbox import Outbox
from gatewayd.store.reservations import Stored


@dataclass(slots=True)
class Change:
    """The open transaction, what the command is judged by, and which keys it makes live or not."""

    tx: Transaction
    outbox: Outbox
    now: Now
    rng: Random
    cause: CommandId | None
    site: Site | None
    capabilities: Mapping[LockId, Capabilities]
    low: frozenset[LockId] = frozenset()  # locks whose battery is low
    withdrawn: set[KeyId] = field(default_factory=set)
    granted: set[KeyId] = field(default_factory=set)
    existing: bool = False  # the reservations at hand were there before the hub
    moved: bool = False  # the reservation at hand is for another property than before
    wished: bool = False  # another code is asked for than before
    held: Reason | None = None  # why the reservation at hand had no key until now
    unasked: bool = False  # it has none until somebody asks for one

    def found(self, stored: Stored | None) -> None:
        """The reservation at hand, as it is stored."""
        self.held = stored.held if stored else None
        self.unasked = self.held is Reason.NOT_DUE and stored is not None and stored.due is None

    def key_of(self, basis: Basis) -> Key | None:
        """The key that a basis gives here and now, see `key_for`."""
        return key_for(self.site, basis, self.capabilities, self.low)

    def fallback_note(self, lock: LockId) -> str | None:
        """What a person does where a lock opens to no code (S0-7)."""
        there = self.site.locks.get(lock) if self.site else None
        return there.fallback_note if there else None

    async def tell(self, *events: Event) -> list[Outgoing]:
        """Add events that this command caused."""
        return await self.outbox.tell(self.tx, self.now, events, self.cause)
