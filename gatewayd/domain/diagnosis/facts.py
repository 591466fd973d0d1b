"""What a diagnosis is made from, as it is on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gatewayd.domain.diagnosis import Attempt, words
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Situation
from gatewayd.errors import Reason

type Alerts = Mapping[AlertCode, datetime]
"""Those that stand for one subject, and since when."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A reservation; `locks`: how many its property has, None: the site has no such property;
    `blocks`: it is no booking; `over`: its last day is."""

    id: str
    confirmed: bool
    changed_at: datetime
    held: Reason | None = None
    held_until: datetime | None = None
    announced_at: datetime | None = None
    locks: int | None = None
    blocks: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """When the cloud was told the code, and whether it said that it has it; `changed`: the guest
    may know another one."""

    at: datetime
    receipted: bool
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A key; `told`: the last time that the cloud was told its code."""

    window: Window
    revoked: bool = False
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A lock, and what the key at hand has to do with it: `due`: when its code belongs there, None:
    it does not; `withheld`: why nothing new is written; `key_alerts`: those for the key there;
    `wrong`: when wrong codes were typed in the last hours; `used_at`: when the key's code opened it
    last."""

    situation: Situation
    name: str
    driver: str = ""
    listed: bool = True
    last_contact: datetime | None = None
    due: datetime | None = None
    withheld: Reason | None = None
    alerts: Alerts = field(default_factory=dict)
    key_alerts: Alerts = field(default_factory=dict)
    radio_alerts: Alerts = field(default_factory=dict)
    wrong: tuple[datetime, ...] = ()
    used_at: datetime | None = None

    @property
    def id(self) -> LockId:
        """The lock's."""
        return self.situation.lock


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub itself; `connected`: to the cloud, None where that is not known; `last_command`: when
    the last one came in."""

    now: Now
    tick: Tick
    zone: ZoneInfo
    connected: bool | None = None
    last_command: datetime | None = None
    alerts: Alerts = field(default_factory=dict)
    braked: bool = False

    def when(self, at: datetime) -> str:
        """A time in words."""
        return words.when(at, self.now, self.zone)

    def on(self, at: datetime) -> str:
        """The same with its preposition."""
        return words.on(at, self.now, self.zone)


@dataclass(frozen=True, slots=True)
class Case:
    """One key, or a reservation that has none. `alerts`: of the reservation, or the key by hand;
    `attempts`: the newest first."""

    subject: str
    key_id: KeyId
    hub: Hub
    stay: Stay | None = None
    key: Grant | None = None
    doors: tuple[Door, ...] = ()
    alerts: Alerts = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()

    @property
    def name(self) -> str:
        """How people call it: a reservation by its own id."""
        return self.stay.id if self.stay else self.key_id
