"""Wrong codes at keypads: a guest who mistypes, or somebody who tries one code after the other."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from gatewayd.domain.ids import LockId
from gatewayd.domain.moment import Now

WITHIN = timedelta(minutes=10)
AT_ONE, ON_SITE = 10, 15
"""So many wrong codes within that time at one lock, or at all that have fewer together, are no
guest's: three who mistype three times each stay below."""
QUIET = timedelta(minutes=30)
"""Without a wrong code it is over: longer than keypads lock themselves out."""

COMMISSIONED = 3
"""So many wrong codes are those of a person who commissions a lock: at a door that opens to nobody
the code is typed again, also for a while after the hub has told what it made of it."""

SITE = "site"
"""What an alert names when it is many locks."""

type Span = tuple[datetime, datetime | None]
"""Since when a person commissions a lock, and until when; None: still."""


def unexplained(
    wrong: Sequence[tuple[LockId, datetime]], commissioned: Sequence[Span]
) -> list[tuple[LockId, datetime]]:
    """The wrong codes that are not those of who commissions a lock."""
    left = sorted(wrong, key=lambda typed: typed[1])
    for begun, ended in commissioned:
        his = [x for x in left if begun <= x[1] and (ended is None or x[1] < ended + WITHIN)]
        for typed in his[:COMMISSIONED]:
            left.remove(typed)
    return left


def attacked(
    wrong: Sequence[tuple[LockId, datetime]], standing: Collection[str], now: Now
) -> set[str]:
    """The locks at which somebody tries codes, and `SITE` where it is over many; `standing`: where
    it was so already."""
    recent = Counter(lock for lock, at in wrong if not now.surely_past(at + WITHIN))
    found: set[str] = {lock for lock, count in recent.items() if count >= AT_ONE}
    if sum(count for lock, count in recent.items() if lock not in found) >= ON_SITE:
        found.add(SITE)
    restless = {lock for lock, at in wrong if not now.surely_past(at + QUIET)}
    return found | {x for x in standing if x in restless or (x == SITE and restless)}
