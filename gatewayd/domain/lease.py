"""A key's claim on one slot of one lock: on disk before the lock is touched, sticky until freed."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.ids import KeyId
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.domain.slot import Entry, Holds, Occupied
from gatewayd.errors import Reason

SETTLES = 60.0
"""Seconds between the two Empty reads that end the doubt about a write of unknown outcome."""

GIVEN_UP = {Reason.LOCK_FULL, Reason.DUPLICATE_CODE}
"""Why a backup that nobody has is not tried again on its ladder; a duplicate has got other codes
before, as long as there was hope for one."""


class Stage(StrEnum):
    """How far our last touch of the slot got."""

    TAKEN = "taken"  # the lock holds nothing of ours
    WRITING = "writing"  # a write was begun, and never answered
    WRITTEN = "written"  # the lock acknowledged the write
    CLEARING = "clearing"  # a clear was begun, and never answered
    CLEARED = "cleared"  # the lock acknowledged the clear
    MOVED = "moved"  # the lock may be another one, or the hub was away: a look tells what is there
    GONE = "gone"  # two reads agree that nothing is there and nothing lands any more


class Proof(StrEnum):
    """How sure we are that the code is on the lock, the weakest first."""

    ACCEPTED = "accepted"  # the lock acknowledged
    PRESENT = "present"  # occupied, unreadable
    MATCHED = "matched"  # read back and equal
    USED = "used"  # opened the door


@dataclass(frozen=True, slots=True)
class Lease:
    """One code of one key in one slot.

    `slot`: None until a lock that numbers its codes itself has told; `window`, `enabled`, `hours`,
    `label`: as last written; `verify_due`: when to look a second time; `doubted_since`: the first
    read, while in doubt, that did not show the code; `missed`: a proven code was read as Empty
    once; `losses`: how often a proven code was gone or altered.
    """

    key_id: KeyId
    code: Code
    slot: int | None
    stage: Stage = Stage.TAKEN
    proof: Proof | None = None
    proven_at: datetime | None = None
    verify_due: Tick | None = None
    doubted_since: Tick | None = None
    missed: bool = False
    ladder: Ladder | None = None
    reason: Reason | None = None
    window: Window | None = None
    enabled: bool = True
    losses: int = 0
    hours: Hours | None = None
    label: str = field(default="", repr=False)

    @classmethod
    def adopted(cls, key: KeyId, slot: int, seen: Holds) -> "Lease":
        """A person's code that is ours from now on, to be looked at once more at once."""
        return cls(
            key,
            seen.code,
            slot,
            Stage.WRITTEN,
            Proof.MATCHED,
            seen.at,
            verify_due=Tick(0.0),
            window=seen.window,
            enabled=seen.enabled,
            hours=seen.hours,
        )

    @property
    def proven(self) -> bool:
        """Whether the lock itself has shown that the code is there."""
        return self.proof not in (None, Proof.ACCEPTED)

    @property
    def in_doubt(self) -> bool:
        """Whether one Empty look is not enough: a write may still land, or the look may lie."""
        if self.stage in (Stage.TAKEN, Stage.MOVED, Stage.GONE):
            return False
        return self.stage is not Stage.CLEARED or not self.proven

    @property
    def respects(self) -> bool:
        """Whether a person deleted the code at the lock, and it is gone (S1-17)."""
        return self.stage is Stage.GONE and self.reason is Reason.DELETED_AT_LOCK

    @property
    def stands(self) -> bool:
        """Whether the lock has shown the code, and nothing was done there since."""
        return self.proven and self.stage is Stage.WRITTEN

    def look_due(self, tick: Tick) -> bool:
        """Whether it is time to look a second time."""
        return self.verify_due is not None and self.verify_due <= tick

    def ends_by_itself(self, now: Now) -> bool:
        """Whether the lock was given a window that is over, and has shown that it took it."""
        window = self.window if self.stands else None
        return window is not None and now.surely_past(window.end)

    def doubted(self, tick: Tick) -> "Lease":
        """Not seen where it should be, since then or since an earlier look."""
        return self if self.doubted_since is not None else replace(self, doubted_since=tick)

    def is_for(self, entry: Entry) -> bool:
        """Whether an entry is what was last written."""
        written = (self.code, self.window, self.enabled, self.hours)
        return written == (entry.code, entry.window, entry.enabled, entry.hours)

    def limits(self, seen: Holds | Occupied, now: Now) -> bool:
        """Whether what the lock shows opens when it was meant to; a start that is past is past
        (some locks clamp it)."""
        if (self.enabled, self.hours) != (seen.enabled, seen.hours):
            return False
        if self.window is None or seen.window is None or self.window.end != seen.window.end:
            return self.window == seen.window
        starts = {self.window.start, seen.window.start}
        return len(starts) == 1 or now.surely_past(max(starts))


@dataclass(frozen=True, slots=True)
class LostLease:
    """One of a database that was lost, as `reported` told it last: the code by its fingerprint,
    None where the secret for that was lost, too."""

    slot: int
    key_id: KeyId
    fingerprint: str | None
