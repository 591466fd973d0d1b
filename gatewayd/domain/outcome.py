"""What follows from something that happened at a lock: the situation after it, and events; and how
failures count, for the lock or for one code."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gatewayd.domain.code import Code
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeFailed, CodeRemovalFailed
from gatewayd.domain.events.lock import LockOffline, LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Ladder, Retry, Tick, failed
from gatewayd.domain.situation import Situation
from gatewayd.errors import Reason

TOLD_EACH = 6
"""Every failure of the first rungs is told; later ones every hour (12 tries of 5 minutes)."""
TOLD_LATER = 12

PIN_ALERTS = {
    Reason.PIN_REFUSED: AlertCode.PIN_REFUSED,
    Reason.PIN_UNANSWERED: AlertCode.PIN_UNANSWERED,
}
"""Of a lock that is left alone until a person has paired it again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The situation after, what to tell, keys whose code the lock refuses as a duplicate, keys
    whose label may be why it refuses them, and keys that have another code than was thought."""

    situation: Situation
    events: tuple[Event, ...] = ()
    refused: tuple[KeyId, ...] = ()
    misnamed: tuple[tuple[KeyId, Reason], ...] = ()
    recoded: tuple[tuple[KeyId, Code], ...] = ()

    def then(self, following: "Outcome") -> "Outcome":
        """This, and what follows from its situation."""
        return replace(
            self,
            situation=following.situation,
            events=(*self.events, *following.events),
            recoded=(*self.recoded, *following.recoded),
        )


type After = tuple[Situation, tuple[Event, ...]]


def answered(s: Situation, events: tuple[Event, ...] = ()) -> Outcome:
    """The lock answered, whatever it said: its own ladder ends."""
    s = replace(s, asked=False) if s.asked else s
    if s.ladder is None:
        return Outcome(s, events)
    back = (
        LockOnline(s.lock),
        cleared(AlertCode.LOCK_OFFLINE, s.lock),
        cleared(AlertCode.PIN_REFUSED, s.lock),  # it answers only where the PIN is right
        cleared(AlertCode.PIN_UNANSWERED, s.lock),
    )
    return Outcome(replace(s, ladder=None, reason=None), (*back, *events))


def unreachable(s: Situation, reason: Reason, now: Now, tick: Tick) -> Outcome:
    """No answer: one rung for the lock, told for each code that waits for it."""
    ladder = failed(s.ladder, tick)
    events: list[Event] = []
    if s.ladder is None:
        events += [LockOffline(s.lock, reason), raised(AlertCode.LOCK_OFFLINE, s.lock)]
    if (alert := PIN_ALERTS.get(reason)) is not None:
        events.append(raised(alert, s.lock))
    if told(ladder):
        retry = (reason, ladder.failures, next_try(ladder, now, tick))
        for claim in s.claims.values():
            lease = s.lease_of(claim.key_id, claim.code)
            if claim.wanted(now) and not claim.withheld and not (lease and lease.proven):
                events.append(CodeFailed(claim.key_id, s.lock, *retry))
        for lease in s.leases:
            if not s.rightful(lease, now) and lease.stage is not Stage.TAKEN:
                events.append(CodeRemovalFailed(lease.key_id, s.lock, *retry))
                events.append(raised(AlertCode.REMOVAL_FAILED, removal_subject(s, lease)))
    return Outcome(replace(s, ladder=ladder, reason=reason), tuple(events))


def not_taken(s: Situation, lease: Lease, reason: Reason, now: Now, tick: Tick) -> After:
    """A write did not put our code there: one rung for this code. Where the lock has the same
    digits already only a person helps, if the code stays (suffering 4)."""
    claim = s.claims.get(lease.key_id)
    usual = claim.retry if claim else Retry.LADDER
    ladder = failed(lease.ladder, tick, Retry.DAILY if reason is Reason.DUPLICATE_CODE else usual)
    after = s.with_lease(replace(lease, ladder=ladder, reason=reason))
    event = CodeFailed(lease.key_id, s.lock, reason, ladder.failures, next_try(ladder, now, tick))
    return after, (event,) if told(ladder) else ()


def still_there(s: Situation, lease: Lease, reason: Reason, now: Now, tick: Tick) -> After:
    """A clear that did not clear, or may not have: the most severe alert."""
    ladder = failed(lease.ladder, tick)
    after = s.with_lease(replace(lease, ladder=ladder, reason=reason))
    event = CodeRemovalFailed(
        lease.key_id, s.lock, reason, ladder.failures, next_try(ladder, now, tick)
    )
    alert = raised(AlertCode.REMOVAL_FAILED, removal_subject(s, lease))
    return after, (event, alert) if told(ladder) else ()


def removal_subject(s: Situation, lease: Lease) -> str:
    """The subject of a removal's alert: the door and the key."""
    return f"{s.lock}/{lease.key_id}"


def told(ladder: Ladder) -> bool:
    """Whether a failure is worth an event: each of the first rungs, then one an hour."""
    return ladder.failures <= TOLD_EACH or ladder.failures % TOLD_LATER == 0


def next_try(ladder: Ladder, now: Now, tick: Tick) -> datetime:
    """When the ladder is due, on the wall clock."""
    return now.latest + timedelta(seconds=ladder.due - tick)
