"""Answers to commands."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.batch import Mode
from gatewayd.domain.ids import LockId, ReservationId
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    """The command is stored, not yet carried out; `held_by` names a brake to confirm first."""

    type: ClassVar[str] = "command.accepted"
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class CommandRejected:
    """The command changed nothing; `path` is the field at fault, dotted, empty for the whole."""

    type: ClassVar[str] = "command.rejected"
    reason: Reason
    path: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class CommandDone:
    """The command's effect on all doors is proven. Each accepted command is told so once, unless it
    is rejected or expires after all. Several about one key are told together, as soon as the key is
    proven as the last of them says, or nothing of it is left. One about many keys (`site.put`, a
    snapshot, `batch`) is done once it is stored. What waits for a lock that leaves the site is done
    then."""

    type: ClassVar[str] = "command.done"


@dataclass(frozen=True, slots=True)
class BatchPlanned:
    """What a batch does, or would do in a dry run; `more`: reservations that are not listed."""

    type: ClassVar[str] = "batch.planned"
    mode: Mode
    dry_run: bool
    reservations: tuple[ReservationId, ...]
    more: int
    locks: tuple[LockId, ...]


@dataclass(frozen=True, slots=True)
class CommandExpired:
    """The command came too late and changed nothing."""

    type: ClassVar[str] = "command.expired"
