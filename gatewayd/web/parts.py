"""What the local door needs of the rest of the hub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gatewayd.clock import Clock
from gatewayd.domain.reach import Reach
from gatewayd.intake.accept import Intake
from gatewayd.store.database import Database
from gatewayd.store.outbox import Outbox
from gatewayd.web.followers import Followers


@dataclass(frozen=True, slots=True)
class Parts:
    """`cloud`, `radios`: how it stands with them now; `since`: the daemon's start."""

    hub: str
    version: str
    since: datetime
    database: Database
    outbox: Outbox
    intake: Intake
    clock: Clock
    cloud: Callable[[], Reach]
    radios: Callable[[], Mapping[str, Reach]]
    followers: Followers
