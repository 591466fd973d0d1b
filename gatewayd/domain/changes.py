"""When time alone changes what is wanted at a lock."""

from collections.abc import Iterator

from gatewayd.domain.moment import Now
from gatewayd.domain.policy import HUB_TIMED_LEAD
from gatewayd.domain.situation import Situation


def changes(s: Situation, now: Now) -> Iterator[float]:
    """Seconds until a window or a timetable changes what is wanted."""
    dues = [c.due for c in s.claims.values()] + ([s.next_due] if s.next_due else [])
    dues += [c.window.start for c in s.claims.values() if s.capabilities.can_disable]
    dues += [c.window.start - HUB_TIMED_LEAD for c in s.waiting(now)]
    ends = [at for c in s.claims.values() for at in {c.window.end, c.gone}]
    for claim in s.claims.values():
        if claim.timetable is not None and (opening := claim.opening(now)) is not None:
            dues += [opening.start - HUB_TIMED_LEAD, opening.start]
            ends.append(opening.end)
    yield from ((due - now.latest).total_seconds() for due in dues if not now.maybe_reached(due))
    yield from ((e - now.earliest).total_seconds() for e in ends if not now.surely_past(e))
