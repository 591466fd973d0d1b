"""Staff's word on a key: laid over what a reservation says, or standing alone as a manual key."""

from dataclasses import dataclass, field
from datetime import datetime

from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.ids import LockId
from gatewayd.domain.policy import PolicyPatch


@dataclass(frozen=True, slots=True)
class Override:
    """What is None or empty leaves it to the reservation (S3-1, S3-5, S3-6, S3-12).

    `starts`, `ends`: local times without grace; `revoked`: no door opens but the `restored_doors`;
    `revoked_doors`: these do not.
    """

    name: str | None = field(default=None, repr=False)
    add: tuple[LockId, ...] = ()
    remove: frozenset[LockId] = frozenset()
    starts: datetime | None = None
    ends: datetime | None = None
    hours: Hours | None = None
    code: Code | None = None
    policy: PolicyPatch = field(default_factory=dict)
    revoked: bool = False
    revoked_doors: frozenset[LockId] = frozenset()
    restored_doors: frozenset[LockId] = frozenset()

    def doors(self, locks: tuple[LockId, ...]) -> tuple[LockId, ...]:
        """The locks that open, of those of the property and of those added."""
        return tuple(x for x in dict.fromkeys((*locks, *self.add)) if not self.shuts(x))

    @property
    def all_shut(self) -> bool:
        """Whether no door opens at all."""
        return self.revoked and not self.restored_doors

    def shuts(self, lock: LockId) -> bool:
        """Whether staff said that this door does not open."""
        if self.revoked and lock not in self.restored_doors:
            return True
        return lock in self.remove | self.revoked_doors


NOTHING = Override()
"""Staff has said nothing."""
