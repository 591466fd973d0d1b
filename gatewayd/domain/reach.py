"""Whether something that the hub depends on is there: the cloud, a radio."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """Up or down, since when, and, while it is down, why, where that is known."""

    up: bool
    since: datetime
    why: str | None = None
