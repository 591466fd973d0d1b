"""What a slot should hold, and what a lock says it holds. Not knowing is not `Empty`."""

from dataclasses import dataclass, field
from datetime import datetime

from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.moment import Window


@dataclass(frozen=True, slots=True)
class Entry:
    """What we want in a slot; `window`, `hours` None where the lock itself knows none."""

    code: Code
    label: str = field(default="", repr=False)
    enabled: bool = True
    window: Window | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """The lock says that the slot is free."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Holds:
    """The lock shows the code in the slot, and the limits within which it opens."""

    at: datetime
    code: Code
    enabled: bool = True
    window: Window | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Occupied:
    """The lock says that there is a code, and masks it."""

    at: datetime
    enabled: bool = True
    window: Window | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """The lock says that there is no code, and that the slot is for somebody who opens otherwise:
    no code of ours is there, and none can be."""

    at: datetime


type Observation = Empty | Holds | Occupied | Foreign
