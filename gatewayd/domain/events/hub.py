"""The hub itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class HubStarted:
    """The daemon is up."""

    type: ClassVar[str] = "hub.started"
    version: str


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """The hub asks for all reservations: its database is new, or the session was lost. A new
    database has no site document and no keys by hand either: send `site.put` and `key.put` first,
    and echo in each the code that was assigned."""

    type: ClassVar[str] = "snapshot.wanted"
    why: Literal["new_database", "session_lost"]


@dataclass(frozen=True, slots=True)
class HubWasOff:
    """The hub was off for longer than its clock allowed for (`uncertainty`), which it learned when
    that was synchronised: what was due meanwhile was late."""

    type: ClassVar[str] = "hub.was_off"
    since: datetime
    until: datetime
