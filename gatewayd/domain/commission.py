"""Commissioning: whether a lock hangs on the door that the site document gives it (suffering 27).

One lock alone gets a code, and a person types it at that door. The lock that is used, or that does
not know the code, is the one that hangs there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.key import Key, door
from gatewayd.domain.label import label
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.retry import Tick
from gatewayd.domain.site import Lock

PREFIX = "commission:"
LABEL = "Commission"

BOTH = "+"
"""Between two locks that an alert names; no id has it."""
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
"""When its key begins: before any time that a clock may be set to."""

type Typed = tuple[LockId, datetime]
"""A code that a lock does not know, and when it was typed there."""


class Result(StrEnum):
    """How it went."""

    RIGHT = "right"  # the code was used at that lock
    SWAPPED = "swapped"  # it was typed at another one
    UNUSED = "unused"  # nobody used it in time


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result, and where the code was typed instead."""

    result: Result
    other: LockId | None = None


@dataclass(frozen=True, slots=True)
class Commissioning:
    """One under way. `seconds`: how long its code is for use; `due`: when it ends, None: not
    counted yet in this boot; `opened`: since when the lock shows the code, None: not yet."""

    lock_id: LockId
    seconds: float
    cause: CommandId | None = None
    due: Tick | None = None
    opened: datetime | None = None

    @property
    def key_id(self) -> KeyId:
        """The key's that has the code."""
        return key_id(self.lock_id)

    def going_on(self, now: Now, tick: Tick, *, proven: bool) -> "Commissioning":
        """The same now, whether or not the lock has shown its code. Its time begins with the
        command, anew when the code is there, and anew with a boot of the hub, before which nobody
        counted; the wall clock has no say in it. `opened` is read as wrong codes are noted."""
        opens = proven and self.opened is None
        due = Tick(tick + self.seconds) if opens or self.due is None else self.due
        return replace(self, due=due, opened=now.latest if opens else self.opened)

    def verdict(
        self, used: Collection[LockId], wrong: Iterable[Typed], tick: Tick
    ) -> Verdict | None:
        """What the locks have told: where the code was used, and where a code was typed that the
        lock does not know. None: nothing yet; a wrong code at the lock itself was a slip."""
        if self.lock_id in used:
            return Verdict(Result.RIGHT)
        if elsewhere := min(used, default=None):
            return Verdict(Result.SWAPPED, elsewhere)
        typed = min(((at, lock) for lock, at in wrong if self._meant(lock, at)), default=None)
        if typed is not None:
            return Verdict(Result.SWAPPED, typed[1])
        return Verdict(Result.UNUSED) if self.due is not None and self.due <= tick else None

    def _meant(self, lock: LockId, at: datetime) -> bool:
        """Whether a wrong code was this one, typed at the wrong lock."""
        return lock != self.lock_id and self.opened is not None and at >= self.opened


def key_id(lock: LockId) -> KeyId:
    """The key that has the code."""
    return KeyId(f"{PREFIX}{lock}")


def lock_of(key: KeyId) -> LockId | None:
    """The lock whose commissioning has that key; None: it is another key."""
    return LockId(key.removeprefix(PREFIX)) if key.startswith(PREFIX) else None


def key(lock: Lock, policy: Policy, able: Capabilities) -> Key:
    """The key of a commissioning, whether or not the door allows guests' codes: without beginning
    and end, so that it hangs on no clock; the hub takes it away."""
    return Key(
        id=key_id(lock.id),
        reservation_id=None,
        label=label(LABEL, able.label_length),
        name=None,
        guest=None,
        window=Window(SINCE, FOREVER),
        timetable=None,
        doors={lock.id: door(SINCE, None, policy)},
        policy=policy,
        rules=able.code,
    )


def doors(lock: LockId, other: LockId) -> str:
    """What an alert about two doors names, whichever was found first."""
    return BOTH.join(sorted((lock, other)))


def names(subject: str, locks: Collection[LockId]) -> bool:
    """Whether one of the two doors of an alert is among these."""
    return not {LockId(lock) for lock in subject.split(BOTH)}.isdisjoint(locks)
