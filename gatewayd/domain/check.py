"""The daily health check and the watch: which codes are missing where they are needed (S1-9)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from gatewayd.domain.door import door_state
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.stay import local
from gatewayd.errors import Reason

AHEAD = timedelta(hours=24)
"""The daily check looks after the codes that are needed within this."""
WATCHED = timedelta(hours=2)
"""From so long before its window on a code that is due and not proven is told at once."""
GRACE = 300.0
"""Seconds that a code has to get onto its lock, from when it is due: 1 to 5 minutes are normal
(S3-16), and a code that the hub times is due only ten minutes before its window."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """A code that a guest cannot count on; `unset`: it is not on the lock, as far as one knows;
    `backup`: the guest needs another one."""

    lock_id: LockId
    key_id: KeyId
    reason: Reason
    unset: bool
    backup: bool

    @property
    def subject(self) -> str:
        """What an alert about it names: the door and the key."""
        return subject(self.lock_id, self.key_id)


def subject(lock: LockId, key: KeyId) -> str:
    """What an alert about a key at a door names."""
    return f"{lock}/{key}"


def last_due(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The last moment up to now at which a clock in that zone showed that time; where a change of
    the clock makes it two or none, one of them counts, so that there is one a day."""
    today = now.astimezone(zone).date()
    days = (today + DAY * back for back in (0, -1, -2))
    readings = (local(datetime.combine(day, at), zone, earlier=True) for day in days)
    return next(due for due in readings if due <= now)


def is_due(last: datetime, now: Now, at: time, zone: ZoneInfo) -> bool:
    """Whether the check of a day is still to be made, given the last one; a clock that was far
    ahead when that was made does not stop it for long."""
    return last < last_due(now.earliest, at, zone) or last > now.latest + DAY


def needed(window: Window, now: Now, ahead: timedelta) -> bool:
    """Whether somebody opens with it within that time."""
    return now.maybe_reached(window.start - ahead) and not now.surely_past(window.end)


def finding(
    s: Situation, claim: Claim, now: Now, tick: Tick, *, silent: Reason | None
) -> Finding | None:
    """What is wrong with a code that is due at a lock; `silent`: why that does not answer now.

    What the lock has shown before is most likely there still: no backup. Nor is there one for what
    a person deleted at the lock (S1-17). Without a reason of its own the lock could not be asked.
    """
    if s.done(claim, now):
        return unread(s.lock, claim.key_id, silent) if silent else None
    state = door_state(s, claim, now, tick)
    if state.state != "withheld":
        reason = state.reason or silent or Reason.RADIO_DOWN
        return Finding(s.lock, claim.key_id, reason, unset=True, backup=True)
    if state.reason is Reason.DELETED_AT_LOCK:
        return Finding(s.lock, claim.key_id, state.reason, unset=True, backup=False)
    return None  # somebody wants it so


def unread(lock: LockId, key: KeyId, silent: Reason) -> Finding:
    """A key at a lock that does not answer: proven before, or not due yet."""
    return Finding(lock, key, silent, unset=False, backup=False)
