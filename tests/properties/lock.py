"""A virtual lock: what truly lies in its slots, and how it fails."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.moment import Window
from gatewayd.domain.report import CodeAdded, CodeDeleted, DuplicateRefused, Report
from gatewayd.domain.slot import Empty, Holds, Observation, Occupied

LANDS_WITHIN = 60
"""Seconds after which nothing that was begun can land any more."""


class Fault(StrEnum):
    """What one operation meets."""

    NONE = "none"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    FALSE_ACK = "false_ack"  # yes, and nothing is done
    SILENT_DUPLICATE = "silent_duplicate"  # yes, nothing is done, and a report follows
    LATE_ACK = "late_ack"  # yes, and done within a minute
    MANGLED = "mangled"  # yes, and other digits are stored
    WIPED = "wiped"  # yes, and its window is lost
    UNREAD = "unread"  # yes, and then the look gets no answer
    UNKNOWN_DONE = "unknown_done"
    UNKNOWN_NOT_DONE = "unknown_not_done"
    UNKNOWN_LATE = "unknown_late"  # no answer, and done within a minute
    MASKED = "masked"  # a read tells that there is a code, not which
    LYING = "lying"  # a read says Empty of a proven code, once
    RESTART_DONE = "restart_done"  # the daemon dies, the answer is lost
    RESTART_NOT_DONE = "restart_not_done"


DONE = {Fault.NONE, Fault.UNREAD, Fault.UNKNOWN_DONE, Fault.RESTART_DONE}
LATE = {Fault.LATE_ACK, Fault.UNKNOWN_LATE}
RESTARTS = {Fault.RESTART_DONE, Fault.RESTART_NOT_DONE}
HARMLESS_TO_WRITES = {
    Fault.NONE,
    Fault.MANGLED,
    Fault.WIPED,
    Fault.FALSE_ACK,
    Fault.SILENT_DUPLICATE,
    Fault.REFUSED,
    Fault.DUPLICATE,
}
"""The lock answered, and nothing is left to land: no excuse for a code that stays too long."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What truly lies in a slot: `key` None = a person's; `meant` differs where it is mangled."""

    code: Code
    key: KeyId | None
    meant: Code
    enabled: bool = True
    window: Window | None = None


@dataclass
class VirtualLock:
    """Slots, and what is still under way to them; `counts`: it numbers its codes itself."""

    masked: bool = False
    echoes: bool = False  # reports each code added or deleted
    stored: dict[int, Stored] = field(default_factory=dict)
    pending: list[tuple[int, int, Stored | None]] = field(default_factory=list)
    mail: list[Report] = field(default_factory=list)
    mangled: set[int] = field(default_factory=set)  # at any time
    lied: set[int] = field(default_factory=set)  # since the last true look
    counts: bool = False
    given: int = 0  # the last number

    def number(self) -> int:
        """The next of its own numbers."""
        self.given += 1
        return self.given

    def touch(
        self,
        slot: int,
        content: Stored | None,
        fault: Fault,
        age: int,
        new_code: Callable[[], Code],
    ) -> None:
        """What a write, or a clear (None), does, now or later."""
        if content is not None and fault is Fault.MANGLED:
            self.mangled.add(slot)
            self.land(slot, replace(content, code=new_code()))
        elif fault in DONE:
            self.land(slot, content)
        elif content is not None and fault is Fault.WIPED:
            self.land(slot, replace(content, window=None))
        elif fault is Fault.SILENT_DUPLICATE and content is not None:
            self.mail.append(DuplicateRefused())
        elif fault in LATE and self.stored.get(slot) != content:
            self.pending.append((age + LANDS_WITHIN - 7 * len(self.pending), slot, content))

    def settle(self, age: int) -> None:
        """What was under way lands in its time."""
        landed = [x for x in self.pending if x[0] <= age]
        self.pending = [x for x in self.pending if x[0] > age]
        for _, slot, content in landed:
            self.land(slot, content)

    def land(self, slot: int, content: Stored | None) -> None:
        """The lock stores or deletes, and may say so."""
        if content is None:
            self.stored.pop(slot, None)
        else:
            self.stored[slot] = content
        if self.echoes:
            self.mail.append(CodeDeleted(slot) if content is None else CodeAdded(slot))

    def look(self, slot: int, fault: Fault, at: datetime) -> Observation:
        """What a read shows."""
        content = self.stored.get(slot)
        self.lied.discard(slot)
        if fault is Fault.LYING:
            self.lied.add(slot)
        if content is None or fault is Fault.LYING:
            return Empty(at)
        if self.masked or fault is Fault.MASKED:
            return Occupied(at, content.enabled, content.window)
        return Holds(at, content.code, content.enabled, content.window)

    def shows(self, slot: int, seen: Observation) -> bool:
        """Whether that is what a slot holds, as the lock's checksum would tell."""
        content = self.stored.get(slot)
        if content is None or not isinstance(seen, Holds):
            return content is None and isinstance(seen, Empty)
        return (content.code, content.enabled) == (seen.code, seen.enabled)

    def has_pending(self, slot: int) -> bool:
        """Whether something is under way to this slot."""
        return any(x[1] == slot for x in self.pending)
