"""What a slot should hold, and what a lock says it holds. Not knowing is not `Empty`."""

from dataclasses import dataclass
from datetime import datetime

from gatewayd.domain.code import Code


@dataclass(frozen=True, slots=True)
class Entry:
    """What we want in a slot."""

    code: Code
    label: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """The lock says that the slot is free."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Holds:
    """The lock shows the code in the slot."""

    at: datetime
    code: Code


@dataclass(frozen=True, slots=True)
class Occupied:
    """The lock says that there is a code, and masks it."""

    at: datetime


type Observation = Empty | Holds | Occupied
